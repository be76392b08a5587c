"""The consumer runtime: a batch, its inbox, its effect and its offsets in one transaction, then the log's commit.

Redelivery changes nothing, whatever dies in between. What cannot be handled goes to `<topic>.dead` with the
reason and its original headers; too many of those in a row stop the consumer instead of draining the topic.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from shared import clock, metrics
from shared.db import Database
from shared.eventlog import EventLog, LogUnavailableError, Message, Received, Subscription
from shared.events import Event, MalformedEventError, from_message

Handler = Callable[[AsyncSession, Sequence[Event]], Awaitable[None]]

_POLL_S = 1.0
_FIRST_RETRY_S, _LAST_RETRY_S = 0.1, 5.0
logger = logging.getLogger(__name__)

_INBOX = text(
    "INSERT INTO inbox (consumer, tenant_id, event_id) "
    "SELECT :consumer, * FROM unnest(cast(:tenants AS text[]), cast(:ids AS uuid[])) "
    "ON CONFLICT DO NOTHING RETURNING tenant_id, event_id"
)
_OFFSETS = text(
    "INSERT INTO consumer_offset (log, consumer, topic, partition, next_offset) "
    "SELECT :log, :consumer, * FROM unnest(cast(:topics AS text[]), cast(:partitions AS int[]), "
    "cast(:offsets AS bigint[])) ORDER BY 3, 4 "
    "ON CONFLICT (log, consumer, topic, partition) "
    "DO UPDATE SET next_offset = greatest(consumer_offset.next_offset, excluded.next_offset)"
)


class TooManyDeadLettersError(RuntimeError):
    """So many messages in a row could not be handled that the handler, not the messages, is to be suspected."""


class _StoppedError(Exception):
    """The consumer is to stop while a batch waits for its next try."""


class PoisonEventError(MalformedEventError):
    """Raised by a handler for one event it can never handle; the others of the batch go on."""

    def __init__(self, event: Event, reason: str, text: str) -> None:
        self.event = event
        super().__init__(reason, text)


@dataclass(frozen=True, slots=True)
class Limits:
    """How a consumer works: messages a batch, tries for one event, dead letters in a row before it stops."""

    batch: int = 1_000
    tries: int = 3
    dead_in_a_row: int = 100


@dataclass(frozen=True, slots=True)
class _Item:
    message: Received
    event: Event


class Consumer:
    """One member of the consumer group `name`, reading the topics that match `pattern`."""

    def __init__(
        self, name: str, pattern: str, handler: Handler, database: Database, log: EventLog, limits: Limits | None = None
    ) -> None:
        self.name, self.pattern = name, pattern
        self._handler, self._database, self._log = handler, database, log
        self._limits = limits or Limits()
        self._dead_in_a_row = 0
        self._stop = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set, finishing the batch in hand. Raises TooManyDeadLettersError."""
        self._stop = stop
        running = metrics.consumer_running.labels(self.name)
        try:
            async with self._log.subscribe(self.name, self.pattern) as subscription:
                running.set(1)
                while not stop.is_set():
                    await self._step(subscription)
        finally:
            running.set(0)

    async def _step(self, subscription: Subscription) -> None:
        try:
            batch = await subscription.poll(self._limits.batch, _POLL_S)
            if batch:
                await self.handle(batch)
                await subscription.commit()
                metrics.events_consumed_total.labels(self.name).inc(len(batch))
        except _StoppedError:
            await _rewind(subscription)
        except TooManyDeadLettersError:
            await _rewind(subscription)
            raise
        except LogUnavailableError as error:
            await _rewind(subscription)
            logger.warning("the event log is away", extra={"group": self.name, "reason": str(error)})
            await self._pause(_FIRST_RETRY_S)

    async def handle(self, batch: Sequence[Received]) -> None:
        """Apply a batch exactly once. Returns when its effect is committed or set aside."""
        items: list[_Item] = []
        for message in batch:
            try:
                items.append(_Item(message, from_message(message)))
            except MalformedEventError as error:
                await self._bury(message, error.reason, str(error))
        await self._apply(items, batch)

    async def _apply(self, items: list[_Item], batch: Sequence[Received]) -> None:
        """Apply items together; on failure set aside the one named, or halve until one stands alone."""
        tries, retry_s = 0, _FIRST_RETRY_S
        while True:
            try:
                await self._transact([item.event for item in items], batch)
            except PoisonEventError as error:
                items = await self._without(items, error)
            except Exception as error:
                if not is_transient(error):
                    if len(items) > 1:
                        return await self._halve(items, batch)
                    tries += 1
                    if items and tries >= self._limits.tries:
                        await self._bury(items[0].message, "handler-failed", f"{type(error).__name__}: {error}")
                        items = []
                    elif not items:
                        raise
                logger.warning("a batch failed", extra={"group": self.name, "n": len(items)}, exc_info=True)
                await self._pause(retry_s)
                retry_s = min(retry_s * 2, _LAST_RETRY_S)
                if self._stop.is_set():
                    raise _StoppedError from error
            else:
                self._dead_in_a_row = 0 if items else self._dead_in_a_row
                return None

    async def _halve(self, items: list[_Item], batch: Sequence[Received]) -> None:
        middle = len(items) // 2
        await self._apply(items[:middle], [item.message for item in items[:middle]])
        await self._apply(items[middle:], batch)

    async def _without(self, items: list[_Item], error: PoisonEventError) -> list[_Item]:
        """Set the named event aside (every copy of it in the batch) and return the rest."""
        for item in items:
            if item.event is error.event:
                await self._bury(item.message, error.reason, str(error))
        return [item for item in items if item.event is not error.event]

    async def _transact(self, events: list[Event], batch: Sequence[Received]) -> None:
        async with self._database.transaction() as session:
            fresh = await self._fresh(session, events)
            if fresh:
                await self._handler(session, fresh)
            await self._store_offsets(session, batch)

    async def _fresh(self, session: AsyncSession, events: list[Event]) -> list[Event]:
        """Return the first copy of each event that the inbox does not know, in order."""
        unique = {(event.tenant, event.id): event for event in reversed(events)}
        if not unique:
            return []
        keys = sorted(unique)
        parameters = {"consumer": self.name, "tenants": [key[0] for key in keys], "ids": [key[1] for key in keys]}
        new = {(row.tenant_id, row.event_id) for row in await session.execute(_INBOX, parameters)}
        return [event for event in events if (event.tenant, event.id) in new and unique[event.tenant, event.id] is event]

    async def _store_offsets(self, session: AsyncSession, batch: Sequence[Received]) -> None:
        highest: dict[tuple[str, int], int] = {}
        for message in batch:
            place = (message.topic, message.partition)
            highest[place] = max(highest.get(place, 0), message.offset + 1)
        parameters = {
            "log": self._log.identity,
            "consumer": self.name,
            "topics": [place[0] for place in highest],
            "partitions": [place[1] for place in highest],
            "offsets": list(highest.values()),
        }
        await session.execute(_OFFSETS, parameters)

    async def _bury(self, message: Received, reason: str, text: str) -> None:
        """Publish a message to its dead-letter topic. Raises TooManyDeadLettersError past the limit."""
        self._dead_in_a_row += 1
        if self._dead_in_a_row > self._limits.dead_in_a_row:
            raise TooManyDeadLettersError(f"{self.name}: {self._dead_in_a_row} in a row, the last: {text}")
        headers = {
            **message.headers,
            "dead_reason": reason,
            "dead_text": text[:1_000],
            "dead_group": self.name,
            "dead_position": f"{message.topic}/{message.partition}/{message.offset}",
            "dead_at": clock.now().isoformat(),
        }
        topic = f"{message.topic}.dead"
        await self._log.ensure_topics([topic])
        await self._log.publish([Message(topic, message.key, message.value, headers)])
        metrics.dead_letters_total.labels(self.name, reason).inc()
        logger.error("a message was set aside", extra={"group": self.name, "reason": reason, "text": text[:300]})

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass


async def _rewind(subscription: Subscription) -> None:
    try:
        await subscription.rewind()
    except LogUnavailableError as error:
        logger.warning("nothing to give back: the log is away", extra={"reason": str(error)})


def is_transient(error: BaseException) -> bool:
    """Tell whether trying again may help: the server is away, restarting, out of connections, or deadlocked."""
    if isinstance(error, LogUnavailableError | OSError | TimeoutError):
        return True
    if isinstance(error, DBAPIError):
        state = str(getattr(error.orig, "sqlstate", "") or "")
        return error.connection_invalidated or state[:2] in {"08", "40", "53", "57"} or state == "55P03"
    return False
