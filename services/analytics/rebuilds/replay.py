"""The log, read again from its beginning through the consumer's own handler, into this connection's tables.

What the live consumer had not applied yet, and what arrived since, is no difference. So the log is read up to its end
first, which may take long, and then, in the snapshot that is compared, on to exactly the offsets that the consumer had
stored: they were committed with the facts.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.operations.consume import GROUP, PATTERN, consume, read
from services.analytics.operations.fields import USUAL, Plausibility
from services.analytics.rebuilds.shadow import Shadow
from shared.eventlog import EventLog, Received
from shared.events import Event, MalformedEventError
from shared.failures import first_line, is_transient

Offsets = dict[tuple[str, int], int]
_LOOK_S = 0.5
logger = logging.getLogger(__name__)
_STORED = (
    "SELECT topic, partition, next_offset FROM analytics.consumer_offset WHERE log = :log AND consumer = :consumer"
)


class ConsumerBehindError(Exception):
    """The live consumer has not applied what the log holds, so that the two cannot be compared."""

    def __init__(self, waited_s: float, behind: Mapping[tuple[str, int], int]) -> None:
        places = ", ".join(f"{topic}[{partition}]: {n} messages" for (topic, partition), n in sorted(behind.items()))
        super().__init__(
            f"the consumer of analytics is behind and did not catch up within {waited_s:g} s ({places}). "
            "See that it runs (./trastienda doctor) and try again"
        )


@dataclass(slots=True)
class Replay:
    """How far the log was read, for whom (None: everybody), and how much of it could not be kept."""

    log: EventLog
    tenant: str | None
    rule: Plausibility = USUAL
    read: Offsets = field(default_factory=dict)  # the next offset, by topic and partition
    messages: int = 0
    refused: int = 0

    async def to_the_end(self, shadow: Shadow) -> None:
        """Read what the log holds. A batch is a transaction."""
        async for batch in self._batches():
            async with shadow.transaction() as session:
                await self._keep(session, batch)

    async def wait_for_consumer(self, shadow: Shadow, patience_s: float) -> None:
        """Wait until the live consumer has applied what was read. Raises ConsumerBehindError."""
        deadline = time.monotonic() + patience_s
        while True:
            async with shadow.transaction():
                stored = await self._stored(shadow)
            behind = {place: n for place, end in self.read.items() if (n := end - stored.get(place, 0)) > 0}
            if not behind:
                return
            if time.monotonic() > deadline:
                raise ConsumerBehindError(patience_s, behind)
            await asyncio.sleep(_LOOK_S)

    async def to_where_the_consumer_was(self, shadow: Shadow, session: AsyncSession) -> None:
        """Read on, in a snapshot, to the offsets that it shows; what lies beyond them is left alone."""
        stored = await self._stored(shadow)
        if all(self.read.get(place, 0) >= end for place, end in stored.items()):
            return
        async for batch in self._batches():
            await self._keep(session, [each for each in batch if each.offset < stored.get(_place(each), 0)])

    async def _batches(self) -> AsyncIterator[Sequence[Received]]:
        async with self.log.read(PATTERN, self.read) as batches:
            async for batch in batches:
                yield batch

    async def _stored(self, shadow: Shadow) -> Offsets:
        rows = await shadow.execute(_STORED, log=self.log.identity, consumer=GROUP)
        return {(row.topic, row.partition): row.next_offset for row in rows}

    async def _keep(self, session: AsyncSession, batch: Sequence[Received]) -> None:
        events = []
        for message in batch:
            if self.tenant in {None, message.headers.get("ce_tenant")}:
                try:
                    events.append(read(message, self.rule))
                except MalformedEventError as error:
                    self._refuse(message, error)
            self.read[_place(message)] = message.offset + 1
        self.messages += len(batch)
        if events:
            await self._consume(session, events)

    async def _consume(self, session: AsyncSession, events: Sequence[Event]) -> None:
        """Consume what can be; the consumer set the rest aside as dead letters, and so it is left out here."""
        open_parts = [events]
        while open_parts:
            part = open_parts.pop()
            try:
                async with session.begin_nested():
                    await consume(session, part)
            except Exception as error:
                if is_transient(error):
                    raise
                if len(part) == 1:
                    self._refuse(part[0], error)
                else:
                    open_parts += [part[len(part) // 2 :], part[: len(part) // 2]]

    def _refuse(self, what: Received | Event, error: Exception) -> None:
        self.refused += 1
        place = f"{what.topic}[{what.partition}]@{what.offset}" if isinstance(what, Received) else str(what.id)
        logger.warning("an event cannot be kept", extra={"event": place, "reason": first_line(error)})


def _place(message: Received) -> tuple[str, int]:
    return message.topic, message.partition
