"""A draft whose number is on file: registered with a reason by a person who may, and otherwise left open."""

from typing import Any
from uuid import uuid4

import httpx

from tests.billing.decisions.policies import decisions, in_force, rule
from tests.billing.drafts.sending import plain, received, step
from tests.billing.intake.electronic import detail, get, rows
from tests.billing.test_invoices import register
from tests.billing.test_invoices import step as on_invoice
from tests.fixtures.services import Harness, problem

REASON = "Two deliveries, one number"


async def repeat(
    billing: Harness, tenant: str, draft: dict[str, Any], of: str, role: str = "manager", **headers: str
) -> httpx.Response:
    body = {"repeats_id": of, "reason": REASON}
    return await step(billing, tenant, draft["id"], "repeat", body, role, **headers)


async def state(billing: Harness, tenant: str, draft: dict[str, Any]) -> str:
    return str((await get(billing, tenant, f"/billing/drafts/{draft['id']}")).json()["status"])


async def test_a_draft_is_registered_as_a_repeat_by_a_person_who_says_why(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, rule("all"))
    first = await register(billing, tenant, number="F-2026/17")
    draft = await received(billing, tenant, plain("F-2026/17", account=None))
    duplicate = await step(billing, tenant, draft["id"], "registration")
    assert problem(duplicate)["existing_id"] == first
    assert "/repeat" in problem(duplicate)["hint"]
    key = {"Idempotency-Key": str(uuid4())}
    answers = [await repeat(billing, tenant, draft, first, **key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201], answers[0].text
    assert answers[0].content == answers[1].content
    again = answers[0].json()
    assert again == await detail(billing, tenant, draft["id"])
    assert answers[0].headers["location"] == f"/billing/invoices/{draft['id']}"
    assert (again["origin"], again["status"]) == ("document", "registered")
    assert (again["repeat"]["repeats_id"], again["repeat"]["reason"]) == (first, REASON)
    assert await state(billing, tenant, draft) == "registered"
    (told,) = await decisions(billing, tenant, draft["id"])
    assert (told["outcome"]["kind"], "repeat" in told["withheld"]) == ("ask", True)
    event = (await billing.events(tenant))[-1]
    assert (event.type, event.payload["repeats"]) == ("billing.invoice.registered.v1", first)
    assert REASON not in str(event.payload)
    assert event.payload["work"]["requested_at"] == draft["received_at"]
    assert (await on_invoice(billing, tenant, "operator", f"{draft['id']}/validation")).status_code == 204
    own = await on_invoice(billing, tenant, "manager", f"{draft['id']}/approval")
    assert problem(own)["code"] == "own-invoice"
    late = await repeat(billing, tenant, draft, first)
    assert (late.status_code, problem(late)["code"]) == (409, "draft-settled")


async def test_what_is_refused_leaves_the_draft_open(billing: Harness, tenant: str, other_tenant: str) -> None:
    first = await register(billing, tenant, number="F-2026/17")
    other = await register(billing, tenant, number="F-2026/18")
    elsewhere = await register(billing, other_tenant, number="F-2026/17")
    draft = await received(billing, tenant, plain("F-2026/17", account=None))
    refusals = {
        "not-allowed": await repeat(billing, tenant, draft, first, "operator"),
        "overrider-not-a-person": await repeat(billing, tenant, draft, first, "billing"),
        "not-a-repeat": await repeat(billing, tenant, draft, other),
        "unknown-repeated": await repeat(billing, tenant, draft, elsewhere),
        "if-match-failed": await repeat(billing, tenant, draft, first, **{"If-Match": '"7"'}),
        "invalid-input": await step(billing, tenant, draft["id"], "repeat", {"repeats_id": first}, "manager"),
    }
    assert [problem(refused)["code"] for refused in refusals.values()] == list(refusals)
    assert (await repeat(billing, other_tenant, draft, elsewhere)).status_code == 404
    assert await state(billing, tenant, draft) == "open"
    assert await rows(billing, tenant, "duplicate_override") == []
    assert len(await rows(billing, tenant, "supplier_invoice")) == 2
