"""What the queue's events say of waiting and of work, to the second."""

import asyncio
from typing import Any

import pytest

from tests.billing.intake.electronic import IBAN, OTHER_IBAN, detail, electronic, taken_in
from tests.billing.matching.ordering import billed, placed, received
from tests.billing.work_queue.queueing import ITEMS, ask, at, claim, done, held_pair, listed, moment, on_file, seconds
from tests.fixtures.services import Harness

WHY = {"reason": "Two deliveries", "scope": "invoice"}
NOTE = {"note": "The supplier has to say"}
Told = tuple[str, float | None, float | None]


async def work_of(billing: Harness, tenant: str, item: str) -> list[dict[str, Any]]:
    """Return the operations on an invoice behind its registration."""
    events = [event for event in await billing.events(tenant) if event.aggregateid == item]
    return [event.payload["work"] for event in events if "work" in event.payload][1:]


async def told(billing: Harness, tenant: str, item: str) -> list[Told]:
    """Return activity, wait and touch of each, in minutes."""
    told: list[Told] = []
    for each in await work_of(billing, tenant, item):
        wait, touch = seconds(each)
        told.append((each["activity"], None if wait is None else wait / 60, None if touch is None else touch / 60))
    return told


async def test_a_story_from_a_hold_to_an_approval_adds_up(billing: Harness, tenant: str) -> None:
    await taken_in(billing, tenant, electronic("INV-0042"))
    with at(0):
        held = await taken_in(billing, tenant, electronic("INV-042"))
    path, item = f"/billing/invoices/{held['id']}", f"{ITEMS}/{held['id']}"
    with at(30):
        claimed = done(await claim(billing, tenant, "ana", held["id"]))
    assert (claimed["reason"], claimed["holds"], claimed["waiting_since"]) == (
        "exception",
        ["near-duplicate"],
        moment(0),
    )
    with at(42):
        done(await ask(billing, tenant, "ana", f"{item}/return", NOTE))
        (waiting,) = [each for each in await listed(billing, tenant) if each["id"] == held["id"]]
    assert waiting["waiting_since"] == moment(42)
    assert waiting["returned"] == {"returned_by": f"ana@{tenant}", "returned_at": moment(42), "note": NOTE["note"]}
    with at(100):
        done(await claim(billing, tenant, "eva", held["id"]))
    with at(105):
        done(await ask(billing, tenant, "eva", f"{path}/holds/{held['holds'][0]['id']}/release", WHY))
    with at(111):
        done(await ask(billing, tenant, "eva", f"{path}/validation"))
    with at(118):
        done(await ask(billing, tenant, "eva", f"{path}/approval"))
    events = [event for event in await billing.events(tenant) if event.aggregateid == held["id"]]
    assert [event.type.split(".")[2] for event in events] == [
        "registered",
        "claimed",
        "returned",
        "claimed",
        "released",
        "validated",
        "approved",
    ]
    assert [event.payload for event in events if event.type.endswith("claimed.v1")] == [
        {"invoice_id": held["id"], "reason": "exception"}
    ] * 2
    work = await work_of(billing, tenant, held["id"])
    assert [(each["activity"], each["outcome"], seconds(each)) for each in work] == [
        ("return-invoice", "cancelled", (30 * 60, 12 * 60)),
        ("resolve-exception", "done", (58 * 60, 5 * 60)),
        ("validate-invoice", "done", (0, 6 * 60)),
        ("approve-invoice", "done", (0, 7 * 60)),
    ]
    assert sum(sum(part or 0 for part in seconds(each)) for each in work) == 118 * 60  # all the time there was, once
    assert len({each["actor"]["id"] for each in work}) == 2
    assert all("ana" not in str(event.payload) and "eva" not in str(event.payload) for event in events)


async def test_without_a_claim_a_step_waits_since_the_one_before_and_its_touch_is_assumed(
    billing: Harness, tenant: str
) -> None:
    with at(0):
        _, held, hold = await held_pair(billing, tenant)
    path = f"/billing/invoices/{held}"
    with at(10):
        done(await ask(billing, tenant, "ana", f"{path}/holds/{hold}/release", WHY))
    with at(25):
        done(await ask(billing, tenant, "eva", f"{path}/validation"))
    with at(31):
        done(await ask(billing, tenant, "leo", f"{path}/approval"))
    work = await work_of(billing, tenant, held)
    assert [(each["requested_at"], each["finished_at"]) for each in work] == [
        (moment(0), moment(10)),
        (moment(10), moment(25)),
        (moment(25), moment(31)),
    ]
    assert {each["estimated"] for each in work} == {True}


async def test_a_person_does_one_thing_at_a_time(billing: Harness, tenant: str) -> None:
    with at(0):
        items = [await on_file(billing, tenant, f"{n}-{n}", gross=f"{n}7.00") for n in (1, 2, 3)]
    with at(10):
        for item in items:
            done(await claim(billing, tenant, "ana", item))
    for minutes, item in zip((15, 22, 24), items, strict=True):
        with at(minutes):
            done(await ask(billing, tenant, "ana", f"/billing/invoices/{item}/validation"))
    assert [(await told(billing, tenant, item))[0] for item in items] == [
        ("validate-invoice", 10, 5),
        ("validate-invoice", 15, 7),
        ("validate-invoice", 22, 2),
    ]


async def test_steps_of_one_person_at_once_are_not_counted_twice(billing: Harness, tenant: str) -> None:
    with at(0):
        items = [await on_file(billing, tenant, f"{n}-{n}", gross=f"{n}7.00") for n in (1, 2, 3, 4)]
        for item in items:
            done(await claim(billing, tenant, "ana", item))
    with at(9):
        steps = (ask(billing, tenant, "ana", f"/billing/invoices/{item}/validation") for item in items)
        assert {answer.status_code for answer in await asyncio.gather(*steps)} == {204}
    touched = [(await told(billing, tenant, item))[0][2] for item in items]
    assert sum(part or 0 for part in touched) == 9


@pytest.mark.parametrize(
    ("header", "wait", "touch"),
    [(None, 30, 10), (35, 35, 5), (20, 30, 10), (44, 40, 0)],
    ids=["none", "within", "before the claim", "a clock that is ahead"],
)
async def test_who_says_when_they_began_is_believed_within_the_claim(
    billing: Harness, tenant: str, header: int | None, wait: float, touch: float
) -> None:
    with at(0):
        item = await on_file(billing, tenant)
    with at(30):
        done(await claim(billing, tenant, "ana", item))
    with at(40):
        headers = {} if header is None else {"Work-Started-At": moment(header)}
        done(await ask(billing, tenant, "ana", f"/billing/invoices/{item}/validation", **headers))
    assert await told(billing, tenant, item) == [("validate-invoice", wait, touch)]


async def test_what_was_returned_is_not_told_again_by_a_header(billing: Harness, tenant: str) -> None:
    with at(0):
        item = await on_file(billing, tenant)
    with at(10):
        done(await claim(billing, tenant, "ana", item))
    with at(30):
        done(await ask(billing, tenant, "ana", f"{ITEMS}/{item}/return", NOTE))
    with at(40):
        began = {"Work-Started-At": moment(15)}
        done(await ask(billing, tenant, "ana", f"/billing/invoices/{item}/validation", **began))
    assert await told(billing, tenant, item) == [("return-invoice", 10, 20), ("validate-invoice", 0, 10)]


async def test_handing_over_is_work_and_taking_over_is_none(billing: Harness, tenant: str) -> None:
    with at(0):
        item = await on_file(billing, tenant)
    over = f"{ITEMS}/{item}/reassignment"
    with at(10):
        done(await claim(billing, tenant, "ana", item))
    with at(16):
        done(await ask(billing, tenant, "ana", over, {"to": f"eva@{tenant}", "reason": "She knows them"}))
    with at(20):
        done(await claim(billing, tenant, "eva", item))
    with at(50):
        done(await ask(billing, tenant, "boss", over, {"reason": "Eva went home"}))
    with at(57):
        done(await ask(billing, tenant, "boss", f"/billing/invoices/{item}/validation"))
    assert await told(billing, tenant, item) == [("hand-over-invoice", 10, 6), ("validate-invoice", 34, 7)]
    (first, _) = await work_of(billing, tenant, item)
    assert first["outcome"] == "cancelled"


async def test_a_claim_that_lapsed_measures_nothing(billing: Harness, tenant: str) -> None:
    with at(0):
        item = await on_file(billing, tenant)
        done(await claim(billing, tenant, "ana", item))
    with at(20 * 60):
        done(await ask(billing, tenant, "ana", f"{ITEMS}/{item}/return", NOTE))
        done(await claim(billing, tenant, "ana", item))
    with at(20 * 60 + 3):
        done(await ask(billing, tenant, "ana", f"/billing/invoices/{item}/validation"))
    assert await told(billing, tenant, item) == [("return-invoice", None, None), ("validate-invoice", 20 * 60, 3)]


async def test_who_says_when_they_began_is_believed_of_a_claim_that_lapsed_too(billing: Harness, tenant: str) -> None:
    with at(0):
        item = await on_file(billing, tenant)
    with at(10):
        done(await claim(billing, tenant, "ana", item))
    with at(9 * 60 + 10):
        began = {"Work-Started-At": moment(5)}
        done(await ask(billing, tenant, "ana", f"{ITEMS}/{item}/return", NOTE, **began))
    with at(9 * 60 + 40):
        done(await claim(billing, tenant, "eva", item))
    with at(9 * 60 + 41):
        done(await ask(billing, tenant, "eva", f"/billing/invoices/{item}/validation"))
    assert await told(billing, tenant, item) == [("return-invoice", 10, 9 * 60), ("validate-invoice", 30, 1)]


async def test_a_call_to_the_supplier_is_the_work_of_one_operation(billing: Harness, tenant: str) -> None:
    with at(0):
        await taken_in(billing, tenant, electronic("A-1", account=IBAN))
        changed = [
            await taken_in(billing, tenant, electronic(number, net=net, account=OTHER_IBAN, item=number))
            for number, net in (("B-22", "200.00"), ("C-333", "345.00"))
        ]
    with at(10):
        done(await claim(billing, tenant, "ana", changed[0]["id"]))
    with at(25):
        began = {"Work-Started-At": moment(12)}
        done(await ask(billing, tenant, "ana", changed[0]["holds"][0]["details"]["verification"], **began))
    events = [event.payload["work"] for event in await billing.events(tenant) if "work" in event.payload]
    assert [seconds(each) for each in events if each["activity"] == "verify-account"] == [(12 * 60, 13 * 60)]
    assert [await told(billing, tenant, each["id"]) for each in changed] == [[("resolve-exception", 25, 0)]] * 2
    with at(31):
        done(await ask(billing, tenant, "ana", f"/billing/invoices/{changed[0]['id']}/validation"))
    assert (await told(billing, tenant, changed[0]["id"]))[1:] == [("validate-invoice", 0, 6)]


async def test_a_verification_within_a_claim_ends_what_it_began(billing: Harness, tenant: str) -> None:
    with at(0):
        await taken_in(billing, tenant, electronic("A-1", account=IBAN))
        changed = await taken_in(billing, tenant, electronic("B-22", net="200.00", account=OTHER_IBAN))
    with at(10):
        done(await claim(billing, tenant, "ana", changed["id"]))
    with at(25):
        done(await ask(billing, tenant, "ana", changed["holds"][0]["details"]["verification"]))
    assert await told(billing, tenant, changed["id"]) == [("resolve-exception", 10, 15)]


async def test_two_holds_within_a_claim_wait_and_work_one_after_the_other(billing: Harness, tenant: str) -> None:
    with at(0):
        await placed(billing, tenant)
        await taken_in(billing, tenant, electronic("INV-0042"))
        held = await taken_in(billing, tenant, electronic("INV-042", purchase_order="PO-404"))
    with at(5):
        done(await claim(billing, tenant, "ana", held["id"]))
    for minutes, hold in zip((9, 12), (await detail(billing, tenant, held["id"]))["holds"], strict=True):
        with at(minutes):
            path = f"/billing/invoices/{held['id']}/holds/{hold['id']}/release"
            done(await ask(billing, tenant, "ana", path, WHY))
    resolved = [part for part in await told(billing, tenant, held["id"]) if part[0] == "resolve-exception"]
    assert resolved == [("resolve-exception", 5, 4), ("resolve-exception", 0, 3)]


async def test_what_comes_late_waits_on_from_a_return(billing: Harness, tenant: str) -> None:
    with at(0):
        order = await placed(billing, tenant)
        item = (await taken_in(billing, tenant, billed()))["id"]
    with at(10):
        done(await claim(billing, tenant, "ana", item))
    with at(15):
        done(await ask(billing, tenant, "ana", f"{ITEMS}/{item}/return", NOTE))
    with at(60):
        await received(billing, tenant, order)
    assert [part for part in await told(billing, tenant, item) if part[0] != "match-invoice"] == [
        ("return-invoice", 10, 5),
        ("resolve-exception", 45, 0),
    ]


async def test_a_rejection_waits_since_the_hold(billing: Harness, tenant: str) -> None:
    with at(0):
        await on_file(billing, tenant, "INV-0042")
    with at(5):
        held = await on_file(billing, tenant, "INV-042")
    with at(20):
        done(await claim(billing, tenant, "ana", held))
    with at(29):
        done(await ask(billing, tenant, "ana", f"/billing/invoices/{held}/rejection", {"reason": "The same again"}))
    assert await told(billing, tenant, held) == [("approve-invoice", 15, 9)]


async def test_two_holds_without_a_claim_wait_one_after_the_other(billing: Harness, tenant: str) -> None:
    with at(0):
        await placed(billing, tenant)
        await taken_in(billing, tenant, electronic("INV-0042"))
        held = await taken_in(billing, tenant, electronic("INV-042", purchase_order="PO-404"))
    first, second = (f"/billing/invoices/{held['id']}/holds/{hold['id']}/release" for hold in held["holds"])
    with at(9):
        done(await ask(billing, tenant, "ana", first, WHY))
        (item,) = [each for each in await listed(billing, tenant) if each["id"] == held["id"]]
    assert (item["reason"], item["waiting_since"]) == ("exception", moment(9))
    with at(12):
        done(await ask(billing, tenant, "eva", second, WHY))
    work = [each for each in await work_of(billing, tenant, held["id"]) if each["activity"] == "resolve-exception"]
    assert [(each["requested_at"], each["finished_at"]) for each in work] == [
        (moment(0), moment(9)),
        (moment(9), moment(12)),
    ]
