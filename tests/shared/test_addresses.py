"""No address of any service drops a parameter unnoticed: neither one that it does not know nor one that is said twice."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest

from deploy.registry import SERVICES
from tests.architecture.test_documents import ROOT
from tests.fixtures.services import Harness, problem


def operations() -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """Yield service, method, path and its query's schemas as published; but HEAD, which answers without a body."""
    for service in SERVICES:
        paths = json.loads((ROOT / f"docs/openapi/{service}.json").read_text())["paths"]
        for path, methods in paths.items():
            for method, operation in methods.items():
                if path.startswith(f"/{service}/") and method != "head":
                    parameters = operation.get("parameters", [])
                    yield (
                        service,
                        method,
                        path,
                        {each["name"]: each["schema"] for each in parameters if each["in"] == "query"},
                    )


OPERATIONS = list(operations())
NAMES = [f"{method} {path}" for _, method, path, _ in OPERATIONS]


@pytest.fixture(scope="session")
def harnesses(documents: Harness, billing: Harness, hr: Harness, analytics: Harness) -> dict[str, Harness]:
    return {"documents": documents, "billing": billing, "hr": hr, "analytics": analytics}


def is_list(schema: Mapping[str, Any]) -> bool:
    return any(kind.get("type") == "array" for kind in (schema, *schema.get("anyOf", [])))


def test_the_addresses_are_found() -> None:
    assert {service for service, *_ in OPERATIONS} == set(SERVICES)
    assert {"get /analytics/kpis", "get /billing/work-items/summary", "get /hr/jobs/{job_id}"} <= set(NAMES)


@pytest.mark.parametrize(("service", "method", "path", "takes"), OPERATIONS, ids=NAMES)
async def test_an_address_refuses_what_it_would_drop(
    harnesses: dict[str, Harness], tenant: str, service: str, method: str, path: str, takes: Mapping[str, Any]
) -> None:
    address = re.sub(r"\{\w+\}", str(uuid4()), path)
    one = [name for name, schema in takes.items() if not is_list(schema)]
    async with harnesses[service].client(tenant, "admin") as client:
        unknown = problem(await client.request(method, f"{address}?nothing_like_it=1&nothing_like_it=2"))
        twice = "&".join(f"{name}=&{name}=1" for name in one)
        repeated = problem(await client.request(method, f"{address}?{twice}")) if one else {"errors": []}
    assert (unknown["status"], unknown["code"]) == (422, "invalid-input")
    assert [(each["at"], each["type"]) for each in unknown["errors"]] == [("query.nothing_like_it", "extra_forbidden")]
    assert {(each["at"], each["type"]) for each in repeated["errors"]} == {
        (f"query.{name}", "repeated") for name in one
    }


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("analytics", "kpis?group_by=process&group_by=team&format=json"),
        ("billing", "invoices?status=registered&status=paid&hold=invalid&hold=near-duplicate"),
        ("documents", "records?tags=one&tags=two"),
    ],
)
async def test_a_list_may_stand_there_several_times(
    harnesses: dict[str, Harness], tenant: str, service: str, path: str
) -> None:
    async with harnesses[service].client(tenant, "admin") as client:
        answer = await client.get(f"/{service}/{path}")
    assert answer.status_code == 200, answer.text


async def test_the_reader_is_told_what_to_do(analytics: Harness, tenant: str) -> None:
    async with analytics.client(tenant, "viewer", **{"Accept-Language": "es"}) as client:
        refused = problem(await client.get("/analytics/kpis?process=a&process=b&begin=2026-01-01"))
    assert refused["errors"] == [
        {"at": "query.process", "message": "admite un solo valor: deje solo uno", "type": "repeated"},
        {"at": "query.begin", "message": "este nombre no se admite aquí", "type": "extra_forbidden"},
    ]


async def test_who_may_not_ask_learns_nothing_of_the_parameters(analytics: Harness) -> None:
    async with analytics.anonymous() as client:
        assert (await client.get("/analytics/kpis?proces=a")).status_code == 401
