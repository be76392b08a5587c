"""Everything that happens to invoices at once: nobody waits in a circle, and what is decided stays decided."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx
import pytest

from shared.jobs import JobRunner
from tests.billing.bulk.test_bulk_decisions import PATH
from tests.billing.decisions.policies import activate, as_person, drafted, in_force, policy, rule
from tests.billing.intake.electronic import IBAN, OTHER_IBAN, detail, post, send, taken_in
from tests.billing.matching.ordering import billed, order, order_line, placed
from tests.billing.matching.test_at_once import Step, at_once
from tests.billing.work_queue.queueing import ITEMS, ask
from tests.fixtures.services import Harness

PEOPLE = ["ana", "eva", "leo"]
ROUNDS, AT_ONCE = 6, 7
ENDED = {"approved", "rejected"}


@dataclass
class House:
    """People, programs and rules at the invoices of one supplier."""

    billing: Harness
    tenant: str
    random: Random
    orders: list[str]
    supplier: str
    invoices: list[str] = field(default_factory=list)
    sent: list[tuple[str, bytes]] = field(default_factory=list)

    async def person(self, path: str, body: object = None) -> httpx.Response:
        return await ask(self.billing, self.tenant, self.random.choice(PEOPLE), path, body)

    @property
    def one(self) -> str:
        return self.random.choice(self.invoices)

    async def bill(self) -> httpx.Response:
        account = self.random.choice([None, IBAN, OTHER_IBAN])
        lines = {"price": self.random.choice(["10", "10.30"]), "quantity": str(self.random.randint(1, 4))}
        named = self.random.choice(["PO-1", "PO-2", "PO-2;PO-1"])
        content = billed(f"N-{self.random.random()}", **lines, reference=None, orders=named, account=account)
        answer = await send(self.billing, self.tenant, content)
        if answer.is_success:
            self.invoices.append(answer.json()["id"])
            self.sent.append((self.invoices[-1], content))
        return answer

    async def repeat(self) -> httpx.Response:
        first, content = self.random.choice(self.sent)
        path = f"/billing/invoices/{first}/electronic-repeats?reason=Used+twice"
        async with as_person(self.billing, self.tenant, "clerk") as client:
            answer = await client.post(path, content=content)
        if answer.is_success:
            self.invoices.append(answer.json()["id"])
        return answer

    async def receive(self) -> httpx.Response:
        lines = [{"reference": "10", "quantity": str(self.random.randint(1, 9))}]
        came = {"order_id": self.random.choice(self.orders), "received_on": "2026-11-02", "lines": lines}
        return await post(self.billing, self.tenant, "/billing/receipts", came)

    async def step(self) -> httpx.Response:
        step = self.random.choice(["validation", "approval", "rejection", "match"])
        body = {"reason": "So it is"} if step == "rejection" else None
        return await self.person(f"/billing/invoices/{self.one}/{step}", body)

    async def queue(self) -> httpx.Response:
        move = self.random.choice(["claim", "return", "reassignment"])
        body = {"claim": None, "return": {"note": "Not now"}, "reassignment": {"reason": "Mine now"}}[move]
        return await self.person(f"{ITEMS}/{self.one}/{move}", body)

    async def release(self) -> httpx.Response:
        item = self.one
        holds = (await detail(self.billing, self.tenant, item))["holds"]
        if not holds:
            return await self.queue()
        hold = self.random.choice(holds)
        if hold["kind"] == "account-changed":
            return await self.person(hold["details"]["verification"])
        path = f"/billing/invoices/{item}/holds/{hold['id']}/release"
        return await self.person(path, {"reason": "Asked them", "scope": "invoice"})

    async def bulk(self) -> httpx.Response:
        step = self.random.choice(["validation", "approval", "rejection", "release"])
        more = {"rejection": {"reason": "Not ours"}, "release": {"reason": "Asked", "hold": "match-exception"}}
        ids = self.random.sample(self.invoices, min(4, len(self.invoices)))
        return await self.person(f"{PATH}/{step}", {"invoices": [{"id": each} for each in ids], **more.get(step, {})})

    async def tolerate(self) -> httpx.Response:
        headers = {"If-Match": "*"}
        percent = self.random.choice([None, "1", "5"])
        async with as_person(self.billing, self.tenant, "chief") as client:
            if self.random.random() < 0.5:
                body: dict[str, Any] = {"percent": percent, "amounts": {}, "reason": "Agreed"}
                return await client.put("/billing/default-tolerance", json=body, headers=headers)
            path = f"/billing/suppliers/{self.supplier}"
            return await client.patch(path, json={"tolerance_percent": percent}, headers=headers)

    async def rule(self) -> httpx.Response:
        verdict = self.random.choice(["matched-3way", "within-tolerance"])
        draft = await drafted(self.billing, self.tenant, policy(rule("some", matches=[verdict])))
        return await activate(self.billing, self.tenant, draft)

    async def work(self) -> httpx.Response:
        runtime = self.billing.runtime
        runner = JobRunner("billing", runtime.url, runtime.worker, self.billing.service.jobs(runtime))
        while await runner.run_one():
            pass
        return httpx.Response(204)

    def some(self) -> list[Step]:
        moves = [self.bill, self.repeat, self.receive, self.step, self.queue, self.release, self.bulk, self.tolerate]
        chosen = self.random.choices([*moves, self.rule], [4, 1, 3, 5, 4, 4, 2, 2, 1], k=AT_ONCE)
        return [*chosen, self.work]


async def test_whatever_happens_at_once_each_invoice_is_decided_once(
    billing: Harness, tenant: str, caplog: pytest.LogCaptureFixture
) -> None:
    await in_force(billing, tenant, rule("all", matches=["matched-3way", "within-tolerance"]))
    orders = [await placed(billing, tenant, order(f"PO-{n}", order_line(quantity="100"))) for n in (1, 2)]
    first = await taken_in(billing, tenant, billed("FIRST", orders=None, account=IBAN))
    house = House(billing, tenant, Random(), [each["id"] for each in orders], first["supplier"]["id"])
    for _ in range(2):
        await house.bill()
        await house.receive()
    for _ in range(ROUNDS):
        answers = await at_once(house.some())
        said = [answer.text for answer in answers if answer.status_code not in {200, 201, 202, 204, 403, 409, 412}]
        assert said == []
    await house.work()
    assert "deadlock" not in caplog.text
    ends = Counter[str]()
    released = Counter[str]()
    for event in await billing.events(tenant):
        kind = event.type.split(".")[2]
        assert event.aggregateid not in ends, event
        if kind in ENDED:
            ends[event.aggregateid] += 1
        if kind == "released":
            released[event.aggregateid] += 1
    for item in house.invoices:
        told = await detail(billing, tenant, item)
        assert (told["status"] in ENDED) == (item in ends)
        assert released[item] == sum(hold["released_at"] is not None for hold in told["holds"])
