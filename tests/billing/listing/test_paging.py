"""Pages of every order: nothing twice and nothing lost, also while invoices come in; and the suppliers' list."""

import base64
import json
from typing import Any

import pytest

from services.billing.invoices.orders import Sort
from tests.billing.listing.many import multiply
from tests.billing.listing.test_filters import keyed, listed, of
from tests.fixtures.services import Harness, problem

LIST = "/billing/invoices"
CURRENCY = {"largest": "&currency=EUR", "smallest": "&currency=EUR"}


@pytest.mark.parametrize("sort", list(Sort))
async def test_pages_have_every_invoice_once_while_others_come_in(billing: Harness, tenant: str, sort: Sort) -> None:
    await keyed(billing, tenant, "F-0")
    await multiply(billing, tenant, 30)
    query = f"sort={sort}{CURRENCY.get(sort, '')}"
    before = [item["id"] for item in await listed(billing, tenant, f"{query}&limit=200")]
    seen: list[dict[str, Any]] = []
    cursor: str | None = ""
    async with billing.client(tenant, "viewer") as client:
        while cursor is not None:
            page = (await client.get(f"{LIST}?{query}&limit=7&cursor={cursor}")).json()
            seen, cursor = seen + page["items"], page["next_cursor"]
            if len(seen) < 28:
                await multiply(billing, tenant, 3, f"N-{len(seen)}-")
    ids = [item["id"] for item in seen]
    assert len(ids) == len(set(ids))
    assert [each for each in ids if each in before] == before
    keys = {"due": "due_date", "larg": "totals", "smal": "totals"}
    key = next((name for start, name in keys.items() if sort.startswith(start)), "id")
    told = [float(item[key]["gross"]) if key == "totals" else item[key] for item in seen]
    assert told == sorted(told, reverse=sort in {"newest", "due-last", "largest"})


async def test_a_cursor_is_good_for_its_own_order_alone(billing: Harness, tenant: str) -> None:
    await keyed(billing, tenant, "F-0")
    await multiply(billing, tenant, 2)
    async with billing.client(tenant, "viewer") as client:
        cursor = (await client.get(f"{LIST}?limit=1&sort=due-first")).json()["next_cursor"]
        place = json.loads(base64.urlsafe_b64decode(cursor + "=="))
        forged = [
            cursor[:-3],
            "zzz",
            "%C3%A1",
            base64.urlsafe_b64encode(b"[1]").decode(),
            base64.urlsafe_b64encode(json.dumps(["due-first", ["2026-01-01", "x"]]).encode()).decode(),
            base64.urlsafe_b64encode(json.dumps(["lost", place[1]]).encode()).decode(),
        ]
        for wrong in forged:
            assert problem(await client.get(f"{LIST}?sort=due-first&cursor={wrong}"))["code"] == "invalid-cursor", wrong
        other = await client.get(f"{LIST}?sort=newest&cursor={cursor}")
        assert problem(other)["code"] == "invalid-cursor"


async def test_amounts_of_several_currencies_have_no_order(billing: Harness, tenant: str) -> None:
    async with billing.client(tenant, "viewer") as client:
        refused = problem(await client.get(f"{LIST}?sort=largest"))
    assert refused["errors"][0]["type"] == "currency_missing"


async def test_suppliers_are_found_by_name_and_tax_number(billing: Harness, tenant: str, other_tenant: str) -> None:
    await keyed(billing, tenant, "F-1", **of("Papelería Peñón SL"))
    await keyed(billing, tenant, "F-2", **of("Müller 100%", "B87654321"))
    for q, found in {
        "penon": ["Papelería Peñón SL"],
        "mueller": ["Müller 100%"],
        "b-8765": ["Müller 100%"],
        "%25": ["Müller 100%"],
        "_": [],
        "papel penon": ["Papelería Peñón SL"],
        "papel muller": [],
        "": ["Müller 100%", "Papelería Peñón SL"],
    }.items():
        async with billing.client(tenant, "viewer") as client:
            answer = await client.get(f"/billing/suppliers?q={q}" if q else "/billing/suppliers")
        assert [item["name"] for item in answer.json()["items"]] == found, q
    async with billing.client(other_tenant, "viewer") as client:
        assert (await client.get("/billing/suppliers?q=penon")).json()["items"] == []
