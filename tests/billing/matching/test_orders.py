"""Purchase orders and goods receipts over HTTP."""

import asyncio
from typing import Any

import pytest

from tests.billing.intake.electronic import detail, get, open_holds, post, taken_in
from tests.billing.matching.ordering import billed, match_of, order, order_line, placed, received
from tests.fixtures.services import Harness, problem

REASON = {"reason": "Nothing more will come"}


async def put_lines(billing: Harness, tenant: str, order_id: str, *lines: dict[str, Any], **headers: str) -> Any:
    async with billing.client(tenant, "operator", **headers) as client:
        return await client.put(f"/billing/orders/{order_id}/lines", json={"lines": list(lines)})


async def test_an_order_is_placed_once_and_found(billing: Harness, tenant: str, other_tenant: str) -> None:
    first = await placed(billing, tenant)
    again = await post(billing, tenant, "/billing/orders", order("po 1"))
    assert (again.status_code, problem(again)["code"]) == (409, "duplicate-order")
    assert problem(again)["existing_id"] == first["id"]
    second = await placed(billing, tenant, order("PO-2", supplier_tax_id="ES-B87654321"))
    await placed(billing, other_tenant)
    found = {
        query: [each["number"] for each in (await get(billing, tenant, f"/billing/orders?{query}")).json()["items"]]
        for query in ("", "supplier_tax_id=B87654321", "number=po/1", "status=closed", "limit=1")
    }
    assert found == {
        "": ["PO-2", "PO-1"],
        "supplier_tax_id=B87654321": ["PO-2"],
        "number=po/1": ["PO-1"],
        "status=closed": [],
        "limit=1": ["PO-2"],
    }
    page = (await get(billing, tenant, "/billing/orders?limit=1")).json()
    rest = (await get(billing, tenant, f"/billing/orders?limit=1&cursor={page['next_cursor']}")).json()
    assert ([each["id"] for each in rest["items"]], rest["next_cursor"]) == ([first["id"]], None)
    assert (await get(billing, other_tenant, f"/billing/orders/{second['id']}")).status_code == 404


async def test_a_repeated_request_places_and_records_once(billing: Harness, tenant: str) -> None:
    async with billing.client(tenant, "operator", **{"Idempotency-Key": "the-same-order"}) as client:
        answers = [await client.post("/billing/orders", json=order()) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    came = {
        "order_id": answers[0].json()["id"],
        "received_on": "2026-11-02",
        "lines": [{"reference": "10", "quantity": "3"}],
    }
    async with billing.client(tenant, "operator", **{"Idempotency-Key": "the-same-receipt"}) as client:
        answers = [await client.post("/billing/receipts", json=came) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    page = (await get(billing, tenant, "/billing/receipts")).json()
    assert len(page["items"]) == 1


async def test_of_one_number_placed_at_once_one_is_on_file(billing: Harness, tenant: str) -> None:
    answers = await asyncio.gather(*(post(billing, tenant, "/billing/orders", order()) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


@pytest.mark.parametrize(
    ("wrong", "at"),
    [
        ({"quantity": "0.00"}, "not_positive"),
        ({"quantity": "-1"}, "string_pattern_mismatch"),
        ({"unit_price": "1e3"}, "string_pattern_mismatch"),
        ({"unit": "piece"}, "string_pattern_mismatch"),
        ({"reference": " "}, "string_too_short"),
    ],
    ids=str,
)
async def test_a_line_says_how_much_of_what_at_which_price(
    billing: Harness, tenant: str, wrong: dict[str, str], at: str
) -> None:
    refused = await post(billing, tenant, "/billing/orders", order("PO-1", order_line(**wrong)))
    assert [each["type"] for each in problem(refused)["errors"]] == [at]
    twice = await post(billing, tenant, "/billing/orders", order("PO-1", order_line(), order_line()))
    assert problem(twice)["errors"][0]["type"] == "reference_twice"


async def test_lines_change_by_version_and_invoices_are_matched_again(billing: Harness, tenant: str) -> None:
    whole = await placed(billing, tenant, order("PO-1", order_line(), order_line("20")))
    await received(billing, tenant, whole)
    dear = await taken_in(billing, tenant, billed(price="12"))
    assert open_holds(dear) == ["match-exception"]
    unseen = await put_lines(billing, tenant, whole["id"], order_line(price="12"))
    assert problem(unseen)["code"] == "if-match-required"
    changed = await put_lines(billing, tenant, whole["id"], order_line(price="12"), **{"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (204, '"2"')
    assert await match_of(billing, tenant, dear) == ("matched-3way", [])
    assert open_holds(await detail(billing, tenant, dear["id"])) == []
    late = await put_lines(billing, tenant, whole["id"], order_line(), **{"If-Match": '"1"'})
    assert problem(late)["code"] == "if-match-failed"
    for lines in ([order_line("30")], [order_line(unit="KGM")]):
        refused = await put_lines(billing, tenant, whole["id"], *lines, **{"If-Match": "*"})
        assert (refused.status_code, problem(refused)["code"]) == (409, "order-line-in-use")
    assert (await put_lines(billing, tenant, whole["id"], order_line(), **{"If-Match": "*"})).status_code == 204
    assert open_holds(await detail(billing, tenant, dear["id"])) == ["match-exception"]


async def test_an_order_is_closed_or_cancelled(billing: Harness, tenant: str) -> None:
    used, unused = await placed(billing, tenant), await placed(billing, tenant, order("PO-2"))
    await received(billing, tenant, used)
    refused = await post(billing, tenant, f"/billing/orders/{used['id']}/cancellation", REASON)
    assert (refused.status_code, problem(refused)["code"]) == (409, "order-in-use")
    assert (await post(billing, tenant, f"/billing/orders/{used['id']}/closure", REASON)).status_code == 204
    assert (await post(billing, tenant, f"/billing/orders/{unused['id']}/cancellation", REASON)).status_code == 204
    events = [(event.type, event.payload["work"]["outcome"]) for event in (await billing.events(tenant))[-2:]]
    assert events == [
        ("billing.purchase-order.closed.v1", "done"),
        ("billing.purchase-order.cancelled.v1", "cancelled"),
    ]
    for path, body in (
        (f"/billing/orders/{used['id']}/closure", REASON),
        (f"/billing/orders/{unused['id']}/cancellation", REASON),
        (
            "/billing/receipts",
            {"order_id": used["id"], "received_on": "2026-11-02", "lines": [{"reference": "10", "quantity": "1"}]},
        ),
    ):
        refused = await post(billing, tenant, path, body)
        assert (refused.status_code, problem(refused)["code"]) == (409, "order-not-open")
    invoice = await taken_in(billing, tenant, billed())
    assert invoice["match"]["reasons"] == ["order-not-open"]


async def test_a_receipt_is_about_an_order_and_a_day_that_has_come(
    billing: Harness, tenant: str, other_tenant: str
) -> None:
    whole = await placed(billing, tenant)
    came = {"order_id": whole["id"], "received_on": "2026-11-02", "lines": [{"reference": "10", "quantity": "1"}]}
    for changes, code in (
        ({"lines": [{"reference": "99", "quantity": "1"}]}, "unknown-order-line"),
        ({"received_on": "2199-01-01"}, "received-ahead"),
        ({"lines": []}, "invalid-input"),
    ):
        refused = await post(billing, tenant, "/billing/receipts", came | changes)
        assert (refused.status_code, problem(refused)["code"]) == (422, code)
    assert problem(await post(billing, other_tenant, "/billing/receipts", came))["code"] == "not-found"
    receipt = await received(billing, tenant, whole, "12.5")
    told = (await get(billing, tenant, f"/billing/receipts/{receipt['id']}")).json()
    assert told == receipt
    assert told["lines"][0]["quantity"] == "12.5"
    assert (await get(billing, other_tenant, f"/billing/receipts/{receipt['id']}")).status_code == 404
    refused = await post(billing, other_tenant, f"/billing/receipts/{receipt['id']}/reversal", REASON)
    assert problem(refused)["code"] == "not-found"
    assert (await get(billing, other_tenant, f"/billing/receipts?order_id={whole['id']}")).json()["items"] == []


async def test_a_reversal_takes_back_what_came(billing: Harness, tenant: str) -> None:
    whole = await placed(billing, tenant)
    receipt = await received(billing, tenant, whole)
    invoice = await taken_in(billing, tenant, billed())
    assert open_holds(invoice) == []
    path = f"/billing/receipts/{receipt['id']}/reversal"
    assert (await post(billing, tenant, path, REASON)).status_code == 204
    assert await match_of(billing, tenant, invoice) == ("exception", ["not-received"])
    assert open_holds(await detail(billing, tenant, invoice["id"])) == ["match-exception"]
    again = await post(billing, tenant, path, REASON)
    assert (again.status_code, problem(again)["code"]) == (409, "receipt-reversed")
    reversed_ones = (await get(billing, tenant, "/billing/receipts?reversed=true")).json()["items"]
    assert [each["reversal_reason"] for each in reversed_ones] == [REASON["reason"]]
    second = await received(billing, tenant, whole)
    assert (await post(billing, tenant, f"/billing/invoices/{invoice['id']}/validation")).status_code == 204
    refused = await post(billing, tenant, f"/billing/receipts/{second['id']}/reversal", REASON)
    assert (refused.status_code, problem(refused)["code"]) == (409, "receipt-billed")
    credit = await taken_in(billing, tenant, billed("C-1", type_code="381", due_date=None))
    assert (await post(billing, tenant, f"/billing/invoices/{credit['id']}/validation")).status_code == 204
    assert (await post(billing, tenant, f"/billing/receipts/{second['id']}/reversal", REASON)).status_code == 204


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/billing/orders", "billing.orders:write"),
        ("POST", "/billing/receipts", "billing.receipts:write"),
    ],
)
async def test_who_only_reads_writes_nothing(billing: Harness, tenant: str, method: str, path: str, scope: str) -> None:
    async with billing.client(tenant, "viewer") as client:
        refused = await client.request(method, path, json={})
    assert (refused.status_code, problem(refused)["scope"]) == (403, scope)
