"""Exact percentiles found near the ranks that histograms tell are those of all durations in order, to the bit."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from services.analytics.indicators import exact_times
from services.analytics.indicators.exact_times import edges_of, find_times, is_looked_for
from services.analytics.indicators.percentiles import _read_facts, histogram_statement, read_times
from services.analytics.indicators.selection import Selection
from services.analytics.indicators.sums import Times
from services.analytics.operations.histograms import bucket_of
from tests.analytics.feeding import T0, feed, operation
from tests.fixtures.services import Harness

HOUR = timedelta(hours=1)
SPANS = st.integers(0, 10**13) | st.integers(0, 3) | st.integers(59_000_000, 61_000_000)
EXACT = Selection(exact=True)


async def put(analytics: Harness, spans: Sequence[tuple[int, int | None]]) -> str:
    """Store an operation for each touch time and wait (or none), half an hour apart."""
    tenant, events = f"t-{uuid4().hex}", []
    for n, (touch, wait) in enumerate(spans):
        finished = T0 + n * HOUR / 2
        started = finished - timedelta(microseconds=touch)
        asked = None if wait is None else started - timedelta(microseconds=wait)
        events.append(
            operation(tenant, f"c{n}", minutes=None, requested_at=asked, started_at=started, finished_at=finished)
        )
    await feed(analytics, events)
    return tenant


async def both(analytics: Harness, tenant: str, selection: Selection) -> tuple[Times | None, Times]:
    """Return what is found near the ranks, and what all durations in order say."""
    async with analytics.runtime.database.session(tenant) as session:
        ranks = (await session.execute(*histogram_statement(selection))).all()
        found = await find_times(session, selection, ranks)
        return found, (await _read_facts(session, selection))[0][1]


@given(st.lists(SPANS, min_size=1, max_size=8), SPANS)
def test_edges_hold_the_durations_of_their_buckets(kept: list[int], other: int) -> None:
    edges = edges_of(map(bucket_of, kept))
    assert edges == sorted(set(edges))
    assert len(edges) % 2 == 0
    assert len(edges) < exact_times._UNKNOWN
    assert all(bisect_right(edges, us) % 2 == 1 for us in kept)
    near = any(abs(other - us) <= 3 + 0.03 * us for us in kept)
    assert near or bisect_right(edges, other) % 2 == 0


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(
    spans=st.lists(st.tuples(SPANS, st.none() | SPANS), min_size=1, max_size=24),
    hours=st.tuples(st.integers(0, 12), st.integers(0, 12)),
)
@example(spans=[(0, None)], hours=(0, 12))
@example(spans=[(60_000_000, 5)] * 24, hours=(0, 12))
async def test_what_is_found_near_the_ranks_is_exact_to_the_bit(
    analytics: Harness, spans: list[tuple[int, int | None]], hours: tuple[int, int]
) -> None:
    tenant = await put(analytics, spans)
    for asked in (EXACT, Selection(exact=True, begin=T0 + min(hours) * HOUR, end=T0 + max(hours) * HOUR)):
        found, ordered = await both(analytics, tenant, asked)
        assert found == ordered


@pytest.mark.parametrize(
    "wrong",
    [
        "DELETE FROM rollup_histogram",
        "UPDATE rollup_histogram SET place = place + 9",
        "UPDATE rollup_histogram SET n0 = 40",
    ],
)
async def test_wrong_histograms_lead_to_no_wrong_percentile(analytics: Harness, wrong: str) -> None:
    tenant = await put(analytics, [(10**n, 3 * 10**n) for n in range(12)])
    async with analytics.runtime.worker.session(None) as session:
        await session.execute(text(f"{wrong} WHERE tenant_id = :tenant"), {"tenant": tenant})
        await session.commit()
    found, ordered = await both(analytics, tenant, EXACT)
    assert found in {None, ordered}
    async with analytics.runtime.database.session(tenant) as session:
        assert await read_times(session, EXACT) == [(None, ordered)]


async def test_more_than_memory_should_hold_is_put_in_order(
    analytics: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await put(analytics, [(1_000_000, None), (3_000_000, None)])
    monkeypatch.setattr(exact_times, "MOST", 1)
    found, ordered = await both(analytics, tenant, EXACT)
    assert found is None
    assert (ordered.touch.median, ordered.touch.max) == (2.0, 3.0)


@pytest.mark.parametrize(
    "other", [{"process": "p"}, {"group_by": ("day",)}, {"as_of": T0}, {"zone": "Asia/Kolkata", "group_by": ("week",)}]
)
def test_only_the_whole_is_looked_for(other: dict[str, Any]) -> None:
    assert is_looked_for(Selection(exact=True, zone="Europe/Madrid", begin=T0))
    assert not is_looked_for(Selection(exact=True, **other))
