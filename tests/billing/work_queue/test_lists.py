"""Lists that are decided as a whole, of invoices that somebody has claimed: no minute is lost or counted twice."""

from datetime import datetime
from typing import Any

import pytest

from tests.billing.bulk.test_bulk_decisions import PATH, outcomes, said
from tests.billing.work_queue.queueing import ITEMS, ask, at, claim, done, moment, on_file, seconds
from tests.billing.work_queue.test_measuring import told, work_of
from tests.billing.working import ended
from tests.fixtures.services import Harness


async def several(billing: Harness, tenant: str, count: int = 4) -> list[str]:
    return [await on_file(billing, tenant, f"{n}-{n}", gross=f"{n}7.00") for n in range(1, count + 1)]


async def decide(
    billing: Harness, tenant: str, ids: list[str], *, asked: float, later: float, began: float | None = None
) -> Any:
    """Let ana ask for the validation of a list, and the job take it later."""
    headers = {} if began is None else {"Work-Started-At": moment(began)}
    with at(asked):
        chosen = {"invoices": [{"id": each} for each in ids]}
        accepted = await ask(billing, tenant, "ana", f"{PATH}/validation", chosen, **headers)
    with at(later):
        await ended(billing, tenant, accepted)
    return accepted


async def touches(billing: Harness, tenant: str, ids: list[str]) -> list[float | None]:
    """Return the minutes that went into each validation; None where they were assumed."""
    return [
        minutes
        for each in ids
        for activity, _, minutes in await told(billing, tenant, each)
        if activity == "validate-invoice"
    ]


@pytest.mark.parametrize("later", [12, 90], ids=["at once", "later"])
async def test_the_time_of_a_list_is_shared_out_whoever_has_claimed_it(
    billing: Harness, tenant: str, later: float
) -> None:
    with at(0):
        ids = await several(billing, tenant)
        for each in ids:
            done(await claim(billing, tenant, "ana", each))
    await decide(billing, tenant, ids, asked=12, later=later, began=4)
    assert await touches(billing, tenant, ids) == [2, 2, 2, 2]


async def test_a_claim_does_not_measure_a_list_without_a_beginning(billing: Harness, tenant: str) -> None:
    with at(0):
        ids = await several(billing, tenant)
        for each in ids[:2]:
            done(await claim(billing, tenant, "ana", each))
    await decide(billing, tenant, ids, asked=12, later=90)
    assert await touches(billing, tenant, ids) == [None] * 4


async def test_a_job_that_comes_late_takes_nothing_from_what_is_done_meanwhile(billing: Harness, tenant: str) -> None:
    with at(0):
        *ids, other = await several(billing, tenant, 3)
        for each in (*ids, other):
            done(await claim(billing, tenant, "ana", each))
    await decide(billing, tenant, ids, asked=10, later=38, began=0)
    with at(40):
        done(await ask(billing, tenant, "ana", f"/billing/invoices/{other}/validation"))
    assert await touches(billing, tenant, [*ids, other]) == [5, 5, 30]


async def test_a_list_begins_no_earlier_than_the_end_of_what_was_done_before(billing: Harness, tenant: str) -> None:
    with at(0):
        *ids, other = await several(billing, tenant, 3)
        done(await claim(billing, tenant, "ana", other))
    with at(8):
        done(await ask(billing, tenant, "ana", f"/billing/invoices/{other}/validation"))
    await decide(billing, tenant, ids, asked=10, later=10, began=0)
    assert await touches(billing, tenant, [other, *ids]) == [8, 1, 1]


@pytest.mark.parametrize("later", [10, 40], ids=["at once", "later"])
async def test_what_follows_a_list_within_a_claim_begins_behind_its_job(
    billing: Harness, tenant: str, later: float
) -> None:
    with at(0):
        (item,) = await several(billing, tenant, 1)
        done(await claim(billing, tenant, "ana", item))
    await decide(billing, tenant, [item], asked=10, later=later, began=7)
    with at(later + 6):
        done(await ask(billing, tenant, "ana", f"/billing/invoices/{item}/approval"))
    assert await told(billing, tenant, item) == [("validate-invoice", later - 3, 3), ("approve-invoice", 0, 6)]


async def test_a_return_behind_a_list_is_not_the_jobs_time(billing: Harness, tenant: str) -> None:
    with at(0):
        (item,) = await several(billing, tenant, 1)
        done(await claim(billing, tenant, "ana", item))
    await decide(billing, tenant, [item], asked=10, later=40, began=7)
    with at(42):
        done(await ask(billing, tenant, "ana", f"{ITEMS}/{item}/return", {"note": "Ask for the contract"}))
    assert await told(billing, tenant, item) == [("validate-invoice", 37, 3), ("return-invoice", 0, 2)]


async def test_what_another_has_claimed_is_refused_and_takes_no_time(billing: Harness, tenant: str) -> None:
    with at(0):
        ids = await several(billing, tenant)
        done(await claim(billing, tenant, "eva", ids[0]))
    accepted = await decide(billing, tenant, ids, asked=12, later=12, began=0)
    assert said(await outcomes(billing, tenant, accepted)) == [
        ("refused", "registered", "claimed-by-another"),
        *[("done", "validated", None)] * 3,
    ]
    assert await touches(billing, tenant, ids) == [4, 4, 4]
    ended_at = {
        datetime.fromisoformat(work["finished_at"]) for each in ids for work in await work_of(billing, tenant, each)
    }
    assert ended_at == {datetime.fromisoformat(moment(12))}
    assert seconds((await work_of(billing, tenant, ids[1]))[0]) == (8 * 60, 4 * 60)
