"""What roll-ups and cases must hold, computed from the events alone in plain Python."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from operator import add
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.operations import histograms
from shared.contracts.analytics import EventWithdrawn, ObservationRecorded
from shared.events import Event
from tests.fixtures.services import Harness

Row = tuple[Any, ...]


def standing(events: Sequence[Event]) -> list[Event]:
    """Return the events as if those that are withdrawn among them had never been."""
    withdrawn = {
        (each.tenant, UUID(msgspec.json.decode(each.data)["event"]))
        for each in events
        if each.type == EventWithdrawn.type
    }
    return [each for each in events if each.type != EventWithdrawn.type and (each.tenant, each.id) not in withdrawn]


def _stamp(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).astimezone(UTC)


def _works(events: Iterable[Event]) -> dict[Any, dict[str, Any]]:
    """Return the work blocks of the first copy of each event, with parsed stamps."""
    works: dict[Any, dict[str, Any]] = {}
    for event in events:
        work = msgspec.json.decode(event.data).get("work")
        if work is not None and event.id not in works:
            for name in ("requested_at", "started_at", "finished_at"):
                work[name] = _stamp(work.get(name))
            works[event.id] = work
    return works


def _micros(begin: datetime | None, end: datetime | None) -> int | None:
    if begin is None or end is None:
        return None
    span = end - begin
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


def _durations(work: dict[str, Any]) -> tuple[int | None, int | None, int | None]:
    start = None if work.get("estimated") else work["started_at"]
    return (
        _micros(start, work["finished_at"]),
        _micros(work["requested_at"], start),
        _micros(work["requested_at"], work["finished_at"]),
    )


# The last microsecond of bucket 1, 2, ...: exact powers of 1.02, not logarithms.
_ENDS = [int(Fraction(102, 100) ** power) for power in range(2_048)]


def expected_histograms(events: Sequence[Event]) -> Counter[Row]:
    """Return how many durations fell into each bucket, by day, key and name of the duration."""
    counts: Counter[Row] = Counter()
    for work in _works(events).values():
        actor = work["actor"]
        key = (work["process"], work["activity"], actor.get("team") or "", actor["kind"])
        for name, duration in zip(("touch", "wait", "lead"), _durations(work), strict=True):
            if duration is not None:
                bucket = 1 + bisect_left(_ENDS, duration) if duration else 0
                counts[work["finished_at"].date(), *key, name, bucket] += 1
    return counts


async def stored_histograms(analytics: Harness, tenant: str) -> Counter[Row]:
    """Return the tenant's histograms in the same form."""
    async with analytics.runtime.worker.session(None) as session:
        return await histograms_seen_by(session, tenant)


async def histograms_seen_by(session: AsyncSession, tenant: str) -> Counter[Row]:
    query = text(
        f"SELECT ({histograms.MOMENT})::date AS day, process, activity, team, actor_kind, "
        f"{histograms.NUMBER} AS number, {histograms.FIRST_BUCKET} AS first, {', '.join(histograms.COUNTS)} "
        f"FROM rollup_histogram JOIN rollup_key USING (tenant_id) WHERE tenant_id = :tenant AND id = {histograms.KEY}"
    )
    counts: Counter[Row] = Counter()
    for row in await session.execute(query, {"tenant": tenant}):
        for cell, n in enumerate(row[7:]):
            if n is not None:
                counts[*row[:5], histograms.DURATIONS[row.number], row.first + cell] += n
    return counts


async def totals_seen_by(session: AsyncSession, tenant: str) -> Counter[Row]:
    """Return what the rows of all keys together hold, by day, name of the duration and bucket."""
    query = text(
        f"SELECT ({histograms.MOMENT})::date AS day, {histograms.NUMBER} AS number, {histograms.FIRST_BUCKET} AS first, "
        f"{', '.join(histograms.COUNTS)} FROM rollup_histogram WHERE tenant_id = :tenant AND {histograms.KEY} = 0"
    )
    counts: Counter[Row] = Counter()
    for row in await session.execute(query, {"tenant": tenant}):
        for cell, n in enumerate(row[3:]):
            if n is not None:
                counts[row.day, histograms.DURATIONS[row.number], row.first + cell] += n
    return counts


def expected_totals(events: Sequence[Event]) -> Counter[Row]:
    totals: Counter[Row] = Counter()
    for (day, *_, name, bucket), n in expected_histograms(events).items():
        totals[day, name, bucket] += n
    return totals


def expected_rollups(events: Sequence[Event]) -> dict[Row, Row]:
    works = _works(events)
    wrong = {work.get("corrects") for work in works.values()}
    rows: dict[Row, list[Any]] = defaultdict(lambda: [0] * 14 + [Decimal(0)])
    for event_id, work in works.items():
        touch, wait, lead = _durations(work)
        cost = work.get("cost")
        corrected = str(event_id) in wrong
        outcome = work.get("outcome", "done")
        hour = work["finished_at"].replace(minute=0, second=0, microsecond=0)
        actor = work["actor"]
        key = (
            hour,
            work["process"],
            work["activity"],
            actor.get("team") or "",
            actor["kind"],
            cost["currency"] if cost else "",
        )
        new: list[Any] = [
            1,
            touch is not None,
            touch or 0,
            bool(work.get("estimated")),
            wait is not None,
            wait or 0,
            lead is not None,
            lead or 0,
            outcome == "error",
            outcome == "rework",
            outcome == "cancelled",
            corrected,
            corrected or outcome in {"error", "rework"},
            cost is not None,
            Decimal(cost["amount"]) if cost else Decimal(0),
        ]
        rows[key] = [
            old + int(more) if not isinstance(more, Decimal) else old + more
            for old, more in zip(rows[key], new, strict=True)
        ]
    return {key: tuple(row) for key, row in rows.items()}


def expected_days(events: Sequence[Event]) -> dict[Row, Row]:
    """Return the sums of hours by day."""
    days: dict[Row, Row] = {}
    for (hour, *key), sums in expected_rollups(events).items():
        place = (hour.date(), *key)
        days[place] = tuple(map(add, days[place], sums)) if place in days else sums
    return days


def expected_case_days(events: Sequence[Event]) -> tuple[dict[Row, Row], Counter[Row]]:
    """Return the sums over cases by the day of their last moment, and how many took as long as each bucket."""
    sums: dict[Row, list[int]] = defaultdict(lambda: [0] * 10)
    buckets: Counter[Row] = Counter()
    for (process, _), (first, last, operations, seen, person, automation, defects, rework, _) in expected_cases(
        events
    ).items():
        place, duration = (last.date(), process), _micros(first, last) or 0
        own = [
            *(1, seen, duration, operations, operations > 0, person + automation > 0),
            *(not person and automation > 0, rework > 0, rework, operations > 0 and not rework and not defects),
        ]
        sums[place] = [old + int(more) for old, more in zip(sums[place], own, strict=True)]
        buckets[*place, 1 + bisect_left(_ENDS, duration) if duration else 0] += 1
    return {place: tuple(row) for place, row in sums.items()}, buckets


async def stored_case_days(analytics: Harness, tenant: str) -> tuple[dict[Row, Row], Counter[Row]]:
    """Return the tenant's in the same form; rows of nothing say the same as none."""
    sums = {key: row for key, row in (await stored(analytics, tenant, "rollup_case", 2)).items() if any(row)}
    buckets: Counter[Row] = Counter()
    for (day, process, block), cells in (await stored(analytics, tenant, "rollup_case_histogram", 3)).items():
        assert 0 not in cells
        buckets.update({(day, process, block * 8 + cell): n for cell, n in enumerate(cells) if n is not None})
    return sums, buckets


def expected_cases(events: Sequence[Event]) -> dict[Row, Row]:
    works = _works(events)
    wrong = {work.get("corrects") for work in works.values()}
    moments: dict[Row, list[datetime]] = defaultdict(list)
    counts: dict[Row, Counter[str]] = defaultdict(Counter)
    done: dict[Row, Counter[str]] = defaultdict(Counter)
    for event_id, work in works.items():
        case = (work["process"], work["case"])
        stamps = [work[name] for name in ("requested_at", "started_at", "finished_at") if work[name]]
        moments[case] += stamps
        done[case][work["activity"]] += 1
        kind, own = work["actor"]["kind"], work["activity"].startswith(("submit-", "request-"))
        seen_start = work["started_at"] is not None and not work.get("estimated")
        bad = str(event_id) in wrong or work.get("outcome") in {"error", "rework"}
        counts[case].update(
            operations=1,
            events=1 + seen_start,
            person=int(kind == "person" and not own),
            automation=int(kind == "automation"),
            defects=int(bad),
        )
    seen = set()
    for event in events:
        if event.type == ObservationRecorded.type and event.id not in seen:
            seen.add(event.id)
            data = msgspec.json.decode(event.data)
            at = _stamp(data["at"])
            assert at is not None
            moments[data["process"], data["case"]].append(at)
            counts[data["process"], data["case"]]["events"] += 1
    return {
        case: (
            min(stamps),
            max(stamps),
            *(counts[case][name] for name in ("operations", "events", "person", "automation", "defects")),
            sum(n - 1 for n in done[case].values()),
            sorted(done[case]),
        )
        for case, stamps in moments.items()
    }


async def stored(analytics: Harness, tenant: str, table: str, keys: int) -> dict[Row, Row]:
    """Return a table of the tenant as key -> values; the first `keys` columns after the tenant are the key."""
    async with analytics.runtime.worker.session(None) as session:
        found = await session.execute(text(f"SELECT * FROM {table} WHERE tenant_id = :tenant"), {"tenant": tenant})
        return {tuple(row[1 : keys + 1]): tuple(row[keys + 1 :]) for row in found}


async def assert_exact(analytics: Harness, tenant: str, events: Sequence[Event]) -> None:
    """Compare everything that is kept incrementally with what the events say that are not withdrawn."""
    events = standing(events)
    assert await stored(analytics, tenant, "rollup_hour", 6) == expected_rollups(events)
    assert await stored_histograms(analytics, tenant) == expected_histograms(events)
    async with analytics.runtime.worker.session(None) as session:
        assert await totals_seen_by(session, tenant) == expected_totals(events)
    assert await stored(analytics, tenant, "case_state", 2) == expected_cases(events)
    assert await stored(analytics, tenant, "rollup_day", 6) == expected_days(events)
    assert await stored_case_days(analytics, tenant) == expected_case_days(events)
