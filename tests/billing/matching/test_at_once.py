"""Whatever comes at once: nobody waits for another in a circle, and no goods are billed twice."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

import httpx
import pytest

from tests.billing.intake.electronic import detail, get, open_holds, post, send
from tests.billing.matching.ordering import billed, order, order_line, placed
from tests.fixtures.services import Harness

REFERENCES = ["PO-1;PO-2", "PO-2;PO-1;PO-3", "PO-3", "PO-3,PO-1"]
ROUNDS, AT_ONCE = 8, 8
Step = Callable[[], Awaitable[httpx.Response]]


async def at_once(steps: Iterable[Step]) -> list[httpx.Response]:
    """Take all steps; where one fails the others end, too, and ask nothing of a service that is gone by then."""
    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        tasks = [group.create_task(_patiently(step)) for step in steps]
    return [task.result() for task in tasks]


async def _patiently(step: Step) -> httpx.Response:
    """Take a step, and again where the caller is told to: on a busy machine a queue may be longer than a lock's patience."""
    while (answer := await step()).status_code == httpx.codes.SERVICE_UNAVAILABLE:  # noqa: ASYNC110 - nobody tells when
        await asyncio.sleep(0.5)
    return answer


@dataclass
class Bustle:
    """People and programs at work on three orders, in whatever order chance has it."""

    billing: Harness
    tenant: str
    random: Random
    orders: list[str]
    invoices: list[str] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)

    async def bill(self) -> httpx.Response:
        number, quantity = f"N-{self.random.random()}", str(self.random.randint(1, 4))
        content = billed(number, quantity, reference=None, orders=self.random.choice(REFERENCES))
        answer = await send(self.billing, self.tenant, content)
        if answer.is_success:
            self.invoices.append(answer.json()["id"])
        return answer

    async def receive(self) -> httpx.Response:
        lines = [{"reference": "10", "quantity": str(self.random.randint(1, 9))}]
        came = {"order_id": self.random.choice(self.orders), "received_on": "2026-11-02", "lines": lines}
        answer = await post(self.billing, self.tenant, "/billing/receipts", came)
        if answer.is_success:
            self.receipts.append(answer.json()["id"])
        return answer

    async def reverse(self) -> httpx.Response:
        path = f"/billing/receipts/{self.random.choice(self.receipts)}/reversal"
        return await post(self.billing, self.tenant, path, {"reason": "Sent back"})

    async def give_back(self) -> httpx.Response:
        lines = [{"reference": "10", "quantity": "1"}]
        path = f"/billing/receipts/{self.random.choice(self.receipts)}/returns"
        came = {"returned_on": "2026-11-03", "reason": "Broken", "lines": lines}
        return await post(self.billing, self.tenant, path, came)

    async def change(self) -> httpx.Response:
        lines = [order_line(quantity=str(self.random.randint(90, 110)))]
        async with self.billing.client(self.tenant, **{"If-Match": "*"}) as client:
            return await client.put(f"/billing/orders/{self.random.choice(self.orders)}/lines", json={"lines": lines})

    async def decide(self) -> httpx.Response:
        step = self.random.choice(["match", "validation", "rejection"])
        path = f"/billing/invoices/{self.random.choice(self.invoices)}/{step}"
        return await post(self.billing, self.tenant, path, {"reason": "So it is"} if step == "rejection" else None)

    def some(self) -> list[Step]:
        return self.random.choices(
            [self.bill, self.receive, self.reverse, self.give_back, self.change, self.decide],
            [4, 2, 1, 2, 1, 3],
            k=AT_ONCE,
        )


async def test_whatever_comes_at_once_no_goods_are_billed_twice(
    billing: Harness, tenant: str, caplog: pytest.LogCaptureFixture
) -> None:
    orders = [await placed(billing, tenant, order(f"PO-{n}", order_line(quantity="100"))) for n in (1, 2, 3)]
    bustle = Bustle(billing, tenant, Random(), [each["id"] for each in orders])
    for _ in range(2):
        await bustle.bill()
        await bustle.receive()
    for _ in range(ROUNDS):
        answers = await at_once(bustle.some())
        assert {answer.status_code for answer in answers} <= {200, 201, 204, 409}, [each.text for each in answers]
    assert "deadlock" not in caplog.text
    matched = Counter[str]()
    for invoice_id in bustle.invoices:
        invoice = await detail(billing, tenant, invoice_id)
        is_exception = invoice["match"]["verdict"] == "exception"
        assert ("match-exception" in open_holds(invoice)) == is_exception
        if invoice["status"] != "rejected" and not is_exception:
            for part in (part for line in invoice["match"]["lines"] for part in line["parts"]):
                matched[part["order_line_id"]] += int(part["quantity"])
    for each in orders:
        (line,) = (await get(billing, tenant, f"/billing/orders/{each['id']}")).json()["lines"]
        assert matched[line["id"]] <= Decimal(line["received"])
        assert matched[line["id"]] <= Decimal(line["billed"])
