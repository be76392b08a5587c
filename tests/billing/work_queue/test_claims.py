"""Who may have an item, who may take it over, and how a claim ends."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.billing.decisions.policies import as_person, in_force, rule
from tests.billing.intake.electronic import OTHER_IBAN, detail, electronic, taken_in
from tests.billing.matching.ordering import billed, placed, received
from tests.billing.work_queue.queueing import ITEMS, ask, at, claim, done, held_pair, listed, moment, on_file
from tests.fixtures.services import Harness, problem

NOTE = {"note": "Not mine"}
RELEASE = {"reason": "Two deliveries", "scope": "invoice"}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(problem(answer)["code"])


async def give(billing: Harness, tenant: str, name: str, item: str, to: str | None, role: str = "manager") -> Any:
    wanted = {"reason": "Away today"} | ({} if to is None else {"to": f"{to}@{tenant}"})
    return await ask(billing, tenant, name, f"{ITEMS}/{item}/reassignment", wanted, role=role)


async def put_back(billing: Harness, tenant: str, name: str, item: str) -> httpx.Response:
    return await ask(billing, tenant, name, f"{ITEMS}/{item}/return", NOTE)


async def history(billing: Harness, tenant: str, item: str) -> list[tuple[str, str | None]]:
    async with as_person(billing, tenant, "reader", "viewer") as client:
        answer = await client.get(f"{ITEMS}/{item}/assignments")
    return [(each["assignee"].split("@")[0], each["ending"]) for each in answer.json()["items"]][::-1]


async def types(billing: Harness, tenant: str, item: str) -> list[str]:
    return [event.type.split(".")[2] for event in await billing.events(tenant) if event.aggregateid == item]


async def test_of_two_claims_at_once_one_is_refused(billing: Harness, tenant: str) -> None:
    item = await on_file(billing, tenant)
    names = [f"p{n}" for n in range(6)]
    answers = await asyncio.gather(*(claim(billing, tenant, name, item) for name in names))
    winner = names[[answer.status_code for answer in answers].index(200)]
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 5]
    for refused in (answer for answer in answers if answer.status_code == 409):
        assert refusal(refused) == (409, "claimed-by-another")
        assert problem(refused)["holder"] == f"{winner}@{tenant}"
    (told,) = await listed(billing, tenant)
    assert told["assignment"]["assignee"] == f"{winner}@{tenant}"
    assert (await types(billing, tenant, item)).count("claimed") == 1


async def test_a_claim_repeated_changes_nothing(billing: Harness, tenant: str) -> None:
    item = await on_file(billing, tenant)
    path = f"{ITEMS}/{item}/claim"
    key = {"Idempotency-Key": "the-same-claim"}
    with at(0):
        first = await ask(billing, tenant, "ana", path, **key)
    with at(5):
        again, replayed = await claim(billing, tenant, "ana", item), await ask(billing, tenant, "ana", path, **key)
    assert first.json()["assignment"]["claimed_at"] == moment(0)
    assert first.json()["assignment"]["lapses_at"] == moment(8 * 60)
    assert done(again) == done(replayed) == first.json()
    assert replayed.headers["Idempotency-Replayed"] == "true"
    assert await types(billing, tenant, item) == ["registered", "claimed"]


async def test_nobody_takes_a_step_on_what_another_has_claimed(billing: Harness, tenant: str) -> None:
    first, held, hold = await held_pair(billing, tenant)
    for item in (first, held):
        done(await claim(billing, tenant, "ana", item))
    for path, body in [
        (f"{held}/holds/{hold}/release", RELEASE),
        (f"{held}/rejection", {"reason": "Never ordered"}),
        (f"{first}/validation", None),
    ]:
        refused = await ask(billing, tenant, "eva", f"/billing/invoices/{path}", body)
        assert refusal(refused) == (409, "claimed-by-another")
        assert "reassignment" in problem(refused)["hint"]
    done(await ask(billing, tenant, "ana", f"/billing/invoices/{first}/validation"))
    refused = await ask(billing, tenant, "eva", f"/billing/invoices/{first}/approval")
    assert refusal(refused) == (409, "claimed-by-another")
    assert refusal(await put_back(billing, tenant, "eva", first)) == (409, "claimed-by-another")
    done(await ask(billing, tenant, "ana", f"/billing/invoices/{first}/approval"))
    assert await history(billing, tenant, first) == [("ana", "decided")]


async def test_a_machine_goes_ahead_of_a_claim_and_makes_none(billing: Harness, tenant: str) -> None:
    item = await on_file(billing, tenant)
    done(await claim(billing, tenant, "ana", item))
    async with billing.client(tenant, "billing") as machine:
        assert refusal(await machine.post(f"{ITEMS}/{item}/claim")) == (403, "worker-not-a-person")
        wanted = {"reason": "By load"}
        answer = await machine.post(f"{ITEMS}/{item}/reassignment", json=wanted)
        assert refusal(answer) == (403, "worker-not-a-person")
        answer = await machine.post(f"{ITEMS}/{item}/reassignment", json=wanted | {"to": f"eva@{tenant}"})
        assert done(answer)["assignment"]["assigned_by"] == f"billing@{tenant}"
        assert (await machine.post(f"/billing/invoices/{item}/validation")).status_code == 204
    (told,) = await listed(billing, tenant)
    assert (told["reason"], told["assignment"]["assignee"]) == ("to-approve", f"eva@{tenant}")
    async with billing.client(tenant, "billing") as machine:
        assert (await machine.post(f"/billing/invoices/{item}/approval")).status_code == 204
    assert await history(billing, tenant, item) == [("ana", "reassigned"), ("eva", "overtaken")]


async def test_who_approves_takes_over_with_a_reason(billing: Harness, tenant: str) -> None:
    item = await on_file(billing, tenant)
    with at(0):
        done(await claim(billing, tenant, "ana", item, role="operator"))
    assert refusal(await give(billing, tenant, "leo", item, None, role="operator")) == (403, "not-allowed")
    async with as_person(billing, tenant, "boss") as client:
        assert (await client.post(f"{ITEMS}/{item}/reassignment", json={})).status_code == 422
    with at(10):
        told = done(await give(billing, tenant, "boss", item, None))
        assert refusal(await give(billing, tenant, "boss", item, "boss")) == (409, "already-assigned")
    assert told["assignment"] == {
        "assignee": f"boss@{tenant}",
        "assigned_by": f"boss@{tenant}",
        "assigned_at": moment(10),
        "reason": "Away today",
        "claimed_at": moment(10),
        "lapses_at": moment(10 + 8 * 60),
    }
    with at(12):
        refused = await ask(billing, tenant, "ana", f"/billing/invoices/{item}/validation", role="operator")
        assert refusal(refused) == (409, "claimed-by-another")
    event = (await billing.events(tenant))[-1]
    assert (event.type, event.payload) == ("billing.invoice.reassigned.v1", {"invoice_id": item, "taken_over": True})
    assert await history(billing, tenant, item) == [("ana", "reassigned"), ("boss", None)]


async def test_what_is_handed_on_is_begun_by_the_next_one(billing: Harness, tenant: str) -> None:
    item = await on_file(billing, tenant)
    assert refusal(await give(billing, tenant, "ana", item, "eva", role="operator")) == (403, "not-allowed")
    done(await claim(billing, tenant, "ana", item, role="operator"))
    told = done(await give(billing, tenant, "ana", item, "eva", role="operator"))
    assert (told["assignment"]["assignee"], told["assignment"]["claimed_at"]) == (f"eva@{tenant}", None)
    assert told["assignment"]["lapses_at"] is None
    assert refusal(await claim(billing, tenant, "ana", item)) == (409, "claimed-by-another")
    assert done(await claim(billing, tenant, "eva", item))["assignment"]["claimed_at"] is not None
    assert await history(billing, tenant, item) == [("ana", "reassigned"), ("eva", None)]


async def test_what_was_given_and_never_begun_is_declined_without_work(billing: Harness, tenant: str) -> None:
    item = await on_file(billing, tenant)
    done(await give(billing, tenant, "boss", item, "eva"))
    done(await put_back(billing, tenant, "eva", item))
    event = (await billing.events(tenant))[-1]
    assert (event.type, event.payload) == ("billing.invoice.returned.v1", {"invoice_id": item})
    (told,) = await listed(billing, tenant)
    assert (told["returned"]["returned_by"], told["returned"]["note"]) == (f"eva@{tenant}", "Not mine")
    assert told["assignment"] is None
    assert refusal(await put_back(billing, tenant, "eva", item)) == (409, "not-claimed")


async def test_a_claim_is_forgotten_after_eight_hours_without_a_step(billing: Harness, tenant: str) -> None:
    first, other = await on_file(billing, tenant, "A-1"), await on_file(billing, tenant, "B-22", gross="7.00")
    with at(0):
        for item in (first, other):
            done(await claim(billing, tenant, "ana", item))
    with at(60):
        done(await ask(billing, tenant, "ana", f"/billing/invoices/{first}/validation"))
    with at(8 * 60 - 1):
        assert refusal(await claim(billing, tenant, "eva", other)) == (409, "claimed-by-another")
    with at(8 * 60):
        assert [item["id"] for item in await listed(billing, tenant, unassigned="true")] == [other]
        assert refusal(await claim(billing, tenant, "eva", first)) == (409, "claimed-by-another")
        done(await claim(billing, tenant, "eva", other))
    with at(9 * 60):
        done(await ask(billing, tenant, "leo", f"/billing/invoices/{first}/approval"))
    assert await history(billing, tenant, other) == [("ana", "lapsed"), ("eva", None)]
    assert await history(billing, tenant, first) == [("ana", "lapsed")]
    assert (await billing.events(tenant))[-1].payload["work"]["estimated"] is True


async def test_nobody_claims_a_decision_that_is_not_theirs(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, limits={"EUR": "10"})
    item = await on_file(billing, tenant)
    done(await claim(billing, tenant, "clerk", item, role="operator"))
    done(await ask(billing, tenant, "clerk", f"/billing/invoices/{item}/validation", role="operator"))
    assert await history(billing, tenant, item) == [("clerk", "decided")]  # approving is not the clerk's
    refused = await claim(billing, tenant, "clerk", item, role="operator")
    assert (*refusal(refused), problem(refused)["scope"]) == (403, "not-allowed", "billing.invoices:approve")
    assert refusal(await claim(billing, tenant, "operator", item)) == (403, "own-invoice")  # who registered it
    assert refusal(await give(billing, tenant, "boss", item, "operator")) == (409, "assignee-may-not-decide")
    done(await claim(billing, tenant, "ana", item))
    done(await ask(billing, tenant, "ana", f"/billing/invoices/{item}/approval"))
    assert await history(billing, tenant, item) == [("clerk", "decided"), ("ana", "decided")]
    assert refusal(await claim(billing, tenant, "ana", item)) == (409, "same-approver")
    assert refusal(await give(billing, tenant, "boss", item, "ana")) == (409, "assignee-may-not-decide")
    done(await claim(billing, tenant, "eva", item))
    done(await ask(billing, tenant, "eva", f"/billing/invoices/{item}/approval"))
    for answer in (
        await claim(billing, tenant, "eva", item),
        await put_back(billing, tenant, "eva", item),
        await give(billing, tenant, "boss", item, None),
    ):
        assert refusal(answer) == (409, "invoice-not-waiting")


async def test_another_tenant_and_whoever_only_reads_get_nothing(
    billing: Harness, tenant: str, other_tenant: str
) -> None:
    item = await on_file(billing, tenant)
    done(await claim(billing, tenant, "ana", item))
    for answer in (
        await claim(billing, other_tenant, "ana", item),
        await put_back(billing, other_tenant, "ana", item),
        await give(billing, other_tenant, "ana", item, None),
    ):
        assert refusal(answer) == (404, "not-found")
    async with as_person(billing, other_tenant, "ana", "viewer") as client:
        assert refusal(await client.get(f"{ITEMS}/{item}/assignments")) == (404, "not-found")
        assert refusal(await client.get(f"{ITEMS}/{item}")) == (404, "not-found")
    assert refusal(await claim(billing, tenant, "eva", item, role="viewer")) == (403, "not-allowed")
    assert await types(billing, tenant, item) == ["registered", "claimed"]


async def test_a_rule_that_decides_on_goods_that_came_late_ends_the_claim(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, rule("as-ordered", matches=["matched-3way"]))
    order = await placed(billing, tenant)
    item = (await taken_in(billing, tenant, billed()))["id"]
    done(await claim(billing, tenant, "ana", item))
    await received(billing, tenant, order)
    assert (await detail(billing, tenant, item))["status"] == "approved"
    assert await history(billing, tenant, item) == [("ana", "overtaken")]
    assert await listed(billing, tenant) == []


async def test_an_account_is_verified_whoever_has_the_invoice(billing: Harness, tenant: str) -> None:
    await taken_in(billing, tenant, electronic("A-1"))
    changed = await taken_in(billing, tenant, electronic("A-2", net="7.00", account=OTHER_IBAN))
    done(await claim(billing, tenant, "ana", changed["id"]))
    done(await ask(billing, tenant, "eva", changed["holds"][0]["details"]["verification"]))
    (item,) = [each for each in await listed(billing, tenant) if each["id"] == changed["id"]]
    assert (item["reason"], item["assignment"]["assignee"]) == ("to-validate", f"ana@{tenant}")


@pytest.mark.parametrize("body", [{"note": "x"}, {"note": " \t "}, {}, {"note": "enough", "by": "eva"}])
async def test_a_return_says_why(billing: Harness, tenant: str, body: dict[str, str]) -> None:
    item = await on_file(billing, tenant)
    done(await claim(billing, tenant, "ana", item))
    refused = await ask(billing, tenant, "ana", f"{ITEMS}/{item}/return", body)
    assert refusal(refused) == (422, "invalid-input")


async def test_a_step_and_a_claim_at_once_are_one_after_the_other(billing: Harness, tenant: str) -> None:
    for number in range(4):
        item = await on_file(billing, tenant, f"{number}-{number}", gross=f"{number + 1}7.00")
        stepped, claimed = await asyncio.gather(
            ask(billing, tenant, "eva", f"/billing/invoices/{item}/validation"), claim(billing, tenant, "ana", item)
        )
        assert claimed.status_code == 200
        assert stepped.status_code in {204, 409}
        (told,) = [each for each in await listed(billing, tenant) if each["id"] == item]
        assert (told["reason"] == "to-approve") == (stepped.status_code == 204)
