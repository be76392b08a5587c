"""Suppliers over HTTP: found by tax number, named, and what was agreed with them."""

import asyncio
from typing import Any

import pytest

from services.billing.einvoices import model as m
from tests.billing.intake.electronic import electronic, get, post, rows, seller, taken_in
from tests.billing.test_invoices import invoice as keyed
from tests.fixtures.services import Harness, problem

PATH = "/billing/suppliers"


async def supplier_of(billing: Harness, tenant: str, invoice: dict[str, Any]) -> dict[str, Any]:
    answer = await get(billing, tenant, f"{PATH}/{invoice['supplier']['id']}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json()) | {"etag": answer.headers["etag"]}


async def test_a_supplier_is_found_by_its_tax_number_however_written_and_by_any_channel(
    billing: Harness, tenant: str
) -> None:
    first = await taken_in(billing, tenant, electronic("A-1"))
    other = seller("FARO CONSULTORES SL", "ES B 1234-5674", trading_name="Faro")
    second = await taken_in(billing, tenant, electronic("A-2", net="5.00", seller=other))
    typed = await post(billing, tenant, "/billing/invoices", keyed("A-3"))
    assert {first["supplier"]["id"], second["supplier"]["id"], typed.json()["supplier"]["id"]} == {
        first["supplier"]["id"]
    }
    supplier = await supplier_of(billing, tenant, first)
    assert (supplier["name"], supplier["aliases"]) == ("Faro Consultores SL", ["Faro", "Papelería Sol SL"])
    assert (supplier["tax_ids"], supplier["accounts"]) == (["B12345674"], [])
    assert (await taken_in(billing, tenant, electronic("A-1", seller=seller(vat="DE136695976"))))["supplier"] != first[
        "supplier"
    ]


async def test_one_without_a_vat_number_is_told_by_its_registration(billing: Harness, tenant: str) -> None:
    exempt = seller("Asociación Vecinal", None, tax_registration="G-12345674")  # type: ignore[arg-type] # it has none
    invoice = await taken_in(billing, tenant, electronic(seller=exempt))
    assert invoice["supplier"]["tax_id"] == "G12345674"
    numbered = seller("Sin NIF", None, identifiers=(m.Identifier(value="70-4711"),))  # type: ignore[arg-type] # as above
    invoice = await taken_in(billing, tenant, electronic(seller=numbered))
    assert invoice["supplier"]["tax_id"] == "704711"


async def test_of_two_first_invoices_at_once_one_supplier_comes_of_it(billing: Harness, tenant: str) -> None:
    contents = [electronic(f"N{number}", net=f"{number}1.00") for number in range(4)]
    invoices = await asyncio.gather(*(taken_in(billing, tenant, content) for content in contents))
    assert len({invoice["supplier"]["id"] for invoice in invoices}) == 1
    assert len(await rows(billing, tenant, "supplier")) == len(await rows(billing, tenant, "supplier_tax_id")) == 1


async def test_what_was_agreed_is_changed_with_the_version_seen(billing: Harness, tenant: str) -> None:
    supplier = await supplier_of(billing, tenant, await taken_in(billing, tenant, electronic()))
    path = f"{PATH}/{supplier['id']}"
    wanted = {"terms_days": 60, "tolerance_percent": "2.5", "tolerance_amount": "10.00", "aliases": ["Faro", "Faro"]}
    async with billing.client(tenant, "manager") as client:
        unseen = await client.patch(path, json=wanted)
        assert (unseen.status_code, problem(unseen)["code"]) == (428, "if-match-required")
        done = await client.patch(path, json=wanted, headers={"If-Match": supplier["etag"]})
        assert done.status_code == 204
        stale = await client.patch(path, json={"terms_days": None}, headers={"If-Match": supplier["etag"]})
        assert (stale.status_code, problem(stale)["code"]) == (412, "if-match-failed")
        cleared = await client.patch(path, json={"terms_days": None}, headers={"If-Match": done.headers["etag"]})
        assert cleared.status_code == 204
    changed = await get(billing, tenant, path)
    told = {name: changed.json()[name] for name in (*wanted, "name")}
    assert told == {
        "terms_days": None,
        "tolerance_percent": "2.50",
        "tolerance_amount": "10.000",
        "aliases": ["Faro"],
        "name": "Faro Consultores SL",
    }


@pytest.mark.parametrize(
    "change",
    [{}, {"name": None}, {"terms_days": 366}, {"terms_days": "60"}, {"tolerance_percent": "-1"}, {"surprise": 1}],
    ids=str,
)
async def test_what_cannot_be_agreed_is_refused(billing: Harness, tenant: str, change: dict[str, Any]) -> None:
    supplier = await supplier_of(billing, tenant, await taken_in(billing, tenant, electronic()))
    async with billing.client(tenant) as client:
        answer = await client.patch(f"{PATH}/{supplier['id']}", json=change, headers={"If-Match": '"1"'})
    assert (answer.status_code, problem(answer)["code"]) == (422, "invalid-input")


async def test_another_tax_number_is_added_by_hand_and_is_nobody_elses(billing: Harness, tenant: str) -> None:
    one = await taken_in(billing, tenant, electronic("A-1"))
    other = await taken_in(billing, tenant, electronic("A-1", seller=seller("Muster GmbH", "DE136695976")))
    path = f"{PATH}/{one['supplier']['id']}/tax-ids"
    for _ in range(2):
        assert (await post(billing, tenant, path, {"tax_id": "PT 501 442 600"})).status_code == 204
    taken = await post(billing, tenant, path, {"tax_id": "DE-136695976"})
    assert (taken.status_code, problem(taken)["existing_id"]) == (409, other["supplier"]["id"])
    abroad = await taken_in(billing, tenant, electronic("P-1", net="9.00", seller=seller("Faro PT", "PT501442600")))
    assert abroad["supplier"]["id"] == one["supplier"]["id"]
    found = (await get(billing, tenant, f"{PATH}?tax_id=pt501442600")).json()["items"]
    assert [each["id"] for each in found] == [one["supplier"]["id"]]


async def test_suppliers_are_their_tenants(billing: Harness, tenant: str, other_tenant: str) -> None:
    invoice = await taken_in(billing, tenant, electronic())
    path = f"{PATH}/{invoice['supplier']['id']}"
    for answer in (
        await get(billing, other_tenant, path),
        await post(billing, other_tenant, f"{path}/tax-ids", {"tax_id": "B12345674"}),
    ):
        assert (answer.status_code, problem(answer)["code"]) == (404, "not-found")
    assert (await get(billing, other_tenant, PATH)).json()["items"] == []
    async with billing.client(tenant, "viewer") as client:
        refused = await client.patch(path, json={"terms_days": 1}, headers={"If-Match": '"1"'})
    assert problem(refused)["scope"] == "billing.suppliers:write"
