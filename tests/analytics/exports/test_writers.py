"""Whatever an operation holds, each format gives it back: written to a file and read by the import's readers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.analytics.event_logs.formats import ReadOptions
from services.analytics.event_logs.raw import RawEvent
from services.analytics.exports.queries import Row, Source
from services.analytics.exports.schemas import ExportFormat
from services.analytics.exports.writing import WRITINGS
from tests.analytics.event_logs.logs import read

# XML cannot hold control characters, and a table's blanks are its layout.
TEXTS = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"), min_size=1, max_size=30
).filter(lambda text: text == text.strip() and bool(text.strip()))
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds it
COSTS = st.none() | st.decimals(0, 10**9, places=6)


class FakeSource:
    """Rows that no database holds."""

    process = "p"

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    async def items(self) -> AsyncIterator[Sequence[Row]]:
        yield self._rows

    async def events(self) -> AsyncIterator[Sequence[Row]]:
        for row in self._rows:
            yield [row._replace(is_start=True), row] if row.known_start else [row]

    async def activities(self) -> AsyncIterator[Sequence[str]]:
        yield sorted({row.activity for row in self._rows})

    async def cases(self) -> AsyncIterator[Sequence[str]]:
        yield sorted({row.case for row in self._rows})


def write(form: ExportFormat, rows: Sequence[Row]) -> bytes:
    async def gather() -> list[str | bytes]:
        return [piece async for piece in WRITINGS[form].write(cast("Source", FakeSource(rows)))]

    return b"".join(piece if isinstance(piece, bytes) else piece.encode() for piece in asyncio.run(gather()))


@st.composite
def operations(draw: st.DrawFn) -> Row:
    finished, cost, estimated = draw(MOMENTS), draw(COSTS), draw(st.booleans())
    ago = st.timedeltas(timedelta(0), timedelta(days=400))
    started = draw(st.none() | ago.map(lambda before: finished - before))
    return Row(
        draw(TEXTS), draw(TEXTS), UUID(int=draw(st.integers(1, 2**64))), draw(st.sampled_from(["person", "automation"])),
        draw(TEXTS | st.just("")), draw(TEXTS | st.just("")), draw(st.none() | ago.map(lambda before: finished - before)),
        started, finished, estimated, draw(st.sampled_from(["done", "error", "rework", "cancelled"])), False,
        cost, "" if cost is None else "CHF",
    )  # fmt: skip


def facts_of(row: Row) -> tuple[Any, ...]:
    assumed = (row.started_at or row.finished_at) if row.estimated else None
    told = (row.actor_kind, row.outcome, row.requested_at, assumed, row.currency or None)
    return row.case, row.activity, row.finished_at, row.actor or None, row.team or None, row.cost, *told


def facts_in(event: RawEvent) -> tuple[Any, ...]:
    assert event.told is not None
    cost = None if event.cost is None else Decimal(event.cost)
    return event.case, event.activity, event.at, event.resource, event.team, cost, *event.told[1:]


@given(st.lists(operations(), min_size=1, max_size=4, unique_by=lambda row: row.id), st.integers(1, 200))
def test_every_format_gives_back_what_it_was_given(rows: list[Row], chunk: int) -> None:
    for form, cost in (
        ("xes", "cost:total"),
        ("csv", "cost"),
        ("ocel2-json", "cost:total"),
        ("ocel2-sqlite", "cost:total"),
    ):
        content = write(cast("ExportFormat", form), rows)
        pieces = chunk * 1024 if form == "ocel2-sqlite" else chunk  # a database has many bytes, and no text to cut
        events, tally = read(content, ReadOptions(cost_attribute=cost), chunk=pieces)
        assert (tally.rejected.total(), dict(tally.remarks)) == (0, {}), form
        ends = [event for event in events if event.transition == "complete"]
        assert [facts_in(event) for event in ends] == [facts_of(row) for row in rows], form
        if form == "xes":
            starts = {event.told and event.told.instance: event.at for event in events if event.transition == "start"}
            assert starts == {str(row.id): row.known_start for row in rows if row.known_start}
        else:
            assert [event.started_at for event in ends] == [row.known_start for row in rows], form
