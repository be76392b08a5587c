"""Near duplicates over HTTP: held with score and signs, also when two come in at once; released with a scope."""

import asyncio
from datetime import date
from typing import Any

import pytest

from services.billing.einvoices.cii import write_cii
from tests.billing.decisions.policies import in_force, rule
from tests.billing.intake.electronic import detail, electronic, open_holds, post, seller, taken_in
from tests.billing.test_invoices import invoice as keyed
from tests.fixtures.services import Harness, problem

ISSUED = date(2026, 11, 2)


def likenesses(invoice: dict[str, Any]) -> list[dict[str, Any]]:
    holds = [hold for hold in invoice["holds"] if hold["kind"] == "near-duplicate"]
    return [each for hold in holds for each in hold["details"]["likenesses"]]


async def release(billing: Harness, tenant: str, invoice: dict[str, Any], **why: Any) -> Any:
    path = f"/billing/invoices/{invoice['id']}/holds/{invoice['holds'][0]['id']}/release"
    return await post(billing, tenant, path, {"reason": "Asked the supplier"} | why)


@pytest.mark.parametrize(
    "again",
    [
        {"number": "INV001"},
        {"number": "INV-1"},
        {"number": "1NV-OO1"},
        {"number": "INV 0001", "issue_date": date(2026, 10, 20)},
        {"number": "INV-001-COPY"},
        {"number": "INV-777", "issue_date": date(2026, 11, 5)},
        {"number": "INV001", "net": "100.01"},
        {"number": "INV001", "write": write_cii},
    ],
    ids=lambda again: " ".join(str(getattr(each, "__name__", each)) for each in again.values()),
)
async def test_what_may_be_a_copy_is_held(billing: Harness, tenant: str, again: dict[str, Any]) -> None:
    first = await taken_in(billing, tenant, electronic("INV-001"))
    copy = await taken_in(billing, tenant, electronic(**again))
    assert open_holds(copy) == ["near-duplicate"]
    (likeness,) = likenesses(copy)
    assert (likeness["invoice_id"], likeness["number"]) == (first["id"], "INV-001")
    assert 0.5 <= likeness["score"] <= 1
    assert likeness["signs"]
    refused = await post(billing, tenant, f"/billing/invoices/{copy['id']}/validation")
    assert (refused.status_code, problem(refused)["code"]) == (409, "invoice-held")
    assert (await billing.events(tenant))[-1].payload["holds"] == ["near-duplicate"]


@pytest.mark.parametrize(
    "other",
    [
        {"number": "INV-002", "net": "55.00", "item": "Toner"},
        {"number": "INV-002", "issue_date": date(2026, 12, 2), "due_date": None, "payment_terms": "30 days"},
        {"number": "INV-002", "purchase_order": "PO-2", "item": "Toner"},
        {"number": "INV-010", "net": "55.00", "item": "Toner"},
        {"number": "INV001", "net": "55.00", "item": "Toner", "issue_date": date(2025, 3, 1)},
        {"number": "INV001", "seller": seller("Otra SL", "DE136695976")},
        {"number": "INV001", "type_code": "381", "due_date": None},
    ],
    ids=str,
)
async def test_what_only_looks_like_it_is_not(billing: Harness, tenant: str, other: dict[str, Any]) -> None:
    await taken_in(billing, tenant, electronic("INV-001", issue_date=ISSUED, purchase_order="PO-1"))
    assert open_holds(await taken_in(billing, tenant, electronic(**other))) == []


async def test_a_keyed_copy_of_an_electronic_invoice_is_held(billing: Harness, tenant: str) -> None:
    await taken_in(billing, tenant, electronic("F-0400"))
    typed = keyed(
        "0400",
        issue_date="2026-11-02",
        due_date="2026-12-02",
        lines=[{"description": "As agreed", "quantity": "1", "unit_price": "100", "net": "100", "vat_rate": "21"}],
        vat_breakdown=[{"rate": "21", "base": "100", "tax": "21.00"}],
        totals={"net": "100", "tax": "21.00", "gross": "121.00"},
    )
    answer = await post(billing, tenant, "/billing/invoices", typed)
    told = answer.json()
    assert told == await detail(billing, tenant, told["id"])
    assert open_holds(told) == ["near-duplicate"]
    assert likenesses(told)[0]["signs"] == ["number-shortened", "same-amount", "same-date"]


async def test_of_two_at_once_the_second_sees_the_first(billing: Harness, tenant: str) -> None:
    contents = [electronic("INV-001"), electronic("INV001"), electronic("INV-1"), electronic("1NV-1")]
    invoices = await asyncio.gather(*(taken_in(billing, tenant, content) for content in contents))
    assert sorted(len(likenesses(invoice)) for invoice in invoices) == [0, 1, 2, 3]


async def test_other_tenants_and_rejected_invoices_are_not_compared(
    billing: Harness, tenant: str, other_tenant: str
) -> None:
    first = await taken_in(billing, tenant, electronic("INV-001"))
    assert open_holds(await taken_in(billing, other_tenant, electronic("INV001"))) == []
    copy = await taken_in(billing, tenant, electronic("INV001"))
    why = {"reason": "The same as INV-001"}
    assert (await post(billing, tenant, f"/billing/invoices/{copy['id']}/rejection", why)).status_code == 204
    third = await taken_in(billing, tenant, electronic("INV 1"))
    assert [each["invoice_id"] for each in likenesses(third)] == [first["id"]]


async def test_a_release_is_for_this_invoice_or_for_a_sign_of_its_supplier(billing: Harness, tenant: str) -> None:
    await taken_in(billing, tenant, electronic("INV-100"))
    second = await taken_in(billing, tenant, electronic("INV-200"))
    assert (await release(billing, tenant, second, scope="invoice")).status_code == 204
    third = await taken_in(billing, tenant, electronic("INV-300"))
    assert len(likenesses(third)) == 2
    unasked = await release(billing, tenant, third, scope="supplier")
    assert problem(unasked)["errors"][0]["type"] == "sign_and_scope"
    wrong = await release(billing, tenant, third, scope="supplier", sign="number-mistyped")
    assert (wrong.status_code, problem(wrong)["code"]) == (422, "unknown-sign")
    assert problem(wrong)["signs"] == ["same-amount", "same-date", "same-lines"]
    assert (await release(billing, tenant, third, scope="supplier", sign="same-amount")).status_code == 204
    assert open_holds(await taken_in(billing, tenant, electronic("INV-400"))) == []
    written_otherwise = await taken_in(billing, tenant, electronic("INV400"))
    assert open_holds(written_otherwise) == ["near-duplicate"]
    elsewhere = [electronic(n, seller=seller("Otra SL", "DE136695976")) for n in ("INV-100", "INV-200")]
    assert [open_holds(await taken_in(billing, tenant, each)) for each in elsewhere] == [[], ["near-duplicate"]]


async def test_who_lets_a_sign_pass_has_own_invoices_held_for_it_all_the_same(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, rule("all"))
    await taken_in(billing, tenant, electronic("INV-100"))
    second = await taken_in(billing, tenant, electronic("INV-200"), role="manager")
    assert (await release(billing, tenant, second, scope="supplier", sign="same-amount")).status_code == 204
    assert (await detail(billing, tenant, second["id"]))["status"] == "registered"
    third = await taken_in(billing, tenant, electronic("INV-300"), role="manager")
    assert (third["status"], open_holds(third)) == ("registered", ["near-duplicate"])
    assert (await taken_in(billing, tenant, electronic("INV-400")))["status"] == "approved"


async def test_a_hold_of_another_invoice_is_not_found(billing: Harness, tenant: str, other_tenant: str) -> None:
    first = await taken_in(billing, tenant, electronic("INV-001"))
    copy = await taken_in(billing, tenant, electronic("INV001"))
    hold = copy["holds"][0]["id"]
    why = {"reason": "Asked the supplier", "scope": "invoice"}
    for whose, invoice in ((tenant, first), (other_tenant, copy)):
        refused = await post(billing, whose, f"/billing/invoices/{invoice['id']}/holds/{hold}/release", why)
        assert (refused.status_code, problem(refused)["code"]) == (404, "not-found")
