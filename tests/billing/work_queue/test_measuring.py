"""What the queue's events say of waiting and of work, to the second."""

from tests.billing.intake.electronic import electronic, taken_in
from tests.billing.work_queue.queueing import ITEMS, ask, at, claim, done, moment, seconds
from tests.fixtures.services import Harness

WHY = {"reason": "Two deliveries", "scope": "invoice"}


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
        done(await ask(billing, tenant, "ana", f"{item}/return", {"note": "The supplier has to say"}))
    with at(100):
        done(await claim(billing, tenant, "eva", held["id"]))
    with at(105):
        done(await ask(billing, tenant, "eva", f"{path}/holds/{held['holds'][0]['id']}/release", WHY))
    with at(111):
        done(await ask(billing, tenant, "eva", f"{path}/validation"))
    with at(118):
        done(await ask(billing, tenant, "eva", f"{path}/approval"))
    told = [event for event in await billing.events(tenant) if event.aggregateid == held["id"]]
    assert [event.type.split(".")[2] for event in told] == [
        "registered",
        "claimed",
        "returned",
        "claimed",
        "released",
        "validated",
        "approved",
    ]
    work = [event.payload["work"] for event in told if "work" in event.payload][1:]
    assert [(each["activity"], each["outcome"], seconds(each)) for each in work] == [
        ("return-invoice", "cancelled", (30 * 60, 12 * 60)),
        ("resolve-exception", "done", (58 * 60, 5 * 60)),
        ("validate-invoice", "done", (0, 6 * 60)),
        ("approve-invoice", "done", (0, 7 * 60)),
    ]
    assert sum(sum(part or 0 for part in seconds(each)) for each in work) == 118 * 60  # all the time there was, once
