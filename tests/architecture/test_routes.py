"""Every route says who may call it, what may go wrong, and what repeats safely."""

from collections.abc import Iterator

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from deploy.registry import SERVICES, load_service
from shared.jobs import jobs_router
from shared.openapi import scopes_of
from shared.routing import ServiceRoute


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
    scopes = scopes_of(route.dependant)
    assert len(scopes) == 1
    assert scopes[0].startswith(f"{service}.")
    assert route.responses, "use responses=problems(...)"
    assert all(str(status).startswith("4") or str(status) in {"206", "304", "503"} for status in route.responses)


@pytest.mark.parametrize(("service", "route"), ROUTES, ids=NAMES)
def test_what_reads_cannot_write_and_what_writes_repeats_safely(service: str, route: APIRoute) -> None:
    assert service
    names = {getattr(dependency.call, "__name__", "") for dependency in _flat(route)}
    if route.methods and route.methods <= {"GET", "HEAD"}:
        assert "unit_of_work" not in names
    elif route.methods == {"POST"} and not (route.openapi_extra or {}).get("x-streams"):
        assert "_idempotent" in names, "use dependencies=[Idempotent]"


def _flat(route: APIRoute) -> Iterator[Dependant]:
    waiting = [route.dependant]
    while waiting:
        dependant = waiting.pop()
        yield dependant
        waiting += dependant.dependencies


@pytest.mark.parametrize(("service", "route"), ROUTES, ids=NAMES)
def test_paths_are_plural_kebab_case(service: str, route: APIRoute) -> None:
    parts = [part for part in route.path.split("/")[2:] if not part.startswith("{")]
    assert parts, service
    assert all(part == part.lower() and "_" not in part for part in parts)
