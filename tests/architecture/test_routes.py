"""Every route says who may call it, what may go wrong, and what repeats safely."""

import ast
import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from deploy.registry import SERVICES, load_service
from shared.errors import DomainError
from shared.jobs import jobs_router
from shared.openapi import dependants_of, scopes_of
from shared.routing import ServiceRoute
from tests.architecture.test_documents import ROOT


def routes() -> Iterator[tuple[str, APIRoute]]:
    for name in SERVICES:
        for router in (*load_service(name).routers, jobs_router(name)):
            for route in router.routes:
                assert isinstance(route, APIRoute)
                yield name, route


ROUTES = list(routes())
NAMES = [f"{sorted(route.methods or ())} {route.path}" for _, route in ROUTES]


@pytest.mark.parametrize(("service", "route"), ROUTES, ids=NAMES)
def test_a_route_declares_its_scope_and_refusals(service: str, route: APIRoute) -> None:
    assert isinstance(route, ServiceRoute), "use route_class=ServiceRoute"
    assert route.path.startswith(f"/{service}/")
    scopes = scopes_of(route)
    assert len(scopes) == 1
    assert scopes[0].startswith(f"{service}.")
    others = {"206", "304", "503", str(route.status_code or 200)}
    assert all(str(status).startswith("4") or str(status) in others for status in route.responses)


@pytest.mark.parametrize(("service", "route"), ROUTES, ids=NAMES)
def test_what_reads_cannot_write_and_what_writes_repeats_safely(service: str, route: APIRoute) -> None:
    assert service
    names = {getattr(dependency.call, "__name__", "") for dependency in dependants_of(route)}
    if route.methods and route.methods <= {"GET", "HEAD"}:
        assert "unit_of_work" not in names
    elif route.methods == {"POST"} and not (route.openapi_extra or {}).get("x-streams"):
        assert "_idempotent" in names, "use dependencies=[Idempotent]"


def codes_of(route: APIRoute) -> set[str]:
    """Return the codes of the refusals that a route declares."""
    described = "; ".join(answer.get("description", "") for answer in route.responses.values())
    return {word.strip("`") for word in described.split("; ")}


# What reading a header, or a page's cursor, can end with, wherever it is read.
REFUSALS_OF_PARAMETERS = {
    "Idempotency-Key": {"idempotency-key-reused", "idempotency-key-in-progress"},
    "If-Match": {"if-match-failed"},
    "Work-Started-At": {"implausible-start"},
    "cursor": {"invalid-cursor"},
}


@pytest.mark.parametrize(("service", "route"), ROUTES, ids=NAMES)
def test_a_route_declares_what_its_parameters_can_end_with(service: str, route: APIRoute) -> None:
    assert service
    parts = list(dependants_of(route))
    read = {field.alias for part in parts for field in (*part.header_params, *part.query_params)}
    expected = {"invalid-token", "not-allowed", "invalid-input", "null-character"}
    for name in read & REFUSALS_OF_PARAMETERS.keys():
        expected |= REFUSALS_OF_PARAMETERS[name]
    if route.methods and not route.methods <= {"GET", "HEAD", "DELETE"}:
        expected |= {"body-too-large", "incomplete-body"}
    assert expected <= codes_of(route)
    success = route.responses.get(str(route.status_code or 200), {})
    assert ("ETag" in success.get("headers", {})) == ("If-Match" in read and route.methods != {"DELETE"})


def refusals_beside(service: str) -> Iterator[tuple[str, type[DomainError]]]:
    """Yield the refusals in a service's `errors.py` files."""
    for file in sorted((Path(__file__).parents[2] / "services" / service).glob("*/errors.py")):
        module = import_module(".".join(file.relative_to(file.parents[3]).with_suffix("").parts))
        for node in ast.parse(file.read_text()).body:
            kind = getattr(module, node.name) if isinstance(node, ast.ClassDef) else None
            if isinstance(kind, type) and issubclass(kind, DomainError) and "code" in vars(kind):
                yield file.parent.name, kind


@pytest.mark.parametrize("service", ["billing", "hr"])
def test_no_refusal_is_declared_by_nobody(service: str) -> None:
    declared = {code for name, route in ROUTES if name == service for code in codes_of(route)}
    assert {kind.code for _, kind in refusals_beside(service)} <= declared


@pytest.mark.parametrize(("service", "route"), ROUTES, ids=NAMES)
def test_paths_are_plural_kebab_case(service: str, route: APIRoute) -> None:
    parts = [part for part in route.path.split("/")[2:] if not part.startswith("{")]
    assert parts, service
    assert all(part == part.lower() and "_" not in part for part in parts)


@pytest.mark.parametrize("service", SERVICES)
def test_a_schema_has_a_name_of_its_own(service: str) -> None:
    """Two classes of one name would be told apart by their modules' paths, and generated clients show those."""
    schemas = json.loads((ROOT / f"docs/openapi/{service}.json").read_text())["components"]["schemas"]
    assert [name for name in schemas if "__" in name or name.endswith(("-Input", "-Output"))] == []
