"""The OpenAPI 3.1 document of a service: problems, scopes and the bearer token on every operation."""

from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from shared.auth import InvalidToken, NotAllowed, Requires
from shared.errors import PROBLEM_JSON, PROBLEM_SCHEMA


def scopes_of(dependant: Dependant) -> list[str]:
    """Return the scopes that a route's dependencies ask for."""
    own = [dependant.call.scope] if isinstance(dependant.call, Requires) else []
    return own + [scope for part in dependant.dependencies for scope in scopes_of(part)]


def operation_id(route: APIRoute) -> str:
    """Return a name that generated clients can use: the routes' subject, then what the route does."""
    return f"{route.tags[0] if route.tags else 'service'}_{route.name}".replace(" ", "_").replace("-", "_")


def describe(app: FastAPI) -> None:
    """Give `app` a document that says, for every operation, its scope and every refusal."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes, openapi_version="3.1.0"
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = PROBLEM_SCHEMA
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for context in iter_route_contexts(app.routes):  # an included router is one entry of app.routes
        route = context.original_route
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                _complete(document["paths"][route.path_format][method.lower()], scopes_of(route.dependant))
    return document


def _complete(operation: dict[str, Any], scopes: list[str]) -> None:
    problem = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses = operation["responses"]
    if "422" in responses and "application/json" in responses["422"].get("content", {}):
        responses["422"] = {"description": "`invalid-input`", "content": problem}
    if scopes:
        operation["security"] = [{"bearer": []}]
        operation["x-scopes"] = scopes
        responses.setdefault("401", {"description": f"`{InvalidToken.code}`", "content": problem})
        responses.setdefault("403", {"description": f"`{NotAllowed.code}`", "content": problem})
    responses.setdefault("default", {"description": "any other refusal", "content": problem})
    operation.pop("x-streams", None)
