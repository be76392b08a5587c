"""Two people above the limit: never the registrar, never the same one twice, and no race between them."""

import asyncio
from uuid import uuid4

from tests.billing.decisions.policies import as_person, decisions, in_force, rule
from tests.billing.intake.electronic import detail, electronic, rows, taken_in
from tests.billing.test_invoices import invoice, register, step
from tests.fixtures.services import Harness, problem


async def validated(billing: Harness, tenant: str, limit: str) -> str:
    """Return an invoice of 62.48 EUR that waits for its approval under this limit."""
    await in_force(billing, tenant, limits={"EUR": limit})
    invoice_id = await register(billing, tenant)
    assert (await step(billing, tenant, "operator", f"{invoice_id}/validation")).status_code == 204
    return invoice_id


async def approve(
    billing: Harness, tenant: str, invoice_id: str, name: str, role: str = "manager", **headers: str
) -> tuple[int, str]:
    async with as_person(billing, tenant, name, role) as client:
        answer = await client.post(f"/billing/invoices/{invoice_id}/approval", headers=headers)
    return answer.status_code, "" if answer.status_code == 204 else str(problem(answer)["code"])


async def test_one_is_enough_up_to_the_limit(billing: Harness, tenant: str) -> None:
    invoice_id = await validated(billing, tenant, "62.48")
    assert await approve(billing, tenant, invoice_id, "ana") == (204, "")
    told = await detail(billing, tenant, invoice_id)
    assert (told["status"], told["approvals_given"], told["approvals_needed"]) == ("approved", 1, 1)


async def test_above_it_the_first_of_two_leaves_it_validated(billing: Harness, tenant: str) -> None:
    invoice_id = await validated(billing, tenant, "62.47")
    before = await detail(billing, tenant, invoice_id)
    assert await approve(billing, tenant, invoice_id, "ana") == (204, "")
    told = await detail(billing, tenant, invoice_id)
    assert (told["status"], told["approvals_given"], told["approvals_needed"]) == ("validated", 1, 2)
    assert told["version"] == before["version"] + 1
    assert await approve(billing, tenant, invoice_id, "ana") == (409, "same-approver")
    stale = {"If-Match": f'"{before["version"]}"'}
    assert await approve(billing, tenant, invoice_id, "ben", **stale) == (412, "if-match-failed")
    assert await approve(billing, tenant, invoice_id, "ben") == (204, "")
    told = await detail(billing, tenant, invoice_id)
    assert (told["status"], told["approvals_given"]) == ("approved", 2)
    assert [each["approved_by"] for each in told["approvals"]] == [f"ana@{tenant}", f"ben@{tenant}"]
    assert told["approvals"][0]["approved_at"] < told["approvals"][1]["approved_at"]
    first, second = (await billing.events(tenant))[-2:]
    assert (first.type, first.payload["given"], first.payload["needed"]) == (
        "billing.invoice.approval-given.v1",
        1,
        2,
    )
    assert second.type == "billing.invoice.approved.v1"
    works = [event.payload["work"] for event in (first, second)]
    assert [work["activity"] for work in works] == ["give-first-approval", "approve-invoice"]
    assert works[0]["actor"] != works[1]["actor"]
    assert works[1]["requested_at"] == works[0]["finished_at"]


async def test_the_registrar_is_neither_of_the_two(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, limits={"EUR": "1"})
    async with as_person(billing, tenant, "registrar") as client:
        invoice_id = (await client.post("/billing/invoices", json=invoice())).json()["id"]
        await client.post(f"/billing/invoices/{invoice_id}/validation")
    assert await approve(billing, tenant, invoice_id, "registrar") == (403, "own-invoice")
    assert await approve(billing, tenant, invoice_id, "ana") == (204, "")
    assert await approve(billing, tenant, invoice_id, "registrar") == (403, "own-invoice")


async def test_a_machine_is_none_of_two_people(billing: Harness, tenant: str) -> None:
    invoice_id = await validated(billing, tenant, "1")
    refused = await step(billing, tenant, "billing", f"{invoice_id}/approval")
    assert (refused.status_code, problem(refused)["code"]) == (403, "approver-not-a-person")
    await in_force(billing, tenant, limits={"EUR": "100"})
    assert (await step(billing, tenant, "billing", f"{invoice_id}/approval")).status_code == 204


async def test_two_people_at_once_approve_once(billing: Harness, tenant: str) -> None:
    invoice_id = await validated(billing, tenant, "1")
    answers = await asyncio.gather(*(approve(billing, tenant, invoice_id, name) for name in ("ana", "ben", "eva")))
    assert sorted(answers) == [(204, ""), (204, ""), (409, "illegal-invoice-transition")]
    assert [event.type.split(".")[2] for event in await billing.events(tenant)][-2:] == ["approval-given", "approved"]


async def test_one_person_at_once_counts_once(billing: Harness, tenant: str) -> None:
    invoice_id = await validated(billing, tenant, "1")
    answers = await asyncio.gather(*(approve(billing, tenant, invoice_id, "ana") for _ in range(4)))
    assert sorted(answers) == [(204, ""), *[(409, "same-approver")] * 3]
    assert (await detail(billing, tenant, invoice_id))["status"] == "validated"


async def test_a_repeated_request_gives_no_second_approval(billing: Harness, tenant: str) -> None:
    invoice_id = await validated(billing, tenant, "1")
    key = {"Idempotency-Key": str(uuid4())}
    assert [await approve(billing, tenant, invoice_id, "ana", **key) for _ in range(2)] == [(204, ""), (204, "")]
    assert len(await rows(billing, tenant, "invoice_approval")) == 1


async def test_a_second_approval_that_was_asked_for_stays_asked_for(billing: Harness, tenant: str) -> None:
    invoice_id = await validated(billing, tenant, "1")
    assert await approve(billing, tenant, invoice_id, "ana") == (204, "")
    await in_force(billing, tenant, limits={"EUR": "1000"})
    assert await approve(billing, tenant, invoice_id, "ana") == (409, "same-approver")
    assert await approve(billing, tenant, invoice_id, "robot", role="billing") == (403, "approver-not-a-person")
    assert await approve(billing, tenant, invoice_id, "ben") == (204, "")
    told = await detail(billing, tenant, invoice_id)
    assert (told["status"], told["approvals_given"], told["approvals_needed"]) == ("approved", 2, 2)


async def test_no_rule_approves_what_needs_two_people(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, rule("everything"), limits={"EUR": "120.99"})
    invoice = await taken_in(billing, tenant, electronic())
    (decision,) = await decisions(billing, tenant, invoice["id"])
    assert (invoice["status"], decision["withheld"]) == ("registered", ["above-limit"])
    await in_force(billing, tenant, rule("everything"), limits={"USD": "1000000"})
    other = await taken_in(billing, tenant, electronic("B-22", net="44.00", item="Other"))
    assert (await decisions(billing, tenant, other["id"]))[-1]["withheld"] == ["above-limit"]
