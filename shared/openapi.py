"""The OpenAPI 3.1 document of a service: problems, scopes and the bearer token on every operation."""

from collections.abc import Iterator
from functools import cache, partial
from math import inf
from typing import Any, get_args, get_origin

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from shared.auth import Requires
from shared.errors import PROBLEM_JSON, PROBLEM_SCHEMA, BodyTooLarge, IncompleteBody, NullCharacter, problems

_BODILESS = {"GET", "HEAD", "DELETE"}


def dependants_of(route: APIRoute) -> Iterator[Dependant]:
    """Yield what a route depends on, itself first."""
    waiting = [route.dependant]
    while waiting:
        yield (dependant := waiting.pop())
        waiting += dependant.dependencies


def parameters_of(route: APIRoute) -> dict[str, float]:
    """Tell of each name that a route takes in its address how often it may stand there: once, or any number of times."""
    takes: dict[str, float] = {}
    for field in (field for part in dependants_of(route) for field in part.query_params):
        model = getattr(field.field_info.annotation, "model_fields", {})
        for name, info in (model or {field.alias: field.field_info}).items():
            several = any(get_origin(kind) is list for kind in (info.annotation, *get_args(info.annotation)))
            takes[info.alias or name] = inf if several else 1
    return takes


def scopes_of(route: APIRoute) -> list[str]:
    """Return the scopes that a route's dependencies ask for."""
    return [part.call.scope for part in dependants_of(route) if isinstance(part.call, Requires)]


def responses_of(route: APIRoute) -> dict[int | str, dict[str, Any]]:
    """Return what a route declares, and what follows from its dependencies: their refusals, and the ETag of an edit."""
    parts = list(dependants_of(route))
    refusals = [refusal for part in parts for refusal in getattr(part.call, "refusals", ())]
    if route.methods and not route.methods <= _BODILESS:
        refusals += [BodyTooLarge, IncompleteBody]
    responses = problems(*refusals, NullCharacter, declared=route.responses)
    edits = any(field.alias == "If-Match" for part in parts for field in part.header_params)
    if edits and route.methods != {"DELETE"}:
        etag = {"description": "The new version, for the next If-Match", "schema": {"type": "string"}}
        responses.setdefault(str(route.status_code or 200), {})["headers"] = {"ETag": etag}
    return responses


def operation_id(route: APIRoute) -> str:
    """Return a name that generated clients can use: the routes' subject, then what the route does."""
    return f"{route.tags[0] if route.tags else 'service'}_{route.name}".replace(" ", "_").replace("-", "_")


def describe(app: FastAPI) -> None:
    """Give `app` a document that says, for every operation, its scope and every refusal."""
    app.openapi = cache(partial(_document, app))  # type: ignore[method-assign] # FastAPI's documented way


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes, openapi_version="3.1.0"
    )
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for context in iter_route_contexts(app.routes):  # an included router is one entry of app.routes
        route = context.original_route
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                _complete(document["paths"][route.path_format][method.lower()], scopes_of(route))
    return document


def _complete(operation: dict[str, Any], scopes: list[str]) -> None:
    problem = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    if scopes:
        operation["security"] = [{"bearer": []}]
        operation["x-scopes"] = scopes
    operation["responses"].setdefault("default", {"description": "any other refusal", "content": problem})
    operation.pop("x-streams", None)
