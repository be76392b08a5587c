"""Drafts wait in the same list as invoices, by the same rules."""

from typing import Any

import pytest

from tests.billing.decisions.policies import as_person
from tests.billing.drafts import sending
from tests.billing.drafts.printing import Words, print_pdf
from tests.billing.drafts.sending import PATH
from tests.billing.work_queue.queueing import ITEMS, ask, at, claim, done, drafted, listed, moment, on_file
from tests.billing.work_queue.test_queue import set_due, summary
from tests.fixtures.services import Harness, problem
from tests.hr.people import counted_statements


async def test_an_open_draft_is_an_item_until_it_is_registered(
    billing: Harness, tenant: str, other_tenant: str
) -> None:
    with at(0):
        draft = await drafted(billing, tenant)
    (item,) = await listed(billing, tenant)
    assert item == {
        "subject": "draft",
        "id": draft["id"],
        "path": f"/billing/drafts/{draft['id']}",
        "reason": "to-complete",
        "holds": [],
        "waiting_since": draft["received_at"],
        "due_by": "2026-11-28",  # to be paid since March: two days are the least
        "due_by_source": "arrival",
        "is_overdue": False,
        "assignment": None,
        "returned": None,
        "asked": None,
        "supplier": {"id": None, "name": "Papelería Sol SL"},
        "number": "F-2026/17",
        "gross": "121.00",
        "currency": "EUR",
        "due_date": "2026-03-31",
        "approvals_given": 0,
    }
    assert draft["received_at"] == moment(0)
    async with as_person(billing, tenant, "reader", "viewer") as client:
        assert (await client.get(f"{ITEMS}/{draft['id']}")).json() == item
    assert await listed(billing, other_tenant) == []
    with at(30):
        assert (await ask(billing, tenant, "ana", f"{PATH}/{draft['id']}/registration")).status_code == 201
    (item,) = await listed(billing, tenant)
    assert (item["subject"], item["id"], item["reason"]) == ("invoice", draft["id"], "to-validate")
    assert item["waiting_since"] == moment(30)


async def test_each_filter_keeps_the_drafts_it_names(billing: Harness, tenant: str) -> None:
    invoice, draft = await on_file(billing, tenant, "Z-9", gross="900.00"), await drafted(billing, tenant)
    done(await claim(billing, tenant, "ana", draft["id"]))
    done(await set_due(billing, tenant, draft["id"], "2020-01-01"))
    (keyed,) = await listed(billing, tenant, subject="invoice")
    assert keyed["id"] == invoice
    both = {"F-2026/17", "Z-9"}
    for asked, expected in [
        ({}, both),
        ({"subject": "draft"}, {"F-2026/17"}),
        ({"subject": "draft", "reason": "to-validate"}, set()),
        ({"reason": "to-complete"}, {"F-2026/17"}),
        ({"reason": "to-validate"}, {"Z-9"}),
        ({"hold": "near-duplicate"}, set()),
        ({"unassigned": "true"}, {"Z-9"}),
        ({"assignee": f"ana@{tenant}"}, {"F-2026/17"}),
        ({"role": "finance"}, set()),
        ({"overdue": "true"}, {"F-2026/17"}),
        ({"overdue": "false"}, {"Z-9"}),
        ({"supplier_id": keyed["supplier"]["id"]}, {"Z-9"}),
        ({"currency": "EUR"}, both),
        ({"currency": "USD"}, set()),
        ({"currency": "EUR", "gross_to": "121"}, {"F-2026/17"}),
        ({"currency": "EUR", "gross_from": "121.01"}, {"Z-9"}),
    ]:
        assert {item["number"] for item in await listed(billing, tenant, **asked)} == expected, asked
    assert [item["id"] for item in await listed(billing, tenant, "ana", mine="true")] == [draft["id"]]
    told = await summary(billing, tenant)
    assert (told["items"], told["unassigned"], told["overdue"]) == (2, 1, 1)
    assert told["reasons"][0] == {
        "reason": "to-complete",
        "items": 1,
        "unassigned": 0,
        "overdue": 1,
        "waiting_since": draft["received_at"],
    }
    assert told["holders"] == [{"assignee": f"ana@{tenant}", "items": 1, "overdue": 1}]


@pytest.mark.parametrize(
    ("given", "day", "source"),
    [
        ({"due_date": "2026-12-31"}, "2026-12-06", "arrival"),
        ({"due_date": "2026-12-02"}, "2026-11-29", "payment"),
        ({"due_date": None}, "2026-12-06", "arrival"),
    ],
)
async def test_a_draft_is_due_by_the_rule_for_invoices(
    billing: Harness, tenant: str, given: dict[str, Any], day: str, source: str
) -> None:
    with at(0):
        await drafted(billing, tenant, **given)
    (item,) = await listed(billing, tenant)
    assert (item["due_by"], item["due_by_source"], item["due_date"]) == (day, source, given["due_date"])


async def test_a_day_that_may_be_two_makes_no_draft_due(billing: Harness, tenant: str) -> None:
    with at(0):
        await sending.received(billing, tenant, print_pdf([[Words("Due date: 03/12/2026", 50, 60)]]))
    (item,) = await listed(billing, tenant)
    assert (item["due_by"], item["due_by_source"], item["due_date"]) == ("2026-12-06", "arrival", None)
    assert (item["supplier"], item["number"], item["gross"], item["currency"]) == (
        {"id": None, "name": None},
        None,
        None,
        None,
    )


async def test_a_day_that_was_set_holds_for_the_invoice_too(billing: Harness, tenant: str) -> None:
    item = (await drafted(billing, tenant))["id"]
    before = (await listed(billing, tenant))[0]["due_by"]
    told = done(await set_due(billing, tenant, item, "2027-01-08"))
    assert (told["due_by"], told["due_by_source"]) == ("2027-01-08", "person")
    assert done(await set_due(billing, tenant, item, None))["due_by"] == before
    done(await set_due(billing, tenant, item, "2027-01-08"))
    assert problem(await set_due(billing, tenant, item, "2026-12-24", "operator"))["code"] == "not-allowed"
    assert (await ask(billing, tenant, "ana", f"{PATH}/{item}/registration")).status_code == 201
    (told,) = await listed(billing, tenant)
    assert (told["subject"], told["due_by"], told["due_by_source"]) == ("invoice", "2027-01-08", "person")


async def test_pages_go_on_over_both_and_take_two_statements(billing: Harness, tenant: str) -> None:
    with at(0):
        for n in range(1, 4):
            day = f"2026-12-0{2 * n}"
            await on_file(billing, tenant, f"{n}-{n}", gross=f"{n}1.00", due_date=day)
            await drafted(billing, tenant, f"D-{n}{n}", due_date=day)
    async with billing.client(tenant, "viewer") as client:
        seen: list[dict[str, Any]] = []
        asked: dict[str, Any] = {"limit": 1}
        while "cursor" not in asked or asked["cursor"] is not None:
            with counted_statements(billing) as statements:
                page = (await client.get(ITEMS, params=asked)).json()
            assert len(statements) == 2, statements  # tenant, items
            seen += page["items"]
            asked["cursor"] = page["next_cursor"]
    assert [(item["due_by"], item["id"]) for item in seen] == sorted((item["due_by"], item["id"]) for item in seen)
    assert [item["due_by"] for item in seen] == [f"2026-{day}" for day in ("11-29", "12-01", "12-03") for _ in range(2)]
    assert len({item["id"] for item in seen}) == 6
