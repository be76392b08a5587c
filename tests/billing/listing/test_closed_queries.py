"""No list of billing drops a parameter unnoticed: neither one that it does not know nor one that is said twice."""

import json
import re
from uuid import uuid4

import pytest

from tests.architecture.test_documents import ROOT
from tests.fixtures.services import Harness, problem

PATHS = json.loads((ROOT / "docs/openapi/billing.json").read_text())["paths"]
LISTS = {
    path: {parameter["name"] for parameter in methods["get"].get("parameters", []) if parameter["in"] == "query"}
    for path, methods in PATHS.items()
    if "get" in methods
}
LISTS = {path: names for path, names in LISTS.items() if "cursor" in names}


def test_the_lists_are_found() -> None:
    assert {"/billing/invoices", "/billing/drafts", "/billing/work-items", "/billing/batches/{job_id}/files"} <= set(
        LISTS
    )


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_refuses_what_it_would_drop(billing: Harness, tenant: str, path: str) -> None:
    address = re.sub(r"\{\w+\}", str(uuid4()), path)
    async with billing.client(tenant, "admin") as client:
        unknown = problem(await client.get(address, params={"nothing_like_it": "1", "limit": "1"}))
        twice = problem(await client.get(f"{address}?limit=1&limit=2"))
        known = await client.get(address, params={"limit": "1"})
    assert unknown["code"] == "invalid-input"
    assert ("nothing_like_it", "extra_forbidden") in {
        (each["at"].split(".")[-1], each["type"]) for each in unknown["errors"]
    }
    assert [(each["at"], each["type"]) for each in twice["errors"]] == [("query.limit", "repeated")]
    if path == "/billing/invoice-status":  # it needs to be told which
        assert {each["type"] for each in problem(known)["errors"]} == {"missing"}
    else:
        assert known.status_code == (404 if "{" in path and "outcomes" not in path and "files" not in path else 200)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("drafts", "status=open&limit=5"),
        ("receipts", "reversed=true&limit=5"),
        ("orders", "status=open&supplier_tax_id=B12345674&number=7"),
        ("suppliers", "q=sol&tax_id=B12345674"),
        ("work-items", "mine=true&hold=near-duplicate"),
        ("invoices", "status=registered&status=paid&hold=invalid&hold=near-duplicate"),
        ("invoice-status", "supplier_tax_id=B12345674&number=7"),
        ("decision-policies", "status=draft"),
    ],
)
async def test_a_list_takes_what_it_knows(billing: Harness, tenant: str, path: str, query: str) -> None:
    async with billing.client(tenant, "admin") as client:
        answer = await client.get(f"/billing/{path}?{query}")
    assert answer.status_code == 200, answer.text


async def test_a_misspelt_filter_of_drafts_is_no_list_of_all(billing: Harness, tenant: str) -> None:
    async with billing.client(tenant, "viewer", **{"Accept-Language": "es"}) as client:
        misspelt = problem(await client.get("/billing/drafts?stauts=open"))
        invoices = problem(await client.get("/billing/invoices?stauts=open"))
        twice = problem(await client.get("/billing/drafts?status=open&status=registered"))
    assert [error["at"] for error in misspelt["errors"]] == ["query.stauts"]
    same = ("code", "detail", "errors", "hint")
    assert {name: misspelt[name] for name in same} == {name: invoices[name] for name in same}
    assert [(each["at"], each["type"]) for each in twice["errors"]] == [("query.status", "repeated")]


async def test_who_may_not_read_learns_nothing_of_the_parameters(billing: Harness) -> None:
    async with billing.anonymous() as client:
        assert (await client.get("/billing/drafts?stauts=open")).status_code == 401
