"""What is done about drafts in the queue is kept apart and measured as it is for invoices."""

import asyncio
from typing import Any

from tests.billing.decisions.policies import as_person, in_force, rule
from tests.billing.drafts import sending
from tests.billing.drafts.sending import PATH, plain
from tests.billing.work_queue.queueing import (
    DRAFT_NAME,
    ITEMS,
    ask,
    at,
    claim,
    done,
    drafted,
    listed,
    moment,
    on_file,
    seconds,
)
from tests.billing.work_queue.test_claims import give, history, put_back, refusal
from tests.billing.work_queue.test_queue import set_due, summary
from tests.fixtures.services import Harness, problem

NOTE = "The total is not readable"


async def correct(billing: Harness, tenant: str, name: str, draft: dict[str, Any], role: str = "operator") -> Any:
    async with as_person(billing, tenant, name, role) as client:
        return await client.patch(f"{PATH}/{draft['id']}", json=DRAFT_NAME, headers={"If-Match": "*"})


async def works(billing: Harness, tenant: str, item: str) -> list[tuple[str, str, tuple[float | None, float | None]]]:
    """Return activity, outcome, wait and touch of each operation behind the reading, in seconds."""
    events = [event for event in await billing.events(tenant) if event.aggregateid == item]
    found = [event.payload["work"] for event in events if "work" in event.payload][1:]
    return [(work["activity"], work["outcome"], seconds(work)) for work in found]


async def test_a_story_from_the_arrival_to_the_validation_adds_up(billing: Harness, tenant: str) -> None:
    with at(0):
        draft = await drafted(billing, tenant)
    item = draft["id"]
    with at(30):
        told = done(await claim(billing, tenant, "ana", item, role="operator"))
    assert (told["assignment"]["claimed_at"], told["assignment"]["lapses_at"]) == (moment(30), moment(30 + 8 * 60))
    with at(42):
        done(await ask(billing, tenant, "ana", f"{ITEMS}/{item}/return", {"note": NOTE}, role="operator"))
        (told,) = await listed(billing, tenant)
    assert (told["waiting_since"], told["assignment"]) == (moment(42), None)
    assert told["returned"] == {"returned_by": f"ana@{tenant}", "returned_at": moment(42), "note": NOTE}
    with at(100):
        done(await claim(billing, tenant, "eva", item))
    with at(103):
        assert (await correct(billing, tenant, "eva", draft)).status_code == 200
    with at(111):
        assert (await ask(billing, tenant, "eva", f"{PATH}/{item}/registration")).status_code == 201
        (told,) = await listed(billing, tenant)
    assert (told["waiting_since"], told["assignment"], told["returned"]["note"]) == (moment(111), None, NOTE)
    with at(120):
        done(await claim(billing, tenant, "ana", item))
    with at(126):
        done(await ask(billing, tenant, "ana", f"/billing/invoices/{item}/validation"))
    assert await works(billing, tenant, item) == [
        ("return-draft", "cancelled", (30 * 60, 12 * 60)),
        ("register-invoice", "done", (58 * 60, 11 * 60)),
        ("validate-invoice", "done", (9 * 60, 6 * 60)),
    ]  # from the arrival on, every minute once
    assert await history(billing, tenant, item) == [("ana", "returned"), ("eva", "decided"), ("ana", None)]
    events = [event for event in await billing.events(tenant) if event.aggregateid == item]
    assert [event.type.removeprefix("billing.") for event in events] == [
        "draft.received.v1",
        "draft.claimed.v1",
        "draft.returned.v1",
        "draft.claimed.v1",
        "invoice.registered.v1",
        "invoice.claimed.v1",
        "invoice.validated.v1",
    ]
    assert events[1].payload == {"draft_id": item}
    assert all("ana" not in str(event.payload) and NOTE not in str(event.payload) for event in events)


async def test_a_discard_waits_for_the_claim_and_ends_it(billing: Harness, tenant: str) -> None:
    with at(0):
        draft = await drafted(billing, tenant)
    with at(7):
        done(await claim(billing, tenant, "ana", draft["id"]))
    with at(9):
        done(await ask(billing, tenant, "ana", f"{PATH}/{draft['id']}/discard", {"reason": "An advertisement"}))
    assert await works(billing, tenant, draft["id"]) == [("discard-draft", "cancelled", (7 * 60, 2 * 60))]
    assert await history(billing, tenant, draft["id"]) == [("ana", "decided")]
    assert await listed(billing, tenant) == []
    for answer in (
        await claim(billing, tenant, "ana", draft["id"]),
        await put_back(billing, tenant, "ana", draft["id"]),
        await give(billing, tenant, "boss", draft["id"], None),
        await set_due(billing, tenant, draft["id"], "2026-12-24"),
    ):
        assert refusal(answer) == (409, "draft-settled")
    async with as_person(billing, tenant, "reader", "viewer") as client:
        assert refusal(await client.get(f"{ITEMS}/{draft['id']}")) == (404, "not-found")


async def test_nobody_goes_on_with_what_another_completes(billing: Harness, tenant: str) -> None:
    draft = await drafted(billing, tenant)
    done(await claim(billing, tenant, "ana", draft["id"]))
    for answer in (
        await correct(billing, tenant, "eva", draft),
        await ask(billing, tenant, "eva", f"{PATH}/{draft['id']}/registration"),
        await ask(billing, tenant, "eva", f"{PATH}/{draft['id']}/discard", {"reason": "Not ours"}),
        await claim(billing, tenant, "eva", draft["id"]),
        await put_back(billing, tenant, "eva", draft["id"]),
    ):
        assert refusal(answer) == (409, "claimed-by-another")
        assert problem(answer)["detail"] == f"Draft F-2026/17 is with ana@{tenant} at present."
        assert problem(answer)["subject"] == "draft"
    spanish = {"Accept-Language": "es"}
    answer = await ask(billing, tenant, "eva", f"{PATH}/{draft['id']}/registration", **spanish)
    assert problem(answer)["detail"] == f"El borrador F-2026/17 está ahora con ana@{tenant}."
    assert await works(billing, tenant, draft["id"]) == []
    assert (await correct(billing, tenant, "ana", draft)).status_code == 200
    async with billing.client(tenant, "billing") as machine:
        assert refusal(await machine.post(f"{ITEMS}/{draft['id']}/claim")) == (403, "worker-not-a-person")
        assert (await machine.post(f"{PATH}/{draft['id']}/registration")).status_code == 201
    assert await history(billing, tenant, draft["id"]) == [("ana", "overtaken")]


async def test_a_draft_without_a_number_is_named_by_its_id(billing: Harness, tenant: str) -> None:
    draft = await drafted(billing, tenant, number=None)
    assert draft["fields"]["number"]["seen"]["value"] == "F-2026/17"
    done(await claim(billing, tenant, "ana", draft["id"]))
    answer = await claim(billing, tenant, "eva", draft["id"])
    assert problem(answer)["detail"] == f"Draft {draft['id']} is with ana@{tenant} at present."
    (item,) = await listed(billing, tenant)
    assert item["number"] is None


async def test_a_refused_registration_leaves_the_claim_as_it_was(billing: Harness, tenant: str) -> None:
    with at(0):
        draft = await sending.received(billing, tenant, plain())
    with at(10):
        done(await claim(billing, tenant, "ana", draft["id"]))
    with at(15):
        early = await ask(billing, tenant, "ana", f"{PATH}/{draft['id']}/registration")
        assert refusal(early) == (422, "draft-incomplete")
        assert (await correct(billing, tenant, "ana", draft)).status_code == 200
    with at(18):
        assert (await ask(billing, tenant, "ana", f"{PATH}/{draft['id']}/registration")).status_code == 201
    assert await works(billing, tenant, draft["id"]) == [("register-invoice", "done", (10 * 60, 8 * 60))]


async def test_a_person_does_one_thing_at_a_time_whatever_it_is_about(billing: Harness, tenant: str) -> None:
    with at(0):
        draft = await drafted(billing, tenant)
        invoice = await on_file(
            billing, tenant, "Z-9", gross="900.00", supplier={"tax_id": "A58818501", "name": "Mar SA"}
        )
    with at(10):
        for item in (draft["id"], invoice):
            done(await claim(billing, tenant, "ana", item))
    with at(15):
        assert (await ask(billing, tenant, "ana", f"{PATH}/{draft['id']}/registration")).status_code == 201
    with at(22):
        done(await ask(billing, tenant, "ana", f"/billing/invoices/{invoice}/validation"))
    assert await works(billing, tenant, draft["id"]) == [("register-invoice", "done", (10 * 60, 5 * 60))]
    assert await works(billing, tenant, invoice) == [("validate-invoice", "done", (15 * 60, 7 * 60))]
    with at(30):  # what was told of the draft is not told again of its invoice
        began = {"Work-Started-At": moment(11)}
        done(await ask(billing, tenant, "ana", f"/billing/invoices/{draft['id']}/validation", **began))
    assert (await works(billing, tenant, draft["id"]))[1:] == [("validate-invoice", "done", (0, 15 * 60))]


async def test_without_a_claim_registering_waits_since_the_last_return_and_its_touch_is_assumed(
    billing: Harness, tenant: str
) -> None:
    with at(0):
        draft = await drafted(billing, tenant)
        done(await claim(billing, tenant, "ana", draft["id"]))
    with at(5):
        done(await put_back(billing, tenant, "ana", draft["id"]))
    with at(25):
        assert (await ask(billing, tenant, "eva", f"{PATH}/{draft['id']}/registration")).status_code == 201
    (_, registered) = [
        event.payload["work"]
        for event in await billing.events(tenant)
        if "work" in event.payload and event.payload["work"]["actor"]["kind"] == "person"
    ]
    assert (registered["requested_at"], registered["started_at"]) == (moment(5), moment(25))
    assert registered["estimated"] is True


async def test_what_is_handed_over_is_an_operation_of_the_draft(billing: Harness, tenant: str) -> None:
    with at(0):
        item = (await drafted(billing, tenant))["id"]
    with at(10):
        done(await claim(billing, tenant, "ana", item, role="operator"))
    with at(16):
        done(await give(billing, tenant, "ana", item, "eva", role="operator"))
    with at(20):
        told = done(await give(billing, tenant, "boss", item, None))
        assert refusal(await give(billing, tenant, "boss", item, "boss")) == (409, "already-assigned")
    assert (told["assignment"]["assignee"], told["assignment"]["claimed_at"]) == (f"boss@{tenant}", moment(20))
    assert await works(billing, tenant, item) == [("hand-over-draft", "cancelled", (10 * 60, 6 * 60))]
    event = (await billing.events(tenant))[-1]
    assert (event.type, event.payload) == ("billing.draft.reassigned.v1", {"draft_id": item, "taken_over": True})
    assert await history(billing, tenant, item) == [("ana", "reassigned"), ("eva", "reassigned"), ("boss", None)]


async def test_the_claim_ends_with_the_registration_also_where_a_rule_decides_then(
    billing: Harness, tenant: str
) -> None:
    await in_force(billing, tenant, rule("small", {"kind": "reject", "reason": "Too small"}))
    item = (await drafted(billing, tenant))["id"]
    done(await claim(billing, tenant, "ana", item))
    registered = await ask(billing, tenant, "ana", f"{PATH}/{item}/registration")
    assert registered.json()["status"] == "rejected"
    assert await history(billing, tenant, item) == [("ana", "decided")]


async def test_who_completed_a_draft_does_not_claim_its_approval(billing: Harness, tenant: str) -> None:
    item = (await drafted(billing, tenant))["id"]
    done(await claim(billing, tenant, "ana", item))
    assert (await ask(billing, tenant, "ana", f"{PATH}/{item}/registration")).status_code == 201
    done(await ask(billing, tenant, "ana", f"/billing/invoices/{item}/validation"))
    assert refusal(await claim(billing, tenant, "ana", item)) == (403, "own-invoice")
    assert refusal(await give(billing, tenant, "boss", item, "ana")) == (409, "assignee-may-not-decide")
    done(await claim(billing, tenant, "eva", item))


async def test_of_two_claims_of_a_draft_at_once_one_is_refused(billing: Harness, tenant: str) -> None:
    item = (await drafted(billing, tenant))["id"]
    answers = await asyncio.gather(*(claim(billing, tenant, f"p{n}", item) for n in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 5]
    assert {refusal(answer) for answer in answers if answer.status_code == 409} == {(409, "claimed-by-another")}


async def test_a_claim_and_a_registration_at_once_are_one_after_the_other(billing: Harness, tenant: str) -> None:
    for number in ("A-1", "B-22", "C-333", "D-4444"):
        item = (await drafted(billing, tenant, number))["id"]
        claimed, registered = await asyncio.gather(
            claim(billing, tenant, "ana", item), ask(billing, tenant, "eva", f"{PATH}/{item}/registration")
        )
        told = done(claimed)
        assert registered.status_code in {201, 409}
        # Of the invoice, if that is there by then; else of the draft, which nobody else registers.
        assert told["subject"] == ("invoice" if registered.status_code == 201 else "draft")
        assert (await history(billing, tenant, item)) == [("ana", None)]


async def test_another_tenant_and_whoever_only_reads_get_nothing(
    billing: Harness, tenant: str, other_tenant: str
) -> None:
    item = (await drafted(billing, tenant))["id"]
    done(await claim(billing, tenant, "ana", item))
    for answer in (
        await claim(billing, other_tenant, "ana", item),
        await put_back(billing, other_tenant, "ana", item),
        await give(billing, other_tenant, "ana", item, None),
        await set_due(billing, other_tenant, item, "2026-12-24"),
    ):
        assert refusal(answer) == (404, "not-found")
    async with as_person(billing, other_tenant, "ana", "viewer") as client:
        assert refusal(await client.get(f"{ITEMS}/{item}/assignments")) == (404, "not-found")
        assert refusal(await client.get(f"{ITEMS}/{item}")) == (404, "not-found")
    assert (await summary(billing, other_tenant))["items"] == 0
    assert refusal(await claim(billing, tenant, "eva", item, role="viewer")) == (403, "not-allowed")
