"""The consumer of every topic: whatever carries work becomes a fact, in the transaction of the offsets.

It keeps no inbox: a fact has its event's id, so that another copy of the event changes nothing. An event is read, and
refused, before the transaction that keeps it, while the database works on earlier ones.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache, partial
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics import metrics
from services.analytics.operations.facts import Arrivals, Fact, fact_of
from services.analytics.operations.fields import USUAL, Plausibility, Plausible
from services.analytics.operations.ingest import apply
from shared import clock
from shared.consumer import Consumption, PoisonEventError
from shared.eventlog import Received
from shared.events import Event, MalformedEventError, from_message

GROUP = "analytics"
# Who took an event in applied the same checks, perhaps by a clock that is ahead of this one.
_CLOCKS_APART = timedelta(days=1)
_LACKING = {"start": "touch_us", "cost": "cost"}  # what an operation may come without -> the field that is then empty
PATTERN = r"[a-z0-9-]+\.[a-z0-9-]+"  # `<service>.<entities>`; dead letters have one part more


class Measured(Event, frozen=True, kw_only=True):
    """An event with what it measures, if anything."""

    fact: Fact | None = None


_Telling = Annotated[str, msgspec.Meta(min_length=1)]


class _Envelope(msgspec.Struct, frozen=True):
    """The attributes of nearly every event, taken at half of what `from_message` costs, which says what is wrong."""

    ce_specversion: Literal["1.0"]
    ce_id: UUID
    ce_type: _Telling
    ce_source: _Telling
    ce_time: _Telling
    ce_tenant: _Telling
    ce_subject: str = ""
    ce_traceparent: str | None = None


def read(message: Received, rule: Plausibility = USUAL) -> Measured:
    """Read an event and what it measures. Raises MalformedEventError for one that can never be kept."""
    event = _usual(message) or Measured(**msgspec.structs.asdict(from_message(message)))
    fact = fact_of(event, _plausible(clock.now().date(), rule))
    msgspec.structs.force_setattr(event, "fact", fact)  # the fact needs the event first
    return event


def reader_under(settings: Any) -> Callable[[Received], Measured]:
    """Return `read` with the site's own idea of what is plausible."""
    return partial(read, rule=settings.plausibility)


def _usual(message: Received) -> Measured | None:
    try:
        envelope = msgspec.convert(message.headers, _Envelope)
        at = datetime.fromisoformat(envelope.ce_time)  # msgspec itself takes and rounds more than this does
    except (msgspec.ValidationError, ValueError):
        return None
    if at.tzinfo is None:
        return None
    return Measured(
        id=envelope.ce_id,
        type=envelope.ce_type,
        source=envelope.ce_source,
        subject=envelope.ce_subject,
        time=at,
        tenant=envelope.ce_tenant,
        topic=message.topic,
        data=message.value,
        traceparent=envelope.ce_traceparent,
    )


@lru_cache(4)
def _plausible(today: date, rule: Plausibility = USUAL) -> Plausible:
    """Return what is plausible on a day and, since clocks differ, on the next."""
    return Plausible.at(datetime.combine(today, time.max, UTC) + _CLOCKS_APART, rule)


async def consume(session: AsyncSession, events: Sequence[Event], rule: Plausibility = USUAL) -> None:
    """Keep a batch of events. Raises PoisonEventError for one that can never be kept."""
    plausible = _plausible(clock.now().date(), rule)
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
