"""The consumer of every topic: whatever carries work becomes a fact, in the transaction of inbox and offsets."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics import metrics
from services.analytics.operations.facts import Arrivals, Plausible
from services.analytics.operations.ingest import apply
from shared import clock
from shared.consumer import PoisonEventError
from shared.events import Event, MalformedEventError

GROUP = "analytics"
# Who took an event in applied the same checks, perhaps by a clock that is ahead of this one.
_CLOCKS_APART = timedelta(days=1)
PATTERN = r"[a-z0-9-]+\.[a-z0-9-]+"  # `<service>.<entities>`; dead letters have one part more


async def consume(session: AsyncSession, events: Sequence[Event]) -> None:
    """Keep a batch of events. Raises PoisonEventError for one that can never be kept."""
    plausible = Plausible.at(clock.now() + _CLOCKS_APART)
    arrivals = Arrivals()
    for event in events:
        try:
            arrivals.add(event, plausible)
        except MalformedEventError as error:
            raise PoisonEventError(event, error.reason, str(error)) from error
    applied = await apply(session, arrivals)
    metrics.events_ignored_total.inc(arrivals.ignored)
    for kind, n in applied._asdict().items():
        metrics.facts_stored_total.labels(kind).inc(n)
