"""A rebuild from the facts finds exactly what is wrong, mends exactly that, and stops nobody."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.analytics.operations.ingest import wait_for_turn
from services.analytics.operations.statements import FOLDS
from services.analytics.rebuilds import service
from services.analytics.rebuilds.derived import REACH
from services.analytics.rebuilds.service import Found, rebuild_from_facts, tenants_of
from services.analytics.rebuilds.shadow import Shadow
from shared.events import Event
from tests.analytics.feeding import MINUTE, T0, feed, kpis, observation, operation
from tests.analytics.oracle import assert_exact
from tests.fixtures.services import Harness

# What is done to which table, and how many rows are then missing, extra or different.
DAMAGE: list[tuple[str, str, tuple[int, int, int]]] = [
    ("rollup_hour", "DELETE FROM rollup_hour WHERE {t} AND activity = 'a1' AND team = 'ap'", (4, 0, 0)),
    ("rollup_hour", "UPDATE rollup_hour SET touch_us = touch_us + 1 WHERE {t} AND activity = 'a0'", (0, 0, 8)),
    ("rollup_hour", "UPDATE rollup_hour SET hour = hour - interval '99 days' WHERE {t} AND activity = 'a0'", (8, 8, 0)),
    (
        "rollup_histogram",
        "DELETE FROM rollup_histogram WHERE {t} AND place IN (SELECT min(place) FROM rollup_histogram WHERE {t})",
        (1, 0, 0),
    ),
    (
        "rollup_histogram",
        "INSERT INTO rollup_histogram (tenant_id, place, n3) SELECT tenant_id, max(place) + 1, 1 FROM rollup_histogram WHERE {t} GROUP BY 1",
        (0, 1, 0),
    ),
    (
        "rollup_histogram",
        "UPDATE rollup_histogram SET n0 = 7 WHERE {t} AND place IN (SELECT max(place) FROM rollup_histogram WHERE {t})",
        (0, 0, 1),
    ),
    ("case_state", "DELETE FROM case_state WHERE {t} AND case_id = 'c1'", (1, 0, 0)),
    (
        "case_state",
        "INSERT INTO case_state SELECT tenant_id, process, 'ghost', first_at, last_at, 1, 1, 1, 0, 0, 0 FROM case_state WHERE {t} AND case_id = 'c1'",
        (0, 1, 0),
    ),
    ("case_state", "UPDATE case_state SET last_at = last_at + interval '1 day', rework_n = 9 WHERE {t}", (0, 0, 5)),
    ("case_state", "UPDATE case_state SET activities = activities[2:] WHERE {t} AND case_id = 'c2'", (0, 0, 1)),
    ("rollup_day", "UPDATE rollup_day SET n = n + 1 WHERE {t} AND activity = 'a0' AND team = 'ap'", (0, 0, 2)),
    ("rollup_case", "DELETE FROM rollup_case WHERE {t}", (1, 0, 0)),
    ("rollup_case", "UPDATE rollup_case SET day = day - 99 WHERE {t}", (1, 1, 0)),
    (
        "rollup_case_histogram",
        "UPDATE rollup_case_histogram SET n3 = 99 WHERE {t} AND block = (SELECT max(block) FROM rollup_case_histogram WHERE {t})",
        (0, 0, 1),
    ),
]
NOTHING = (0, 0, 0)


def story(tenant: str, n: int = 60) -> list[Event]:
    """Return operations of four cases and three activities in four hours, some corrected, and an observed case."""
    events: list[Event] = []
    for i in range(n):
        event = operation(
            tenant,
            f"c{i % 4}",
            f"a{i % 3}",
            minutes=None if i % 7 == 0 else (i % 11) + 1,
            finished_at=T0 + (i % 4) * 60 * MINUTE,
            team="ap" if i % 2 else None,
            corrects=events[i - 5].id if i % 10 == 9 else None,
            cost={"amount": "1.25", "currency": "EUR"} if i % 5 == 0 else None,
        )
        events.append(event)
    return [*events, observation(tenant, "c9", T0)]


def numbers(found: Found) -> dict[str, tuple[int, int, int]]:
    return {name: (each["missing"], each["extra"], each["different"]) for name, each in found.tables.items()}


@asynccontextmanager
async def consuming(analytics: Harness, tenant: str, into: list[Event]) -> AsyncIterator[None]:
    """Go on feeding batches, late and correcting ones among them, for as long as the block lasts."""
    stop, chance = asyncio.Event(), random.Random(1)

    async def work() -> None:
        while not stop.is_set():
            batch = [
                operation(tenant, f"late-{n}", "later", finished_at=T0 + timedelta(days=200, hours=chance.randrange(5)))
                for n in range(5)
            ]
            batch.append(
                operation(tenant, "late-0", "mend", finished_at=T0 + timedelta(days=200), corrects=batch[0].id)
            )
            await feed(analytics, batch)
            into.extend(batch)

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        stop.set()
        await task


async def damage(analytics: Harness, tenant: str, *statements: str) -> None:
    async with analytics.runtime.worker.transaction() as session:
        for statement in statements:
            await session.execute(text(statement.replace("{t}", "tenant_id = :tenant")), {"tenant": tenant})


@pytest.mark.parametrize("place", range(len(DAMAGE)), ids=[f"{table}-{n}" for n, (table, _, _) in enumerate(DAMAGE)])
async def test_exactly_what_is_wrong_is_found_and_mended_while_consumers_go_on(
    analytics: Harness, tenant: str, other_tenant: str, place: int
) -> None:
    table, statement, expected = DAMAGE[place]
    url, events = analytics.runtime.url, story(tenant)
    await feed(analytics, events)
    await feed(analytics, story(other_tenant))
    await damage(analytics, tenant, statement)
    untouched = await kpis(analytics, other_tenant)
    async with consuming(analytics, tenant, events):
        looked = await rebuild_from_facts(url, tenant, swap=False)
        mended = await rebuild_from_facts(url, tenant, swap=True)
        again = await rebuild_from_facts(url, tenant, swap=True)
    for found in (looked, mended):
        assert numbers(found) == {**dict.fromkeys(FOLDS, NOTHING), table: expected}
    assert (looked.swapped, mended.swapped, again.swapped) == (False, True, False)
    assert len(looked.tables[table]["examples"]) == min(sum(expected), 5)
    assert again.right
    await assert_exact(analytics, tenant, events)
    assert await kpis(analytics, other_tenant) == untouched


async def test_an_example_says_which_row_it_is(analytics: Harness, tenant: str) -> None:
    await feed(analytics, story(tenant))
    await damage(analytics, tenant, *(DAMAGE[n][1] for n in (0, 5, 6)))
    found = (await rebuild_from_facts(analytics.runtime.url, tenant, swap=False)).tables
    hour = found["rollup_hour"]["examples"][0]
    assert (hour["activity"], hour["team"], hour["how"], hour["hour"][:10]) == ("a1", "ap", "missing", "2026-03-02")
    bucket = found["rollup_histogram"]["examples"][0]
    assert (bucket["day"], bucket["process"], bucket["duration"]) == ("2026-03-02", "p", "touch")
    assert found["case_state"]["examples"] == [{"process": "p", "case_id": "c1", "how": "missing"}]


async def test_everything_lost_comes_back(analytics: Harness, tenant: str, other_tenant: str) -> None:
    events = story(tenant)
    await feed(analytics, events)
    await feed(analytics, story(other_tenant))
    await damage(analytics, tenant, *(f"DELETE FROM {table} WHERE {{t}}" for table in (*FOLDS, "rollup_key")))
    looked = await rebuild_from_facts(analytics.runtime.url, tenant, swap=False)
    assert looked.tables["rollup_key"]["missing"] == 6
    assert all(looked.tables[name]["missing"] == looked.tables[name]["rows"] > 0 for name in FOLDS)
    await rebuild_from_facts(analytics.runtime.url, tenant, swap=True)
    assert (await rebuild_from_facts(analytics.runtime.url, tenant, swap=False)).right
    await assert_exact(analytics, tenant, events)
    assert (await rebuild_from_facts(analytics.runtime.url, other_tenant, swap=False)).right


async def test_looking_changes_nothing_and_waits_for_nobody(analytics: Harness, tenant: str) -> None:
    await feed(analytics, story(tenant))
    await damage(analytics, tenant, *(each for _, each, _ in DAMAGE[::2]))
    before = await _everything(analytics, tenant)
    async with analytics.runtime.worker.transaction() as session:
        await wait_for_turn(session, alone=True)  # as a correcting batch in another process would
        await session.execute(text("UPDATE rollup_hour SET n = n WHERE tenant_id = :t"), {"t": tenant})
        async with asyncio.timeout(10):
            assert not (await rebuild_from_facts(analytics.runtime.url, tenant, swap=False)).right
    assert await _everything(analytics, tenant) == before


async def _everything(analytics: Harness, tenant: str) -> list[Any]:
    async with analytics.runtime.worker.session(None) as session:
        return [
            sorted(map(str, await session.execute(text(f"SELECT * FROM {table} WHERE tenant_id = :t"), {"t": tenant})))
            for table in (*FOLDS, "rollup_key", "operation", "observation")
        ]


@pytest.mark.parametrize("dies_in", ["fold", "take_turn", "mend"])
@pytest.mark.parametrize("how", ["error", "cancelled"])
async def test_whatever_ends_it_leaves_the_old_state_or_the_mended_one(
    analytics: Harness, tenant: str, dies_in: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, url = story(tenant), analytics.runtime.url
    await feed(analytics, events)
    await damage(analytics, tenant, *(DAMAGE[n][1] for n in (0, 5, 8, 11)))
    before = await _everything(analytics, tenant)
    reached, method = asyncio.Event(), getattr(Shadow, dies_in)

    async def dies(self: Shadow, *given: Any) -> None:
        await method(self, *given)  # its statements are done, their transaction is not
        reached.set()
        if how == "error":
            raise ConnectionError("pulled out")
        await asyncio.Event().wait()

    monkeypatch.setattr(Shadow, dies_in, dies)
    work = asyncio.create_task(rebuild_from_facts(url, tenant, swap=True))
    await asyncio.wait_for(reached.wait(), 30)
    if how == "cancelled":
        work.cancel()
    with pytest.raises((ConnectionError, asyncio.CancelledError)):
        await work
    monkeypatch.undo()
    assert await _everything(analytics, tenant) == before
    await feed(analytics, more := story(tenant, 7))  # nobody is held up by what it left
    assert (await rebuild_from_facts(url, tenant, swap=True)).swapped
    assert (await rebuild_from_facts(url, tenant, swap=True)).right
    await assert_exact(analytics, tenant, [*events, *more])


async def test_two_at_once_mend_once(analytics: Harness, tenant: str) -> None:
    events, url = story(tenant), analytics.runtime.url
    await feed(analytics, events)
    await damage(analytics, tenant, *(DAMAGE[n][1] for n in (0, 5, 8, 11)))
    async with consuming(analytics, tenant, events):
        await asyncio.gather(*(rebuild_from_facts(url, tenant, swap=True) for _ in range(3)))
    assert (await rebuild_from_facts(url, tenant, swap=False)).right
    await assert_exact(analytics, tenant, events)


async def test_what_arrives_between_the_look_and_the_swap_is_in_it(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the very rows that differ, with keys that nobody knew, and a correction of what is in a row that is gone."""
    events = story(tenant)
    await feed(analytics, events)
    await damage(analytics, tenant, *(DAMAGE[n][1] for n in (0, 3, 6, 9)))
    more = [
        operation(tenant, "c1", "a1", team="ap", finished_at=T0 + 61 * MINUTE, corrects=events[1].id),
        operation(tenant, "c1", "unheard-of", team="ap", finished_at=T0 + MINUTE),
    ]
    compare = service.compare_derived

    async def compare_and_wait(shadow: Shadow, found: Found) -> None:
        await compare(shadow, found)
        await feed(analytics, more)

    monkeypatch.setattr(service, "compare_derived", compare_and_wait)
    assert (await rebuild_from_facts(analytics.runtime.url, tenant, swap=True)).swapped
    monkeypatch.undo()
    assert (await rebuild_from_facts(analytics.runtime.url, tenant, swap=False)).right
    await assert_exact(analytics, tenant, [*events, *more])


async def test_readers_see_the_old_figures_or_the_mended_ones_and_no_gap(analytics: Harness, tenant: str) -> None:
    await feed(analytics, story(tenant))
    right = await kpis(analytics, tenant)
    await damage(analytics, tenant, next(each for table, each, _ in DAMAGE if table == "rollup_day"))
    wrong = await kpis(analytics, tenant)
    work = asyncio.create_task(rebuild_from_facts(analytics.runtime.url, tenant, swap=True))
    seen = []
    while not work.done():
        seen.append(await kpis(analytics, tenant))
    await work
    assert right != wrong
    assert all(each in (wrong, right) for each in seen)
    assert await kpis(analytics, tenant) == right


async def test_a_tenant_of_which_there_is_nothing_is_right(analytics: Harness, tenant: str) -> None:
    found = await rebuild_from_facts(analytics.runtime.url, tenant, swap=True)
    assert (found.right, found.swapped, numbers(found)) == (True, False, dict.fromkeys(FOLDS, NOTHING))
    assert tenant not in await tenants_of(analytics.runtime.url)
    await feed(analytics, [observation(tenant, "c", T0)])
    assert tenant in await tenants_of(analytics.runtime.url)


def test_every_derived_table_has_its_reach() -> None:
    assert REACH.keys() == FOLDS.keys()
