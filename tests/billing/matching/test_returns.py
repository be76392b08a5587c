"""A part of a delivery goes back: it was received no more, for every invoice that nobody has validated."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx

from tests.billing.intake.electronic import detail, get, open_holds, post, rows, taken_in
from tests.billing.matching.ordering import billed, order, order_line, placed, received
from tests.fixtures.services import Harness, problem

BROKEN = {"returned_on": "2026-11-03", "reason": "Broken on arrival"}


async def give_back(
    billing: Harness, tenant: str, receipt: dict[str, Any], quantity: str = "4", reference: str = "10", **more: Any
) -> httpx.Response:
    body = {**BROKEN, "lines": [{"reference": reference, "quantity": quantity}], **more}
    return await post(billing, tenant, f"/billing/receipts/{receipt['id']}/returns", body)


async def test_what_went_back_is_not_received(billing: Harness, tenant: str) -> None:
    whole = await placed(billing, tenant)
    receipt = await received(billing, tenant, whole)
    invoice = await taken_in(billing, tenant, billed())
    assert open_holds(invoice) == []
    answer = await give_back(billing, tenant, receipt)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert [(line["quantity"], line["returned"]) for line in told["lines"]] == [("10", "4")]
    (returned,) = told["returns"]
    assert returned["lines"] == [{"reference": "10", "quantity": "4"}]
    assert (returned["returned_on"], returned["reason"]) == (BROKEN["returned_on"], BROKEN["reason"])
    assert told["version"] > receipt["version"]
    assert (await get(billing, tenant, f"/billing/receipts/{receipt['id']}")).json() == told
    (line,) = (await get(billing, tenant, f"/billing/orders/{whole['id']}")).json()["lines"]
    assert line["received"] == "6"
    held = await detail(billing, tenant, invoice["id"])
    assert (open_holds(held), held["match"]["reasons"]) == (["match-exception"], ["over-received"])
    event = next(each for each in await billing.events(tenant) if each.type == "billing.goods-receipt.returned.v1")
    assert (event.payload["receipt_id"], event.payload["return_id"]) == (receipt["id"], returned["id"])
    assert event.payload["work"]["activity"] == "record-return"
    assert BROKEN["reason"] not in str(event.payload)
    await received(billing, tenant, whole, "4")
    assert open_holds(await detail(billing, tenant, invoice["id"])) == []


async def test_all_of_it_may_go_back_in_parts_and_no_more(billing: Harness, tenant: str) -> None:
    whole = await placed(billing, tenant, order("PO-1", order_line(), order_line("20")))
    receipt = await received(billing, tenant, whole)
    assert (await give_back(billing, tenant, receipt, "2.5")).status_code == 201
    refused = await give_back(billing, tenant, receipt, "7.6")
    assert (refused.status_code, problem(refused)["code"]) == (409, "return-too-large")
    assert (problem(refused)["left"], problem(refused)["reference"]) == ("7.5", "10")
    for reference in ("20", "99"):
        other = await give_back(billing, tenant, receipt, "1", reference)
        assert (problem(other)["code"], problem(other)["left"]) == ("return-too-large", "0")
    rest = await give_back(billing, tenant, receipt, "7.5")
    assert rest.json()["lines"][0]["returned"] == "10.0"
    assert len(rest.json()["returns"]) == 2
    invoice = await taken_in(billing, tenant, billed())
    assert invoice["match"]["reasons"] == ["not-received"]
    assert len(await rows(billing, tenant, "goods_return")) == 2


async def test_what_validated_invoices_bill_goes_back_after_their_credit_note(billing: Harness, tenant: str) -> None:
    whole = await placed(billing, tenant, order("PO-1", order_line(quantity="20")))
    receipt = await received(billing, tenant, whole, "12")
    invoice = await taken_in(billing, tenant, billed())
    assert (await post(billing, tenant, f"/billing/invoices/{invoice['id']}/validation")).status_code == 204
    assert (await give_back(billing, tenant, receipt, "2")).status_code == 201
    refused = await give_back(billing, tenant, receipt, "1")
    assert (refused.status_code, problem(refused)["code"]) == (409, "receipt-billed")
    credit = await taken_in(billing, tenant, billed("C-1", "3", type_code="381", due_date=None))
    assert (await post(billing, tenant, f"/billing/invoices/{credit['id']}/validation")).status_code == 204
    assert (await give_back(billing, tenant, receipt, "3")).status_code == 201
    whole_path = f"/billing/receipts/{receipt['id']}/reversal"
    assert problem(await post(billing, tenant, whole_path, {"reason": "Lost"}))["code"] == "receipt-billed"


async def test_days_lines_and_tenants(billing: Harness, tenant: str, other_tenant: str) -> None:
    receipt = await received(billing, tenant, await placed(billing, tenant))
    for day in ("2026-11-01", "2199-01-01"):
        refused = await give_back(billing, tenant, receipt, returned_on=day)
        assert (refused.status_code, problem(refused)["code"]) == (422, "returned-out-of-time")
    twice = [{"reference": "10", "quantity": "1"}] * 2
    wrong: list[dict[str, Any]] = [
        *({"lines": lines} for lines in ([], twice, [{"reference": "10", "quantity": "0"}])),
        {"reason": " "},
    ]
    for changes in wrong:
        assert problem(await give_back(billing, tenant, receipt, **changes))["code"] == "invalid-input"
    assert (await give_back(billing, other_tenant, receipt)).status_code == 404
    async with billing.client(tenant, "viewer") as client:
        refused = await client.post(f"/billing/receipts/{receipt['id']}/returns", json=BROKEN | {"lines": twice[:1]})
    assert problem(refused)["scope"] == "billing.receipts:write"
    assert (await post(billing, tenant, f"/billing/receipts/{receipt['id']}/reversal", {"reason": "Lost"})).is_success
    late = await give_back(billing, tenant, receipt)
    assert (late.status_code, problem(late)["code"]) == (409, "receipt-reversed")
    assert await rows(billing, tenant, "goods_return") == []


async def test_returns_at_once_and_again_take_no_more_than_came(billing: Harness, tenant: str) -> None:
    receipt = await received(billing, tenant, await placed(billing, tenant))
    answers = await asyncio.gather(*(give_back(billing, tenant, receipt, "3") for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 3
    async with billing.client(tenant, **{"Idempotency-Key": str(uuid4())}) as client:
        body = {**BROKEN, "lines": [{"reference": "10", "quantity": "1"}]}
        first, again = [await client.post(f"/billing/receipts/{receipt['id']}/returns", json=body) for _ in range(2)]
    assert (first.status_code, first.content) == (201, again.content)
    told = (await get(billing, tenant, f"/billing/receipts/{receipt['id']}")).json()
    assert (told["lines"][0]["returned"], len(told["returns"])) == ("10", 4)
