"""Whom a rule asks is who decides: by a right of the role and of at least the level, in the token."""

from typing import Any

import httpx
import jwt
import pytest

from deploy.standalone.issuer import ISSUER
from services.billing.decisions.rules import Decision, Outcome, leave_asked
from tests.billing.bulk.test_bulk_decisions import outcomes, said
from tests.billing.decisions.policies import as_person, decisions, in_force, rule
from tests.billing.intake.electronic import detail, electronic, rows, taken_in
from tests.billing.test_invoices import register, step
from tests.billing.work_queue.queueing import ITEMS, held_pair, listed, on_file
from tests.billing.working import ended
from tests.fixtures.services import Harness, problem

APPROVES = ("billing.invoices:read", "billing.invoices:write", "billing.invoices:approve")
SECOND_LEVEL = {"kind": "ask", "role": "finance", "level": 2}
NEEDED = "billing.approvals.finance:level-2"


def granted(billing: Harness, tenant: str, name: str, *scopes: str) -> httpx.AsyncClient:
    """Return a client for a person whose identity provider grants these scopes beside those of whoever approves."""
    client = as_person(billing, tenant, name)
    token = client.headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, options={"verify_signature": False}) | {"scope": " ".join((*APPROVES, *scopes))}
    kid = jwt.get_unverified_header(token)["kid"]
    client.headers["Authorization"] = (
        f"Bearer {jwt.encode(claims | {'iss': ISSUER}, billing.issuer._private, 'RS256', headers={'kid': kid})}"
    )
    return client


async def decide(
    billing: Harness, tenant: str, name: str, invoice_id: str, *scopes: str, part: str = "approval", **body: Any
) -> tuple[int, str]:
    async with granted(billing, tenant, name, *scopes) as client:
        answer = await client.post(f"/billing/invoices/{invoice_id}/{part}", json=body or None)
    return answer.status_code, "" if answer.status_code == 204 else str(problem(answer)["code"])


async def asked_about(billing: Harness, tenant: str, *rules: Any, number: str = "F-1", **more: Any) -> str:
    """Return a validated invoice about which a policy in force asks finance, level 2, unless other rules are named."""
    await in_force(billing, tenant, *(rules or (rule("large", SECOND_LEVEL),)), **more)
    return await validated(billing, tenant, number)


async def validated(billing: Harness, tenant: str, number: str) -> str:
    invoice_id = await on_file(billing, tenant, number, gross=f"{len(number)}00.00")  # no two are alike
    assert (await step(billing, tenant, "operator", f"{invoice_id}/validation")).status_code == 204
    return invoice_id


@pytest.mark.parametrize(
    ("scopes", "code"),
    [
        ((), "not-asked"),
        (("billing.approvals.finance:level-1",), "not-asked"),
        (("billing.approvals.legal:level-9",), "not-asked"),
        (("billing.approvals.finance:approve", "*:approve"), "not-asked"),
        (("billing.approvals.finance:level-10",), "not-asked"),
        ((NEEDED,), ""),
        (("billing.approvals.finance:level-3",), ""),
        (("*:level-2",), ""),
        (("billing.*:level-4",), ""),
    ],
)
async def test_who_is_asked_approves(billing: Harness, tenant: str, scopes: tuple[str, ...], code: str) -> None:
    invoice_id = await asked_about(billing, tenant)
    told = await decide(billing, tenant, "ana", invoice_id, *scopes)
    assert told == ((403, code) if code else (204, ""))
    assert (await detail(billing, tenant, invoice_id))["status"] == ("validated" if code else "approved")


async def test_a_refusal_names_the_right_in_both_languages(billing: Harness, tenant: str) -> None:
    invoice_id = await asked_about(billing, tenant)
    for language, begin in (("en", "The policy asks finance of level 2"), ("es", "La política pregunta a finance")):
        async with granted(billing, tenant, "ana") as client:
            path, headers = f"/billing/invoices/{invoice_id}/approval", {"Accept-Language": language}
            refused = problem(await client.post(path, headers=headers))
        assert refused["detail"].startswith(begin)
        assert (refused["scope"], refused["role"], refused["level"]) == (NEEDED, "finance", 2)
    assert await rows(billing, tenant, "invoice_approval") == []


async def test_roles_that_come_with_the_product(billing: Harness, tenant: str) -> None:
    second = await asked_about(billing, tenant)
    first = await asked_about(billing, tenant, rule("small", {"kind": "ask", "role": "legal"}), number="Z/77")
    for role, invoice_id, status in (
        ("manager", second, 403),
        ("director", second, 204),
        ("manager", first, 204),
    ):
        answer = await step(billing, tenant, role, f"{invoice_id}/approval")
        assert answer.status_code == status, (role, answer.text)


async def test_the_second_of_two_needs_the_level_that_the_first_had_not(billing: Harness, tenant: str) -> None:
    invoice_id = await asked_about(billing, tenant, limits={"EUR": "1"})
    assert await decide(billing, tenant, "ana", invoice_id) == (204, "")
    (item,) = await listed(billing, tenant, role="finance")
    assert (item["reason"], item["asked"]["scope"]) == ("second-approval", NEEDED)
    assert await decide(billing, tenant, "ana", invoice_id, NEEDED) == (409, "same-approver")
    assert await decide(billing, tenant, "ben", invoice_id) == (403, "not-asked")
    assert await decide(billing, tenant, "eva", invoice_id, NEEDED) == (204, "")
    assert (await detail(billing, tenant, invoice_id))["status"] == "approved"


async def test_where_the_first_had_it_anybody_who_approves_is_the_second(billing: Harness, tenant: str) -> None:
    invoice_id = await asked_about(billing, tenant, limits={"EUR": "1"})
    assert await decide(billing, tenant, "eva", invoice_id, NEEDED) == (204, "")
    (item,) = await listed(billing, tenant, role="finance")
    assert (item["reason"], item["asked"]) == (
        "second-approval",
        {"rule": "large", "role": "finance", "level": 2, "scope": None},
    )
    assert await decide(billing, tenant, "ben", invoice_id) == (204, "")
    assert (await detail(billing, tenant, invoice_id))["status"] == "approved"


async def test_a_rejection_is_an_answer_but_of_what_is_held(billing: Harness, tenant: str) -> None:
    invoice_id = await asked_about(billing, tenant)
    why = {"reason": "Never ordered"}
    assert await decide(billing, tenant, "ana", invoice_id, part="rejection", **why) == (403, "not-asked")
    assert await decide(billing, tenant, "eva", invoice_id, NEEDED, part="rejection", **why) == (204, "")
    _, held, _ = await held_pair(billing, tenant)
    assert await decide(billing, tenant, "ana", held, part="rejection", **why) == (204, "")


async def held_and_asked(billing: Harness, tenant: str, *numbers: str) -> list[dict[str, Any]]:
    """Return copies about which finance, level 2, is asked as long as they are held; else all is approved."""
    await in_force(billing, tenant, rule("copies", SECOND_LEVEL, near_duplicate=True), rule("all"))
    await taken_in(billing, tenant, electronic("INV-0042"))
    return [await taken_in(billing, tenant, electronic(number)) for number in numbers]


def released(invoice: dict[str, Any]) -> dict[str, Any]:
    (hold,) = invoice["holds"]
    return {"part": f"holds/{hold['id']}/release", "reason": "Asked the supplier", "scope": "invoice"}


async def test_who_is_asked_about_a_copy_lets_it_be_approved(billing: Harness, tenant: str) -> None:
    (copy,) = await held_and_asked(billing, tenant, "INV-042")
    assert await decide(billing, tenant, "eva", copy["id"], NEEDED, **released(copy)) == (204, "")
    assert (await detail(billing, tenant, copy["id"]))["status"] == "approved"


async def test_a_release_by_others_does_not_answer_what_was_asked(billing: Harness, tenant: str) -> None:
    one, other = await held_and_asked(billing, tenant, "INV-042", "1NV-OO42")
    assert await decide(billing, tenant, "ana", one["id"], **released(one)) == (204, "")
    listed_ = {"invoices": [{"id": other["id"]}], "hold": "near-duplicate", "reason": "Asked the supplier"}
    async with granted(billing, tenant, "ana") as client:
        await ended(billing, tenant, await client.post("/billing/bulk-decisions/release", json=listed_))
    for copy in (one, other):
        last = (await decisions(billing, tenant, copy["id"]))[-1]
        assert (last["rule"], last["outcome"]["level"], last["withheld"]) == ("all", 2, ["asked-of-others"])
        assert (await step(billing, tenant, "manager", f"{copy['id']}/validation")).status_code == 204
        assert await decide(billing, tenant, "ana", copy["id"]) == (403, "not-asked")
        assert await decide(billing, tenant, "eva", copy["id"], NEEDED) == (204, "")


FINANCE_2 = Outcome(kind="ask", role="finance", level=2)


@pytest.mark.parametrize(
    ("found", "is_held", "stands"),
    [
        (Outcome(kind="approve"), False, FINANCE_2),
        (Outcome(kind="ask"), False, FINANCE_2),
        (Outcome(kind="ask", role="finance", level=1), False, FINANCE_2),
        (Outcome(kind="ask", role="finance", level=2), True, FINANCE_2),  # by another hold, which may go by itself
        (Outcome(kind="ask", role="legal"), True, Outcome(kind="ask", role="legal")),
        (Outcome(kind="ask", role="finance", level=3), False, None),
        (Outcome(kind="ask", role="legal"), False, None),
        (Outcome(kind="reject", reason="Closed"), False, None),
    ],
)
def test_what_stands_of_a_question(found: Outcome, is_held: bool, stands: Outcome | None) -> None:
    decision = Decision(outcome=found, rule="next")
    expected = Decision(outcome=stands, rule="next", withheld=("asked-of-others",)) if stands else decision
    assert leave_asked(FINANCE_2, decision, is_held=is_held) == expected


async def test_a_machine_is_none_of_whom_a_rule_asks(billing: Harness, tenant: str) -> None:
    invoice_id = await asked_about(billing, tenant)
    for part, body in (("approval", None), ("rejection", {"reason": "Never ordered"})):
        async with billing.client(tenant, "billing") as machine:  # its role grants every level
            refused = await machine.post(f"/billing/invoices/{invoice_id}/{part}", json=body)
        assert (refused.status_code, problem(refused)["code"]) == (403, "approver-not-a-person")
    assert await decide(billing, tenant, "eva", invoice_id, NEEDED) == (204, "")


async def test_what_was_asked_stays_asked_under_another_policy(billing: Harness, tenant: str) -> None:
    invoice_id = await asked_about(billing, tenant)
    await in_force(billing, tenant)
    assert await decide(billing, tenant, "ana", invoice_id) == (403, "not-asked")
    later = await validated(billing, tenant, "Z/77")
    assert await decide(billing, tenant, "ana", later) == (204, "")


async def test_a_list_obeys_row_by_row(billing: Harness, tenant: str) -> None:
    free = await validated(billing, tenant, "Z/77")
    asked = await asked_about(billing, tenant)
    chosen = {"invoices": [{"id": asked}, {"id": free}]}
    async with granted(billing, tenant, "ana") as client:
        accepted = await client.post("/billing/bulk-decisions/approval", json=chosen)
    assert (await ended(billing, tenant, accepted))["status"] == "succeeded"
    told = await outcomes(billing, tenant, accepted)
    assert said(told) == [("refused", "validated", "not-asked"), ("done", "approved", None)]
    assert told[0]["refusal"]["values"]["scope"] == NEEDED
    async with granted(billing, tenant, "eva", NEEDED) as client:
        accepted = await client.post("/billing/bulk-decisions/approval", json=chosen)
    await ended(billing, tenant, accepted)
    assert said(await outcomes(billing, tenant, accepted)) == [
        ("done", "approved", None),
        ("already-done", "approved", None),
    ]


async def test_nobody_keeps_others_off_what_is_not_asked_of_them(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, rule("large", SECOND_LEVEL))
    invoice_id = await register(billing, tenant)
    async with granted(billing, tenant, "ana") as client:
        assert (await client.post(f"{ITEMS}/{invoice_id}/claim")).json()["asked"]["scope"] == NEEDED
        assert (await client.post(f"/billing/invoices/{invoice_id}/validation")).status_code == 204
        (item,) = await listed(billing, tenant)
        assert (item["reason"], item["assignment"]) == ("to-approve", None)  # what is left is not hers
        assert problem(await client.post(f"{ITEMS}/{invoice_id}/claim"))["code"] == "not-asked"
        taken = await client.post(f"{ITEMS}/{invoice_id}/reassignment", json={"reason": "It is late"})
        assert problem(taken)["code"] == "not-asked"
    async with granted(billing, tenant, "eva", NEEDED) as client:
        assert (await client.post(f"{ITEMS}/{invoice_id}/claim")).status_code == 200
    assert await decide(billing, tenant, "eva", invoice_id, NEEDED) == (204, "")


async def test_a_claim_of_one_who_is_asked_goes_on(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, rule("large", SECOND_LEVEL))
    invoice_id = await register(billing, tenant)
    async with granted(billing, tenant, "eva", NEEDED) as client:
        await client.post(f"{ITEMS}/{invoice_id}/claim")
        assert (await client.post(f"/billing/invoices/{invoice_id}/validation")).status_code == 204
    (item,) = await listed(billing, tenant)
    assert item["assignment"]["assignee"] == f"eva@{tenant}"
