"""The import's job: stage the events, pair and publish them, wait until the indicators show them.

It may die anywhere. It begins again with the file; ids made of the events' content let consumers drop what was
published before, and the cursor (last case published, furthest positions) spares most of the repetition.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial
from time import monotonic
from typing import Any

import msgspec
from sqlalchemy import text

from services.analytics.event_logs.errors import (
    NothingReadableError,
    TooManyActivitiesError,
    UploadLostError,
)
from services.analytics.event_logs.formats import LogReader
from services.analytics.event_logs.publication import Publication
from services.analytics.event_logs.publishing import Publishing
from services.analytics.event_logs.raw import RawEvent, Rejection, Tally
from services.analytics.event_logs.rules import Counts, LogPairing, Observation, Operation
from services.analytics.event_logs.schemas import ImportOrder
from services.analytics.event_logs.service import CLEANUP, IMPORT, clean_up
from services.analytics.event_logs.staging import Staging, open_staging
from services.analytics.metrics import import_rejected_total, import_remarks_total
from services.analytics.operations.consume import GROUP
from services.analytics.operations.fields import BadFieldError
from shared.app import Runtime
from shared.eventlog import Position
from shared.jobs import JobCode, JobContext, WithCleanup
from shared.storage import ObjectNotFoundError

_FEED_BYTES = 64 * 1024  # at a time, so that the event loop is never held for long
_STAGE_EVENTS = 5_000
_LOOK_S = 0.1
_PATIENCE_S = 600.0  # for a consumer that does not move: other jobs wait behind this one
MAX_ACTIVITIES = 10_000  # of one log: what is remembered of a case, and what the figures are broken down by

logger = logging.getLogger(__name__)

_NEXT_OFFSETS = text(
    "SELECT topic, partition, next_offset FROM consumer_offset WHERE log = :log AND consumer = :consumer"
)


@dataclass(slots=True)
class Cursor:
    """How far an import is. `case` is the last one published whole; `positions` maps "topic/partition" to an offset."""

    log: str
    case: str | None = None
    positions: dict[str, int] = field(default_factory=dict)
    report: dict[str, Any] | None = None

    @classmethod
    def resume(cls, stored: Mapping[str, Any], log: str) -> "Cursor":
        """Continue a stored cursor; positions of another event log say nothing about this one."""
        return cls(**stored) if stored.get("log") == log else cls(log)

    def advance(self, positions: Sequence[Position], case: str | None) -> None:
        for position in positions:
            place = f"{position.topic}/{position.partition}"
            self.positions[place] = max(self.positions.get(place, -1), position.offset)
        if case is not None and (self.case is None or case > self.case):
            self.case = case


def jobs(runtime: Runtime) -> Mapping[str, JobCode]:
    """Return the code of analytics' jobs, by kind."""
    return {
        IMPORT: WithCleanup(partial(import_event_log, runtime), CLEANUP),
        CLEANUP: partial(clean_up, runtime),
    }


async def import_event_log(runtime: Runtime, job: JobContext) -> Mapping[str, Any]:
    """Import a log; return the report, whose `visible` is False when the indicators do not show all of it yet.

    Raises UnreadableLogError when the file as a whole cannot be read. Of an import that fails for good, whatever
    the reason, the cleanup removes the file, as it names persons.
    """
    order = msgspec.convert(job.params, ImportOrder)
    cursor = Cursor.resume(job.cursor, runtime.log.identity)
    if cursor.report is None:
        cursor.report = await _import(runtime, job, order, cursor)
    # Delete the file, unless another worker has taken the job and may still read it.
    await job.checkpoint(asdict(cursor), job.done)
    await runtime.store.delete(order.key)
    return cursor.report


async def _import(runtime: Runtime, job: JobContext, order: ImportOrder, cursor: Cursor) -> dict[str, Any]:
    async with open_staging(job.database) as staging:
        with closing(LogReader(order.options)) as reader:
            tally = await _stage(runtime, job, order, cursor, staging, reader)
        await staging.take_turn(f"{job.tenant}/{order.process}")
        counts, published = await _publish(runtime, job, order, cursor, staging, tally)
        _count(tally)
        visible = await _wait_until_visible(job, cursor)
    report = report_of(tally, counts, order)
    changes = {change.value: n for change, n in published.changes.items() if n}
    return {**report, "changes": changes, "withdrawn": published.withheld, "visible": visible}


async def _stage(
    runtime: Runtime, job: JobContext, order: ImportOrder, cursor: Cursor, staging: Staging, reader: LogReader
) -> Tally:
    """Read the whole file before anything is published: a broken file imports nothing."""
    waiting: list[RawEvent] = []
    activities: set[str] = set()
    async for events in _read(runtime, order, reader):
        waiting += events
        activities.update(event.activity for event in events)
        if len(activities) > MAX_ACTIVITIES:
            raise TooManyActivitiesError(limit=MAX_ACTIVITIES)
        if len(waiting) >= _STAGE_EVENTS:
            await staging.add(waiting)
            waiting = []
            await job.checkpoint(asdict(cursor), reader.tally.used)
        else:
            await asyncio.sleep(0)
    await staging.add(waiting)
    if not reader.tally.used:
        _count(reader.tally)
        reasons = ", ".join(f"{reason} {n}" for reason, n in reader.tally.rejected.items())
        raise NothingReadableError(reasons=reasons or "none")
    await staging.sort()
    return reader.tally


def _count(tally: Tally) -> None:
    """Show those who run the service what the report shows to whoever asked for the import."""
    for counter, found in ((import_rejected_total, tally.rejected), (import_remarks_total, tally.remarks)):
        for reason, n in found.items():
            counter.labels(reason).inc(n)


async def _read(runtime: Runtime, order: ImportOrder, reader: LogReader) -> AsyncIterator[list[RawEvent]]:
    try:
        async for chunk in runtime.store.open(order.key, 0, order.size):
            for start in range(0, len(chunk), _FEED_BYTES):
                for events in reader.feed(chunk[start : start + _FEED_BYTES]):
                    yield events
    except ObjectNotFoundError as error:
        raise UploadLostError from error
    pages = reader.finish()
    while (page := await _take_next(pages)) is not None:
        yield page


async def _take_next(pages: Iterator[list[RawEvent]]) -> list[RawEvent] | None:
    """Return the next page, made in a thread: an object-centric log is put together here."""
    work = asyncio.ensure_future(asyncio.to_thread(next, pages, None))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})  # what it works on is about to be closed
        raise


async def _publish(
    runtime: Runtime, job: JobContext, order: ImportOrder, cursor: Cursor, staging: Staging, tally: Tally
) -> tuple[Counts, Publishing]:
    """Publish what a former attempt has not, and count everything. The events read go through here a second time."""
    assert runtime.settings.pseudonym_key
    publication = Publication(job.tenant, order, runtime.settings.pseudonym_key.get_secret_value().encode())
    publishing = Publishing(publication, order, job, runtime.log, published_before=cursor.case)
    pairing = LogPairing(await staging.started_activities())
    total = done = tally.used

    async def publish(items: Sequence[Operation | Observation]) -> None:
        for item in items:
            try:
                publishing.hold(item)
            except BadFieldError as error:
                pairing.counts.add(item, -1)
                tally.reject(Rejection.UNUSABLE, f"case {item.case}", str(error))
        async for positions in publishing.publish(pairing.finished_case):
            cursor.advance(positions, None)
        cursor.advance((), pairing.finished_case)  # not before the last of its events is out
        await job.checkpoint(asdict(cursor), done, 2 * total)

    async for page in staging.pages():
        done += len(page)
        await publish([item for event in page for item in pairing.add(event)])
    await publish(pairing.close())
    return pairing.counts, publishing


async def _wait_until_visible(job: JobContext, cursor: Cursor) -> bool:
    """Return when the consumer has counted everything that was published; False when it stands still for too long."""
    before: dict[str, int] = {}
    moved_at = monotonic()
    while True:
        async with job.database.session(None) as session:
            rows = await session.execute(_NEXT_OFFSETS, {"log": cursor.log, "consumer": GROUP})
        reached = {f"{row.topic}/{row.partition}": row.next_offset for row in rows}
        behind = {place: reached.get(place, 0) for place in cursor.positions}
        behind = {place: at for place, at in behind.items() if at <= cursor.positions[place]}
        if not behind:
            return True
        if behind != before:
            before, moved_at = behind, monotonic()
        elif monotonic() - moved_at >= _PATIENCE_S:
            logger.warning("an import ends before its events are counted", extra={"job": str(job.id)})
            return False
        await asyncio.sleep(_LOOK_S)


def report_of(tally: Tally, counts: Counts, order: ImportOrder) -> dict[str, Any]:
    """Return the account of an import; `events` = events used + the sum of `rejected`. Costs are decimal strings."""
    has_cost = order.options.cost_attribute is not None
    return {
        "events": tally.events,
        "cases": counts.cases,
        "operations": counts.operations,
        "observations": counts.observations,
        "paired": counts.paired,
        "unpaired_starts": counts.unpaired_starts,
        "orphan_completes": counts.orphan_completes,
        "rejected": dict(tally.rejected),
        "remarks": dict(tally.remarks),
        "naive_stamps": tally.naive_stamps,
        "samples": [asdict(sample) for sample in tally.samples],
        "cost": str(counts.cost) if has_cost else None,
        "unassigned_cost": str(counts.unassigned_cost) if has_cost else None,
        "currency": order.currency if has_cost else None,
    }
