"""What waits for people, as a manager sees it."""

import asyncio
from typing import Any

import pytest

from tests.billing.decisions.policies import in_force, rule
from tests.billing.intake.electronic import electronic, taken_in
from tests.billing.test_invoices import step
from tests.billing.work_queue.queueing import ITEMS, ask, at, claim, done, held_pair, listed, moment, on_file
from tests.fixtures.services import Harness, problem
from tests.hr.people import counted_statements


async def numbers(billing: Harness, tenant: str, name: str = "reader", **asked: Any) -> set[str]:
    return {item["number"] for item in await listed(billing, tenant, name, **asked)}


async def summary(billing: Harness, tenant: str) -> dict[str, Any]:
    async with billing.client(tenant, "viewer") as client:
        answer = await client.get(f"{ITEMS}/summary")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def set_due(billing: Harness, tenant: str, item: str, day: str | None, role: str = "manager") -> Any:
    async with billing.client(tenant, role) as client:
        return await client.put(f"{ITEMS}/{item}/due-by", json={"due_by": day})


async def test_an_empty_queue(billing: Harness, tenant: str) -> None:
    assert await listed(billing, tenant) == []
    told = await summary(billing, tenant)
    assert (told["items"], told["waiting_since"], told["holders"]) == (0, None, [])
    assert [each["reason"] for each in told["reasons"]] == [
        "to-complete",
        "exception",
        "to-validate",
        "to-approve",
        "second-approval",
    ]


async def test_an_item_says_what_it_waits_for_until_it_is_decided(
    billing: Harness, tenant: str, other_tenant: str
) -> None:
    await in_force(billing, tenant, rule("ask", {"kind": "ask", "role": "finance", "level": 2}), limits={"EUR": "10"})
    await on_file(billing, tenant, "INV-0042")
    with at(0):
        held = await on_file(billing, tenant, "INV-042")
    steps = [("release", "to-validate"), ("validation", "to-approve"), ("approval", "second-approval")]
    with at(1):
        (item,) = await listed(billing, tenant, reason="exception")
    assert item == item | {
        "subject": "invoice",
        "id": held,
        "path": f"/billing/invoices/{held}",
        "holds": ["near-duplicate"],
        "waiting_since": moment(0),
        "due_by": "2026-12-06",  # ten days after it came in
        "due_by_source": "arrival",
        "is_overdue": False,
        "assignment": None,
        "returned": None,
        "asked": {"rule": "ask", "role": "finance", "level": 2, "scope": "billing.approvals.finance:level-2"},
        "gross": "62.48",
        "approvals_given": 0,
    }
    async with billing.client(tenant, "viewer") as client:
        path = (await client.get(item["path"])).json()["holds"][0]["id"]
    for minutes, (name, reason) in enumerate(steps, 2):
        with at(minutes):
            where = f"holds/{path}/release" if name == "release" else name
            why = {"reason": "Two of them", "scope": "invoice"} if name == "release" else None
            done(await ask(billing, tenant, f"p{minutes}", f"{item['path']}/{where}", why))
            (item,) = [each for each in await listed(billing, tenant) if each["id"] == held]
        assert (item["reason"], item["waiting_since"], item["holds"]) == (reason, moment(minutes), [])
        assert await numbers(billing, tenant, reason=reason) >= {"INV-042"}
    assert item["approvals_given"] == 1
    done(await ask(billing, tenant, "last", f"{item['path']}/approval", role="director"))
    assert await numbers(billing, tenant) == {"INV-0042"}
    async with billing.client(tenant, "viewer") as client:
        gone = await client.get(f"{ITEMS}/{held}")
    assert (gone.status_code, problem(gone)["code"]) == (404, "not-found")
    assert await listed(billing, other_tenant) == []
    assert (await summary(billing, other_tenant))["items"] == 0


async def test_each_filter_keeps_what_it_names(billing: Harness, tenant: str) -> None:
    _, held, _ = await held_pair(billing, tenant)
    dear = await on_file(billing, tenant, "Z-9", gross="900.00", supplier={"tax_id": "A58818501", "name": "Mar SA"})
    done(await claim(billing, tenant, "ana", dear))
    done(await ask(billing, tenant, "boss", f"{ITEMS}/{held}/reassignment", {"to": f"eva@{tenant}", "reason": "Yours"}))
    done(await set_due(billing, tenant, held, "2020-01-01"))
    every = {"INV-0042", "INV-042", "Z-9"}
    (item,) = await listed(billing, tenant, mine="true", name="ana")
    for asked, expected in [
        ({}, every),
        ({"reason": "exception"}, {"INV-042"}),
        ({"reason": "to-approve"}, set()),
        ({"hold": "near-duplicate"}, {"INV-042"}),
        ({"hold": "invalid"}, set()),
        ({"mine": "true"}, set()),
        ({"unassigned": "true"}, {"INV-0042"}),
        ({"assignee": f"eva@{tenant}"}, {"INV-042"}),
        ({"role": "finance"}, set()),
        ({"overdue": "true"}, {"INV-042"}),
        ({"overdue": "false"}, every - {"INV-042"}),
        ({"supplier_id": item["supplier"]["id"]}, {"Z-9"}),
        ({"currency": "USD"}, set()),
        ({"currency": "EUR", "gross_from": "900"}, {"Z-9"}),
        ({"currency": "EUR", "gross_to": "899.99"}, every - {"Z-9"}),
    ]:
        assert await numbers(billing, tenant, **asked) == expected, asked
    told = await summary(billing, tenant)
    assert (told["items"], told["unassigned"], told["overdue"]) == (3, 1, 1)
    assert {each["reason"]: (each["items"], each["unassigned"], each["overdue"]) for each in told["reasons"]} == {
        "to-complete": (0, 0, 0),
        "exception": (1, 0, 1),
        "to-validate": (2, 1, 0),
        "to-approve": (0, 0, 0),
        "second-approval": (0, 0, 0),
    }
    assert told["holders"] == [
        {"assignee": f"ana@{tenant}", "items": 1, "overdue": 0},
        {"assignee": f"eva@{tenant}", "items": 1, "overdue": 1},
    ]
    assert told["waiting_since"] == min(each["waiting_since"] for each in await listed(billing, tenant))


async def test_the_role_that_the_last_decision_asks(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, rule("large", {"kind": "ask", "role": "finance", "level": 2}))
    await taken_in(billing, tenant, electronic("A-1"))
    assert await numbers(billing, tenant, role="finance") == {"A-1"}
    assert await numbers(billing, tenant, role="legal") == set()


@pytest.mark.parametrize(
    "asked", [{"gross_from": "5"}, {"reason": "boredom"}, {"sort": "due"}, {"limit": "1.0"}, {"currency": "XXZ"}]
)
async def test_what_no_queue_can_be_asked_is_refused(billing: Harness, tenant: str, asked: dict[str, str]) -> None:
    async with billing.client(tenant, "viewer") as client:
        refused = await client.get(ITEMS, params=asked)
    assert (refused.status_code, problem(refused)["code"]) == (422, "invalid-input")


async def test_pages_go_on_by_day_and_id_and_take_two_statements(billing: Harness, tenant: str) -> None:
    days = ["2027-03-01", "2026-12-10", "2026-12-10", "2026-12-02", "2026-11-30"]
    with at(0):
        ids = [
            await on_file(billing, tenant, f"{n}-{n}", gross=f"{n}1.00", due_date=day) for n, day in enumerate(days, 1)
        ]
    async with billing.client(tenant, "viewer") as client:
        seen: list[dict[str, Any]] = []
        asked: dict[str, Any] = {"limit": 2}
        while True:
            with counted_statements(billing) as statements:
                page = (await client.get(ITEMS, params=asked)).json()
            assert len(statements) == 2, statements  # tenant, items
            seen += page["items"]
            if page["next_cursor"] is None:
                break
            asked["cursor"] = page["next_cursor"]
        for cursor in ("nonsense", "bnVsbA", asked["cursor"][:-2]):
            refused = await client.get(ITEMS, params={"cursor": cursor})
            assert (refused.status_code, problem(refused)["code"]) == (422, "invalid-cursor")
    assert [(item["due_by"], item["due_by_source"]) for item in seen] == [
        ("2026-11-28", "arrival"),  # it came late: two days are the least
        ("2026-11-29", "payment"),  # three days before it has to be paid
        ("2026-12-06", "arrival"),  # ten days after it came in
        ("2026-12-06", "arrival"),
        ("2026-12-06", "arrival"),
    ]
    assert [item["id"] for item in seen] == [ids[4], ids[3], *sorted(ids[:3])]


async def test_a_day_is_set_and_taken_back_by_who_approves(billing: Harness, tenant: str, other_tenant: str) -> None:
    item = await on_file(billing, tenant)
    before = (await listed(billing, tenant))[0]
    for day in ("2026-12-24", "2026-12-25"):
        told = done(await set_due(billing, tenant, item, day))
        assert (told["due_by"], told["due_by_source"]) == (day, "person")
    assert done(await set_due(billing, tenant, item, None)) == before
    assert done(await set_due(billing, tenant, item, None)) == before
    assert problem(await set_due(billing, tenant, item, "2026-12-24", "operator"))["code"] == "not-allowed"
    assert problem(await set_due(billing, other_tenant, item, "2026-12-24"))["code"] == "not-found"
    assert (await set_due(billing, tenant, item, "24/12/2026")).status_code == 422
    answers = await asyncio.gather(*(set_due(billing, tenant, item, f"2026-12-{n}") for n in range(10, 16)))
    assert {answer.status_code for answer in answers} == {200}
    await step(billing, tenant, "operator", f"{item}/validation")
    await step(billing, tenant, "manager", f"{item}/approval")
    late = await set_due(billing, tenant, item, "2026-12-24")
    assert (late.status_code, problem(late)["code"]) == (409, "invoice-not-waiting")
