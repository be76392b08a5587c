"""Invoices against orders and receipts over HTTP: matched at intake, after a receipt and on demand."""

import asyncio
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.matching import queries
from services.billing.orders.models import PurchaseOrder
from tests.billing.intake.electronic import detail, get, open_holds, post, taken_in
from tests.billing.matching.cases import invent, judge
from tests.billing.matching.ordering import billed, match_of, order, order_line, placed, played, received
from tests.billing.test_invoices import invoice as keyed
from tests.fixtures.services import Harness, problem


async def test_what_was_ordered_and_received_matches(billing: Harness, tenant: str) -> None:
    whole = await placed(billing, tenant)
    receipt = await received(billing, tenant, whole)
    invoice = await taken_in(billing, tenant, billed())
    assert (invoice["match"]["verdict"], open_holds(invoice)) == ("matched-3way", [])
    (line,) = invoice["match"]["lines"]
    (part,) = line["parts"]
    assert (part["order_number"], part["reference"]) == ("PO-1", "10")
    assert part["receipts"] == [{"receipt_id": receipt["id"], "quantity": "10"}]
    assert invoice == await detail(billing, tenant, invoice["id"])
    told = (await get(billing, tenant, f"/billing/orders/{whole['id']}")).json()["lines"][0]
    assert (told["received"], told["billed"]) == ("10", "10")
    assert [event.type for event in await billing.events(tenant)] == [
        "billing.purchase-order.placed.v1",
        "billing.goods-receipt.recorded.v1",
        "billing.invoice.registered.v1",
        "billing.invoice.matched.v1",
    ]


async def test_a_late_receipt_lets_the_invoice_go(billing: Harness, tenant: str) -> None:
    whole = await placed(billing, tenant)
    invoice = await taken_in(billing, tenant, billed())
    assert open_holds(invoice) == ["match-exception"]
    assert await match_of(billing, tenant, invoice) == ("exception", ["not-received"])
    refused = await post(billing, tenant, f"/billing/invoices/{invoice['id']}/validation")
    assert problem(refused)["code"] == "invoice-held"
    await received(billing, tenant, whole, "4")
    assert await match_of(billing, tenant, invoice) == ("exception", ["over-received"])
    await received(billing, tenant, whole, "6")
    told = await detail(billing, tenant, invoice["id"])
    assert (told["match"]["verdict"], open_holds(told)) == ("matched-3way", [])
    assert told["holds"][0]["released_by"] == "billing.matching"
    assert len(told["match"]["lines"][0]["parts"][0]["receipts"]) == 2
    released = (await billing.events(tenant))[-1]
    assert released.type == "billing.invoice.released.v1"
    assert released.payload["work"]["actor"]["kind"] == "automation"


async def test_two_at_once_do_not_bill_the_same_goods(billing: Harness, tenant: str) -> None:
    whole = await placed(billing, tenant)
    await received(billing, tenant, whole)
    numbers = ["A-1", "B-22", "C-333", "D-4444"]
    invoices = await asyncio.gather(*(taken_in(billing, tenant, billed(number)) for number in numbers))
    verdicts = sorted(invoice["match"]["verdict"] for invoice in invoices)
    assert verdicts == ["exception", "exception", "exception", "matched-3way"]
    assert sum("match-exception" in open_holds(invoice) for invoice in invoices) == 3


async def test_partial_deliveries_and_several_invoices_share_an_order_line(billing: Harness, tenant: str) -> None:
    whole = await placed(billing, tenant, order("PO-1", order_line(quantity="10"), order_line("20", "5", "3")))
    await received(billing, tenant, whole, "4")
    first = await taken_in(billing, tenant, billed("A-1", "4"))
    second = await taken_in(billing, tenant, billed("B-22", "6"))
    assert (first["match"]["verdict"], second["match"]["reasons"]) == ("matched-3way", ["not-received"])
    await received(billing, tenant, whole, "6")
    assert await match_of(billing, tenant, second) == ("matched-3way", [])
    third = await taken_in(billing, tenant, billed("C-333", "1"))
    assert third["match"]["reasons"] == ["over-ordered", "not-received"]


async def test_the_earlier_of_two_that_wait_goes_first(billing: Harness, tenant: str) -> None:
    whole = await placed(billing, tenant)
    first = await taken_in(billing, tenant, billed("A-1", "6"))
    second = await taken_in(billing, tenant, billed("B-22", "6"))
    await received(billing, tenant, whole, "8")
    assert await match_of(billing, tenant, first) == ("matched-3way", [])
    assert await match_of(billing, tenant, second) == ("exception", ["over-ordered", "over-received"])


async def test_a_credit_note_gives_back(billing: Harness, tenant: str) -> None:
    whole = await placed(billing, tenant)
    receipt = await received(billing, tenant, whole)
    await taken_in(billing, tenant, billed("A-1"))
    credit = await taken_in(billing, tenant, billed("C-1", "4", type_code="381", due_date=None))
    assert credit["match"]["verdict"] == "matched-3way"
    assert credit["match"]["lines"][0]["parts"][0]["receipts"] == [{"receipt_id": receipt["id"], "quantity": "-4"}]
    again = await taken_in(billing, tenant, billed("B-22", "4"))
    assert again["match"]["verdict"] == "matched-3way"
    too_much = await taken_in(billing, tenant, billed("C-2", "11", type_code="381", due_date=None))
    assert too_much["match"]["reasons"] == ["over-credited"]


async def test_what_is_rejected_bills_nothing(billing: Harness, tenant: str) -> None:
    whole = await placed(billing, tenant)
    await received(billing, tenant, whole)
    await taken_in(billing, tenant, billed("A-1", "8"))
    wrong = await taken_in(billing, tenant, billed("B-22", "3"))
    right = await taken_in(billing, tenant, billed("C-333", "2"))
    assert wrong["match"]["reasons"] == ["over-ordered", "over-received"]
    assert right["match"]["reasons"] == ["over-ordered", "not-received"]
    rejection = {"reason": "Three were billed, two came"}
    assert (await post(billing, tenant, f"/billing/invoices/{wrong['id']}/rejection", rejection)).status_code == 204
    async with billing.client(tenant) as client:
        path = f"/billing/invoices/{right['id']}/match"
        stale = await client.post(path, headers={"If-Match": '"7"'})
        assert (stale.status_code, problem(stale)["code"]) == (412, "if-match-failed")
        answer = await client.post(path, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["verdict"], answer.headers["etag"]) == (200, "matched-3way", '"1"')
    assert open_holds(await detail(billing, tenant, right["id"])) == []
    refused = await post(billing, tenant, f"/billing/invoices/{wrong['id']}/match")
    assert (refused.status_code, problem(refused)["code"]) == (409, "illegal-invoice-transition")


@pytest.mark.parametrize(
    ("percent", "amount", "verdict"),
    [
        (None, None, "exception"),
        ("5", None, "within-tolerance"),
        (None, "5", "within-tolerance"),
        ("5", "5", "within-tolerance"),
        ("4.99", "100", "exception"),
        ("50", "4.99", "exception"),
    ],
)
async def test_both_limits_of_a_suppliers_tolerance_hold(
    billing: Harness, tenant: str, percent: str | None, amount: str | None, verdict: str
) -> None:
    whole = await placed(billing, tenant)
    await received(billing, tenant, whole)
    supplier = (await taken_in(billing, tenant, billed("A-1", "1", orders=None)))["supplier"]["id"]
    agreed = {"tolerance_percent": percent, "tolerance_amount": amount}
    async with billing.client(tenant, "manager", **{"If-Match": "*"}) as client:
        assert (await client.patch(f"/billing/suppliers/{supplier}", json=agreed)).status_code == 204
    invoice = await taken_in(billing, tenant, billed("B-22", "10", "10.50"))
    assert invoice["match"]["verdict"] == verdict
    part = invoice["match"]["lines"][0]["parts"][0]
    assert (part["price_variance"], part["quantity_variance"]) == ("5.000000", "0")
    assert part["findings"][0]["is_tolerated"] == (verdict == "within-tolerance")


@pytest.mark.parametrize(
    ("ordered", "sent", "reasons"),
    [
        ({}, {"orders": "PO-9"}, ["unknown-order", "not-ordered"]),
        ({"supplier_tax_id": "B87654321"}, {}, ["other-supplier", "not-ordered"]),
        ({"currency": "USD"}, {}, ["currency-mismatch"]),
        ({}, {"reference": "99"}, ["not-ordered"]),
        ({}, {"unit": "KGM"}, ["unit-mismatch"]),
        ({}, {"price": "9"}, ["price-under"]),
        ({}, {"price": "1000", "base": "100"}, []),
        ({}, {"reference": None}, []),
        ({}, {"orders": "po/1"}, []),
    ],
    ids=str,
)
async def test_what_is_off_is_told(
    billing: Harness, tenant: str, ordered: dict[str, Any], sent: dict[str, Any], reasons: list[str]
) -> None:
    whole = await placed(billing, tenant, order(**ordered))
    await received(billing, tenant, whole)
    invoice = await taken_in(billing, tenant, billed(**sent))
    assert invoice["match"]["reasons"] == reasons
    assert ("match-exception" in open_holds(invoice)) == bool(reasons)
    spanish = await detail(billing, tenant, invoice["id"], **{"Accept-Language": "es"})
    for place in (spanish["match"], *spanish["match"]["lines"]):
        assert all(finding["text"].endswith(".") for finding in place["findings"])
    if reasons:
        assert spanish["holds"][0]["text"].startswith("La factura no corresponde")


async def test_without_an_order_nothing_is_matched(billing: Harness, tenant: str, other_tenant: str) -> None:
    await placed(billing, other_tenant)
    invoice = await taken_in(billing, tenant, billed())  # the tenant keeps no orders here
    assert (invoice["match"]["verdict"], open_holds(invoice)) == ("none", [])
    await placed(billing, tenant)
    without = await taken_in(billing, tenant, billed("B-22", "3", orders=None))
    assert (without["match"]["verdict"], open_holds(without)) == ("none", [])
    assert (await post(billing, tenant, f"/billing/invoices/{without['id']}/match")).json()["verdict"] == "none"
    assert (await post(billing, tenant, f"/billing/invoices/{invoice['id']}/match")).json()["verdict"] == "exception"
    assert open_holds(await detail(billing, tenant, invoice["id"])) == ["match-exception"]
    refused = await post(billing, other_tenant, f"/billing/invoices/{invoice['id']}/match")
    assert (refused.status_code, problem(refused)["code"]) == (404, "not-found")


async def test_an_order_placed_late_finds_its_invoices(billing: Harness, tenant: str) -> None:
    await placed(billing, tenant, order("PO-0"))
    invoice = await taken_in(billing, tenant, billed())
    assert (await match_of(billing, tenant, invoice))[1] == ["unknown-order", "not-ordered"]
    await placed(billing, tenant, order("PO-1", order_line(receipt_required=False)))
    assert await match_of(billing, tenant, invoice) == ("matched-2way", [])
    assert open_holds(await detail(billing, tenant, invoice["id"])) == []


async def test_one_invoice_over_several_orders(billing: Harness, tenant: str) -> None:
    for number in ("PO-1", "PO-2"):
        await received(billing, tenant, await placed(billing, tenant, order(number)))
    invoice = await taken_in(billing, tenant, billed(quantity="15", reference=None, orders="PO-1, PO-2"))
    assert invoice["match"]["verdict"] == "matched-3way"
    parts = invoice["match"]["lines"][0]["parts"]
    assert [(part["order_number"], part["quantity"]) for part in parts] == [("PO-1", "10"), ("PO-2", "5")]


async def test_what_a_person_let_pass_is_not_held_for_it_again(billing: Harness, tenant: str) -> None:
    whole = await placed(billing, tenant)
    invoice = await taken_in(billing, tenant, billed(price="11"))
    hold = invoice["holds"][0]
    assert hold["details"]["reasons"] == ["not-received", "price-over"]
    why = {"reason": "Agreed by telephone", "scope": "invoice"}
    path = f"/billing/invoices/{invoice['id']}/holds/{hold['id']}/release"
    assert (await post(billing, tenant, path, why)).status_code == 204
    await post(billing, tenant, f"/billing/invoices/{invoice['id']}/match")
    assert open_holds(await detail(billing, tenant, invoice["id"])) == []
    await received(billing, tenant, whole)
    assert open_holds(await detail(billing, tenant, invoice["id"])) == ["match-exception"]  # for another reason now
    assert await match_of(billing, tenant, invoice) == ("exception", ["price-over"])


async def test_a_keyed_invoice_is_matched_by_what_it_names(billing: Harness, tenant: str) -> None:
    whole = await placed(billing, tenant, order("PO-1", order_line(buyer_item="4711")))
    await received(billing, tenant, whole)
    line = {"description": "P", "quantity": "10", "unit_price": "10", "net": "100", "vat_rate": "21"}
    document = keyed(
        lines=[line | {"unit": "C62", "buyer_item": "4711"}],
        vat_breakdown=[{"rate": "21", "base": "100", "tax": "21"}],
        totals={"net": "100", "tax": "21", "gross": "121"},
        purchase_order="PO-1",
    )
    answer = await post(billing, tenant, "/billing/invoices", document)
    assert answer.json()["match"]["verdict"] == "matched-3way", answer.text
    assert answer.json()["purchase_order"] == "PO-1"


async def test_the_judge_agrees_over_http(billing: Harness) -> None:
    for seed in range(8):
        case, tenant = invent(Random(1_000 + seed)), f"t-{uuid4().hex[:12]}"
        assert await played(billing, tenant, case) == judge(case), seed


async def test_receipts_invoices_and_matches_at_once_end_in_one_state(billing: Harness, tenant: str) -> None:
    orders = [await placed(billing, tenant, order(number)) for number in ("PO-1", "PO-2")]
    names = ["PO-1;PO-2", "PO-2;PO-1"]
    sent = [billed(f"N-{n}{n}", "4", reference=None, orders=names[n % 2]) for n in range(5)]
    waiting = [await taken_in(billing, tenant, content) for content in sent[:2]]
    await asyncio.gather(
        *(received(billing, tenant, whole, "5") for whole in orders * 2),
        *(taken_in(billing, tenant, content) for content in sent[2:]),
        *(post(billing, tenant, f"/billing/invoices/{each['id']}/match") for each in waiting),
    )
    page = (await get(billing, tenant, "/billing/invoices")).json()["items"]
    verdicts = [(await match_of(billing, tenant, each))[0] for each in page]
    assert verdicts == ["matched-3way"] * 5
    told = [(await get(billing, tenant, f"/billing/orders/{whole['id']}")).json() for whole in orders]
    assert sum(int(whole["lines"][0]["billed"]) for whole in told) == 20


async def test_an_invoice_that_names_another_order_meanwhile_is_matched_too(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [await placed(billing, tenant, order(number)) for number in ("PO-1", "PO-2")]
    invoice = await taken_in(billing, tenant, billed(quantity="15", reference=None, orders="PO-1;PO-2"))
    await received(billing, tenant, orders[1], "5")
    told, seen = queries.named_with, []

    async def not_yet(session: AsyncSession, whole: PurchaseOrder) -> set[UUID]:
        seen.append(await told(session, whole))
        return {whole.id} if len(seen) == 1 else seen[-1]

    monkeypatch.setattr(queries, "named_with", not_yet)
    await received(billing, tenant, orders[0])
    assert len(seen) == 4
    assert await match_of(billing, tenant, invoice) == ("matched-3way", [])
