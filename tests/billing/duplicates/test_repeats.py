"""An exact duplicate that is another invoice: on file with a reason, by a person who may, and never without another one."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.identifiers import normalise_number
from services.billing.matching.queries import open_matches
from services.billing.orders.queries import lock_lines
from tests.billing.batches.test_batches import files_of, packed
from tests.billing.batches.test_batches import send as send_batch
from tests.billing.decisions.policies import as_person, decisions, in_force, rule
from tests.billing.duplicates.test_near_duplicates import likenesses
from tests.billing.intake.electronic import detail, electronic, objects, open_holds, post, rows, taken_in
from tests.billing.matching.ordering import billed, placed
from tests.billing.test_invoices import invoice as keyed
from tests.billing.test_invoices import register, step
from tests.billing.working import ended
from tests.fixtures.services import Harness, problem

REASON = "Two deliveries, one number"


async def repeat(billing: Harness, tenant: str, of: str, role: str = "manager", **changes: Any) -> httpx.Response:
    body = {"reason": REASON, "invoice": keyed(**changes)}
    return await post(billing, tenant, f"/billing/invoices/{of}/repeats", body, role)


async def repeat_file(billing: Harness, tenant: str, of: str, content: bytes, **headers: str) -> httpx.Response:
    async with billing.client(tenant, "manager", **headers) as client:
        path = f"/billing/invoices/{of}/electronic-repeats"
        return await client.post(path, params={"reason": f" {REASON}: año "}, content=content)


async def test_a_repeat_says_what_it_repeats_by_whom_and_why(billing: Harness, tenant: str) -> None:
    first = await register(billing, tenant)
    answer = await repeat(billing, tenant, first, number="f 2026 001")
    assert answer.status_code == 201, answer.text
    again = answer.json()
    assert (again["repeat"]["repeats_id"], again["repeat"]["reason"]) == (first, REASON)
    assert again["repeat"]["overridden_by"].startswith("manager")
    assert await detail(billing, tenant, again["id"]) == again
    assert (await detail(billing, tenant, first))["repeat"] is None
    assert open_holds(again) == []
    event = (await billing.events(tenant))[-1]
    assert (event.type, event.payload["repeats"]) == ("billing.invoice.registered.v1", first)
    assert REASON not in str(event.payload)
    assert (await step(billing, tenant, "operator", f"{again['id']}/validation")).status_code == 204
    own = await step(billing, tenant, "manager", f"{again['id']}/approval")
    assert problem(own)["code"] == "own-invoice"
    assert (await step(billing, tenant, "admin", f"{again['id']}/approval")).status_code == 204


async def test_without_the_right_a_duplicate_stays_one(billing: Harness, tenant: str, other_tenant: str) -> None:
    first = await register(billing, tenant)
    refused = await repeat(billing, tenant, first, "operator")
    assert (refused.status_code, problem(refused)["scope"]) == (403, "billing.duplicates:approve")
    async with billing.client(tenant) as client:
        plain = await client.post("/billing/invoices", json=keyed())
        forged = await client.post("/billing/invoices", json=keyed(repeat=1))
    assert problem(plain)["existing_id"] == first
    assert f"/billing/invoices/{first}/repeats" in problem(plain)["hint"]
    assert forged.status_code == 422
    answer = await repeat(billing, tenant, first, "billing")
    assert (answer.status_code, problem(answer)["code"]) == (403, "overrider-not-a-person")
    await register(billing, other_tenant)
    assert (await repeat(billing, other_tenant, first)).status_code == 404
    assert (await repeat(billing, tenant, str(uuid4()))).status_code == 404
    assert len(await rows(billing, tenant, "supplier_invoice")) == 1
    assert await rows(billing, tenant, "duplicate_override") == []


@pytest.mark.parametrize(
    "other",
    [{"number": "F-2026/002"}, {"supplier": {"tax_id": "A58818501", "name": "Otra SA"}}],
    ids=["number", "supplier"],
)
async def test_what_is_no_duplicate_is_no_repeat(billing: Harness, tenant: str, other: dict[str, Any]) -> None:
    first = await register(billing, tenant)
    refused = await repeat(billing, tenant, first, **other)
    assert (refused.status_code, problem(refused)["code"]) == (422, "not-a-repeat")
    assert len(await rows(billing, tenant, "supplier")) == 1
    body = {"reason": " ", "invoice": keyed()}
    assert (await post(billing, tenant, f"/billing/invoices/{first}/repeats", body)).status_code == 422


async def test_a_repeat_that_comes_twice_is_held(billing: Harness, tenant: str) -> None:
    first = await register(billing, tenant)
    second = (await repeat(billing, tenant, first)).json()
    third = (await repeat(billing, tenant, first)).json()
    assert (open_holds(second), open_holds(third)) == ([], ["near-duplicate"])
    assert [each["invoice_id"] for each in likenesses(third)] == [second["id"]]
    async with billing.client(tenant) as client:
        plain = await client.post("/billing/invoices", json=keyed())
    assert (plain.status_code, problem(plain)["existing_id"]) == (409, first)


async def test_of_repeats_and_plain_registrations_at_once_only_repeats_are_filed(billing: Harness, tenant: str) -> None:
    first = await register(billing, tenant)

    async def plain() -> httpx.Response:
        async with billing.client(tenant) as client:
            return await client.post("/billing/invoices", json=keyed())

    answers = await asyncio.gather(*(repeat(billing, tenant, first) for _ in range(4)), *(plain() for _ in range(4)))
    assert [answer.status_code for answer in answers] == [201] * 4 + [409] * 4
    assert sorted(row.repeat for row in await rows(billing, tenant, "supplier_invoice")) == [0, 1, 2, 3, 4]
    held = [open_holds(await detail(billing, tenant, answer.json()["id"])) for answer in answers[:4]]
    assert sorted(held) == [[], *[["near-duplicate"]] * 3]


async def test_an_electronic_repeat_is_asked_about_whatever_the_policy_says(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, rule("all"))
    content = electronic("A-1")
    first = await taken_in(billing, tenant, content)
    assert first["status"] == "approved"
    key = {"Idempotency-Key": str(uuid4())}
    answers = [await repeat_file(billing, tenant, first["id"], content, **key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    again = answers[0].json()
    assert (again["status"], again["holds"], again["repeat"]["repeats_id"]) == ("registered", [], first["id"])
    assert again["repeat"]["reason"] == f"{REASON}: año"
    (told,) = await decisions(billing, tenant, again["id"])
    assert (told["outcome"]["kind"], told["withheld"], told["facts"]["repeat"]) == ("ask", ["repeat"], True)
    assert len(await objects(billing, tenant)) == 2
    refused = await repeat_file(billing, tenant, first["id"], electronic("B-2"))
    assert (refused.status_code, problem(refused)["code"]) == (422, "not-a-repeat")
    assert len(await objects(billing, tenant)) == 2
    async with as_person(billing, tenant, "author") as client:
        draft = await client.get("/billing/decision-policies?status=active")
        path = f"/billing/decision-policies/{draft.json()['items'][0]['id']}/simulations"
        today = again["registered_at"][:10]
        simulated = await client.post(path, json={"registered_from": today, "registered_to": today})
    assert simulated.json()["outcomes"] == {"approve": 1, "ask": 1, "reject": 0}


async def test_a_batch_overrides_nothing(billing: Harness, tenant: str) -> None:
    await taken_in(billing, tenant, electronic("A-1"), "admin")
    accepted = await send_batch(billing, tenant, packed({"a.xml": electronic("A-1")}))
    await ended(billing, tenant, accepted)
    (file,) = await files_of(billing, tenant, accepted)
    assert file["refusal"]["code"] == "duplicate-invoice"


async def test_a_repeat_waits_in_no_circle_with_who_matches_the_one_it_repeats(billing: Harness, tenant: str) -> None:
    order = await placed(billing, tenant)
    content = billed("A-1")
    first = await taken_in(billing, tenant, content)
    async with billing.runtime.database.transaction(tenant) as matching:
        await lock_lines(matching, [UUID(order["id"])])
        repeating = asyncio.create_task(repeat_file(billing, tenant, first["id"], content))
        async with asyncio.timeout(20):
            while not await _waits(matching):  # noqa: ASYNC110 - the database has no event for it
                await asyncio.sleep(0.05)
        ((_, locked),) = await open_matches(matching, normalise_number("PO-1"), lock=True)
        assert str(locked.id) == first["id"]
    assert (await repeating).status_code == 201


async def _waits(session: AsyncSession) -> bool:
    """Tell whether somebody waits for a lock of this session."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    return bool(await session.scalar(text(waiting)))
