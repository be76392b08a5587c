"""Log histograms of durations: the cut into buckets, and that what is added can be taken away."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.operations.histograms import GAMMA, MOMENT, bucket_of, first_place, representative
from tests.analytics.feeding import MINUTE, T0, feed, operation
from tests.analytics.oracle import (
    expected_histograms,
    expected_totals,
    histograms_seen_by,
    stored_histograms,
    totals_seen_by,
)
from tests.fixtures.services import Harness

_CENTURIES_US = 300 * 366 * 86_400 * 1_000_000


@given(st.integers(1, _CENTURIES_US))
def test_a_bucket_stands_for_its_durations_within_one_percent(microseconds: int) -> None:
    bucket = bucket_of(microseconds)
    assert 1 <= bucket < 2_048
    assert abs(representative(bucket) - microseconds) <= 0.0100 * microseconds


@given(st.integers(0, _CENTURIES_US), st.integers(0, _CENTURIES_US))
def test_a_longer_duration_is_in_no_earlier_bucket(one: int, other: int) -> None:
    assert (bucket_of(min(one, other))) <= bucket_of(max(one, other))


def test_nothing_is_its_own_bucket_and_stands_for_itself() -> None:
    assert (bucket_of(0), representative(0)) == (0, 0)
    assert bucket_of(1) == 1
    assert representative(2) / representative(1) == GAMMA


async def test_the_places_of_a_day_are_its_own(analytics: Harness) -> None:
    days = [date(1900, 1, 1), date(1969, 12, 31), date(2026, 3, 29), date(2200, 2, 28)]
    query = text(f"SELECT {MOMENT} FROM (SELECT cast(:place AS bigint) AS place) AS one")
    async with analytics.runtime.worker.session(None) as session:
        for day in days:
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
            for place in (first_place(day), first_place(day + timedelta(days=1)) - 1):
                assert (await session.execute(query, {"place": place})).scalar_one() == midnight


async def test_the_database_cuts_as_powers_say_over_all_magnitudes(analytics: Harness, tenant: str) -> None:
    spans = [timedelta(microseconds=round(10**exponent)) for exponent in (0, 0.4, 1, 2.2, 3, 4.7, 6, 9.1, 12, 15.2)]
    events = [operation(tenant, minutes=None, started_at=T0 - span, finished_at=T0) for span in spans]
    await feed(analytics, events)
    assert await stored_histograms(analytics, tenant) == expected_histograms(events)


async def test_what_one_batch_added_to_a_row_taken_away_is_what_was_there(analytics: Harness, tenant: str) -> None:
    """Rows add up, so a difference of sums is the histogram of what lies between; nothing is lost in a maximum."""
    first = [operation(tenant, minutes=minutes, requested_at=T0 - 99 * MINUTE) for minutes in (1, 1, 7, 30)]
    second = [operation(tenant, minutes=minutes, requested_at=T0 - 99 * MINUTE) for minutes in (1, 7, 7.01, 90)]
    await feed(analytics, first)
    before = await stored_histograms(analytics, tenant)
    await feed(analytics, second)
    after = await stored_histograms(analytics, tenant)
    assert Counter(after) - Counter(expected_histograms(second)) == before == expected_histograms(first)


async def test_the_migration_fills_days_and_cases_as_arrival_does(analytics: Harness, tenant: str) -> None:
    migration = import_module("services.analytics.migrations.versions.2026_11_30_days")
    tables = ("rollup_day", "rollup_case", "rollup_case_histogram")
    wrong = operation(tenant, "c0", minutes=None, cost={"amount": "1.10", "currency": "EUR"})
    events = [wrong, operation(tenant, "c1", corrects=wrong.id, finished_at=T0 + timedelta(days=2))]
    events += [
        operation(tenant, f"c{n % 5}", f"a{n % 3}", minutes=n**2 / 7, requested_at=T0 - n**3 * MINUTE, process="q")
        for n in range(12)
    ]
    await feed(analytics, events)

    async def kept(session: AsyncSession, table: str) -> list[Any]:
        rows = await session.execute(
            text(f"SELECT t.* FROM {table} AS t WHERE tenant_id = :tenant ORDER BY t"), {"tenant": tenant}
        )
        return [tuple(row) for row in rows if any(type(value) is not str for value in row[-8:] if value)]

    async with analytics.runtime.worker.session(None) as session:  # never committed
        before = [await kept(session, table) for table in tables]
        for statement in (*(f"DELETE FROM {table}" for table in tables), *migration._FILL):
            await session.execute(text(statement))
        assert [await kept(session, table) for table in tables] == before
        assert all(before)


async def test_the_migration_fills_them_as_arrival_does(analytics: Harness, tenant: str) -> None:
    migration = import_module("services.analytics.migrations.versions.2026_11_27_histograms")
    events = [
        operation(
            tenant, "c", f"a{n % 3}", minutes=n**2 / 7, requested_at=T0 - n**3 * MINUTE, team="ap" if n % 2 else None
        )
        for n in range(12)
    ]
    await feed(analytics, events)
    async with analytics.runtime.worker.session(None) as session:  # never committed
        for statement in ("DELETE FROM rollup_histogram", "DELETE FROM rollup_key", *migration._FILL):
            await session.execute(text(statement))
        assert await histograms_seen_by(session, tenant) == expected_histograms(events)


async def test_the_migration_adds_up_all_keys_as_arrival_does(analytics: Harness, tenant: str) -> None:
    migration = import_module("services.analytics.migrations.versions.2026_12_01_all_keys")
    events = [
        operation(tenant, "c", f"a{n % 3}", minutes=n % 5, requested_at=T0 - 9 * MINUTE, team="ap" if n % 2 else None)
        for n in range(12)
    ]
    await feed(analytics, events)
    async with analytics.runtime.worker.session(None) as session:  # never committed
        before = await totals_seen_by(session, tenant)
        await session.execute(text(f"DELETE FROM rollup_histogram WHERE place & {migration._KEY} = 0"))
        assert not await totals_seen_by(session, tenant)
        for statement in migration._FILL:
            await session.execute(text(statement))
        assert await totals_seen_by(session, tenant) == before == expected_totals(events)
