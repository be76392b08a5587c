"""The consumer of every topic: whatever carries work becomes a fact, in the transaction of the offsets.

It keeps no inbox: a fact has its event's id, so that another copy of the event changes nothing. An event is read, and
refused, before the transaction that keeps it, while the database works on earlier ones.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics import metrics
from services.analytics.operations.facts import Arrivals, Fact, measured_by
from services.analytics.operations.fields import USUAL, Plausibility, Plausible
from services.analytics.operations.ingest import apply
from services.analytics.operations.origin import check_origin
from shared import clock
from shared.consumer import Consumption, PoisonEventError
from shared.eventlog import Received
from shared.events import SPEC_VERSION, Event, MalformedEventError, from_message

GROUP = "analytics"
# Who took an event in applied the same checks, perhaps by a clock that is ahead of this one.
_CLOCKS_APART = timedelta(days=1)
_LACKING = {"start": "touch_us", "cost": "cost"}  # what an operation may come without -> the field that is then empty
PATTERN = r"[a-z0-9-]+\.[a-z0-9-]+"  # `<service>.<entities>`; dead letters have one part more


class Measured(Event, frozen=True, gc=False):
    """An event with what it measures, if anything."""

    fact: Fact | None = None


_attributes = itemgetter("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "ce_tenant")
_version = SPEC_VERSION.encode()
_ids = msgspec.json.Decoder(UUID)  # a fifth of the time of UUID()
_ID = 36  # bytes of an id as nearly everybody writes it; other forms, and escapes, which shorten it, are read with care
# What an event is refused for that is read at little cost. `from_message` and `fact_of` say what is wrong, if anything.
_NOT_USUAL = (MalformedEventError, msgspec.DecodeError, ValueError, KeyError, AttributeError, TypeError)


def read(message: Received, rule: Plausibility = USUAL) -> Measured:
    """Read an event and what it measures. Raises MalformedEventError for one that can never be kept."""
    return _read(message, _plausible(clock.now().toordinal(), rule))


class Reader:
    """`read` under a site's rule. What was plausible at an earlier time still is: the clock is asked about the rest."""

    def __init__(self, rule: Plausibility) -> None:
        self._rule, self._plausible = rule, _plausible(clock.now().toordinal(), rule)

    def __call__(self, message: Received) -> Measured:
        try:
            return _read(message, self._plausible)
        except MalformedEventError:
            earlier, self._plausible = self._plausible, _plausible(clock.now().toordinal(), self._rule)
            if self._plausible is earlier:
                raise
        return _read(message, self._plausible)


def reader_under(settings: Any) -> Reader:
    """Return a reader with the site's own idea of what is plausible."""
    return Reader(settings.plausibility)


def _read(message: Received, plausible: Plausible) -> Measured:
    event = _usual(message)
    if event is None:
        event = Measured(*msgspec.structs.astuple(from_message(message)))
        check_origin(event.type, event.tenant)
    msgspec.structs.force_setattr(event, "fact", measured_by(event, plausible))  # the fact needs the event first
    return event


def _usual(message: Received) -> Measured | None:
    """Take the attributes of nearly every event at half of what `from_message` costs, which says what is wrong."""
    headers = dict(message.raw_headers)
    try:
        version, id_, kind, source, time_, tenant = _attributes(headers)
        kind, tenant = _origin(kind, tenant)
        at = datetime.fromisoformat(time_.decode())  # msgspec itself takes and rounds more than this does
        trace = headers.get("ce_traceparent")
        if len(id_) != _ID or version != _version or not source or at.tzinfo is None:
            return None
        return Measured(  # by place, since names cost four times as much
            _ids.decode(b'"' + id_ + b'"'),
            kind,
            source.decode(),
            (headers.get("ce_subject") or b"").decode(),
            at,
            tenant,
            message.topic,
            message.value,
            None if trace is None else trace.decode(),
        )
    except _NOT_USUAL:
        return None


@lru_cache(10_000)  # they come again and again; what is refused, which may be of any length, is not remembered
def _origin(kind: bytes, tenant: bytes) -> tuple[str, str]:
    """Return type and tenant as text. Raises MalformedEventError and ValueError for what is none."""
    if not kind:
        raise ValueError
    check_origin(kind.decode(), tenant.decode())
    return kind.decode(), tenant.decode()


@lru_cache(4)
def _plausible(day: int, rule: Plausibility = USUAL) -> Plausible:
    """Return what is plausible on a day, by its ordinal, and, since clocks differ, on the next."""
    return Plausible.at(datetime.combine(date.fromordinal(day), time.max, UTC) + _CLOCKS_APART, rule)


async def consume(session: AsyncSession, events: Sequence[Event], rule: Plausibility = USUAL) -> None:
    """Keep a batch of events. Raises PoisonEventError for one that can never be kept."""
    plausible = _plausible(clock.now().toordinal(), rule)
    arrivals = Arrivals()
    for event in events:
        if isinstance(event, Measured):
            arrivals.keep(event.fact)
            continue
        try:
            arrivals.add(event, plausible)
        except MalformedEventError as error:
            raise PoisonEventError(event, error.reason, str(error)) from error
    applied = await apply(session, arrivals)
    metrics.events_ignored_total.inc(arrivals.ignored)
    for lacking, fields in _LACKING.items():
        n = sum(getattr(fact, fields) is None for fact in arrivals.operations)
        metrics.operations_incomplete_total.labels(lacking).inc(n)
    for kind, n in applied._asdict().items():
        metrics.facts_stored_total.labels(kind).inc(n)


# A fact is refused for what its message says, whatever the database holds: many such messages are no sign of a fault.
CONSUMPTION = Consumption(GROUP, PATTERN, consume, read, inbox=False, judges=True, reader_under=reader_under)
