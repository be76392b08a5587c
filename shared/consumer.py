"""The consumer runtime: a batch, its offsets, its inbox and its effect in one transaction, then the log's commit.

Redelivery changes nothing, whatever dies in between, and neither does a zombie: see `_take_turn`. What cannot be
handled goes to `<topic>.dead` with the reason and its original headers; too many of those in a row stop the consumer
instead of draining the topic. Where a refusal with a reason is final (`judges`) it does not count among them.

A poll brings several batches: while the database works on one, the following are read. They take effect in their order.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared import metrics
from shared.db import Database
from shared.deadletters import DeadLetter
from shared.eventlog import EventLog, LogUnavailableError, Received, Subscription
from shared.events import Event, MalformedEventError, from_message
from shared.failures import HANDLER_FAILED, is_transient, reason_of
from shared.notify import pause

Handler = Callable[[AsyncSession, Sequence[Event]], Awaitable[None]]
Reader = Callable[[Received], Event]  # raises MalformedEventError
_Read = list[Event | Exception]
Reading = Awaitable[_Read]

_SLICE = 50  # messages read at a stretch, about a millisecond: a transaction under way must not wait for its next step
_POLL_S, _FIRST_RETRY_S, _LAST_RETRY_S = 1.0, 0.1, 5.0
_IDLE_MS = 10_000  # as long as a Kafka session: a member that is silent for longer has lost its partitions
logger = logging.getLogger(__name__)

_INBOX = text(
    "INSERT INTO inbox (consumer, tenant_id, event_id) "
    "SELECT :consumer, * FROM unnest(cast(:tenants AS text[]), cast(:ids AS uuid[])) ORDER BY 2, 3 "
    "ON CONFLICT DO NOTHING RETURNING tenant_id, event_id"
)
_OFFSETS = text(
    "INSERT INTO consumer_offset (log, consumer, topic, partition, next_offset) "
    "SELECT :log, :consumer, * FROM unnest(cast(:topics AS text[]), cast(:partitions AS int[]), "
    "cast(:offsets AS bigint[])) ORDER BY 3, 4 "
    "ON CONFLICT (log, consumer, topic, partition) "
    "DO UPDATE SET next_offset = greatest(consumer_offset.next_offset, excluded.next_offset) "
    "RETURNING set_config('idle_in_transaction_session_timeout', :idle_ms, true)"
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
    """How a consumer works: messages a batch, batches a poll, tries for one event, dead letters in a row to stop at."""

    batch: int = 2_500
    batches: int = 4
    tries: int = 3
    dead_in_a_row: int = 100


class _Item(NamedTuple):
    place: int  # in the batch
    message: Received
    event: Event


@dataclass(frozen=True, slots=True)
class Consumption:
    """A consumer group of a service: which topics (a regular expression) and what to do with their events.

    `reader` makes the events that the handler gets, ahead of their transaction. Without `inbox` the handler gets every
    copy of every event: its effect must be the same however often and in whatever company one comes.

    With `judges`, what is refused for a reason (MalformedEventError) is the message's own fault for certain: however many
    such messages come, the consumer goes on, since whoever may publish could stop it otherwise. `reader_under` makes the
    reader that settings ask for.
    """

    group: str
    pattern: str
    handler: Handler
    reader: Reader = from_message
    inbox: bool = True
    judges: bool = False
    reader_under: Callable[[Any], Reader] | None = None

    def under(self, settings: Any) -> "Consumption":
        return replace(self, reader=self.reader_under(settings)) if self.reader_under else self


class Consumer:
    """One member of a consumer group."""

    def __init__(self, group: Consumption, database: Database, log: EventLog, limits: Limits = Limits()) -> None:
        self.name, self._group, self._limits = group.group, group, limits
        self._database, self._log = database, log
        self._dead_in_a_row = 0  # at the end of the last batch
        # Of the batch in hand, by place: what is set aside, and what of it casts doubt on the consumer.
        self._aside, self._suspects = dict[int, DeadLetter](), set[int]()
        self._stop = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set, finishing the batch in hand. Raises TooManyDeadLettersError."""
        self._stop = stop
        running = metrics.consumer_running.labels(self.name)
        try:
            async with self._log.subscribe(self.name, self._group.pattern) as subscription:
                while not stop.is_set():
                    await self._step(subscription)
                    running.set(1)  # not before: one that fails at its first batch whenever it is started does not run
        finally:
            running.set(0)

    async def _step(self, subscription: Subscription) -> None:
        try:
            await self._take(subscription, await subscription.poll(self._limits.batch * self._limits.batches, _POLL_S))
        except _StoppedError:
            pass
        except LogUnavailableError as error:
            await subscription.rewind()
            logger.warning("the event log is away", extra={"group": self.name, "reason": str(error)})
            await pause(self._stop, _FIRST_RETRY_S)

    async def _take(self, subscription: Subscription, polled: Sequence[Received]) -> None:
        """Handle what was polled until that is done, the consumer stops or cannot go on; commit so much to the log."""
        batches = [polled[n : n + self._limits.batch] for n in range(0, len(polled), self._limits.batch)]
        done, readings = 0, list[asyncio.Task[_Read]]()
        for batch in batches:
            readings.append(asyncio.create_task(self._read(batch, readings[-1:])))
        try:
            for batch, reading in zip(batches, readings, strict=True):
                if not self._stop.is_set():
                    await self.handle(batch, reading)
                    done += len(batch)
        finally:
            for reading in readings:
                reading.cancel()
            await subscription.commit(polled[done:])
            metrics.events_consumed_total.labels(self.name).inc(done)

    async def _read(self, batch: Sequence[Received], before: Sequence[asyncio.Task[_Read]] = ()) -> _Read:
        """Return each message's event, or what was raised, when the batch before is read."""
        found: _Read = []
        if before:
            await asyncio.wait(before)
        for place, message in enumerate(batch):
            try:
                found.append(self._group.reader(message))
            except Exception as error:  # noqa: BLE001 - whatever it is, the message goes aside with it
                found.append(error)
            if place % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
        return found

    async def handle(self, batch: Sequence[Received], reading: Reading | None = None) -> None:
        """Apply a batch exactly once. Returns when its effect is committed and its dead letters are published.

        Raises TooManyDeadLettersError, before any dead letter of the batch is published, and LogUnavailableError;
        a batch that comes again after either changes nothing twice.
        """
        self._aside, self._suspects = {}, set()
        read = list(enumerate(await (reading or self._read(batch))))
        items = [_Item(place, batch[place], each) for place, each in read if not isinstance(each, Exception)]
        for place, each in read:
            if isinstance(each, Exception):
                self._set_aside(place, batch[place], each)
        await self._apply(items, batch)
        await self._publish_dead()
        self._dead_in_a_row = self._suspects_around(len(batch) - 1) if len(batch) - 1 in self._aside else 0

    async def _apply(self, items: list[_Item], batch: Sequence[Received]) -> None:
        """Apply items together; on failure set aside the one named, or halve until one stands alone."""
        tries, retry_s = 0, _FIRST_RETRY_S
        while True:
            try:
                return await self._transact([item.event for item in items], batch)
            except Exception as error:
                named = _named(items, error)
                if not is_transient(error):
                    if not items:
                        raise
                    if not named and len(items) > 1:
                        return await self._halve(items, batch)
                    tries += 1
                    if named or tries >= self._limits.tries or isinstance(error, MalformedEventError):
                        for item in named or items:
                            self._set_aside(item.place, item.message, error)
                        items = [item for item in items if named and item not in named]
                        continue
                logger.warning("a batch failed", extra={"group": self.name, "n": len(items)}, exc_info=True)
                await pause(self._stop, retry_s)
                retry_s = min(retry_s * 2, _LAST_RETRY_S)
                if self._stop.is_set():
                    raise _StoppedError from error

    async def _halve(self, items: list[_Item], batch: Sequence[Received]) -> None:
        middle = len(items) // 2
        await self._apply(items[:middle], [item.message for item in items[:middle]])
        await self._apply(items[middle:], batch)

    async def _transact(self, events: list[Event], batch: Sequence[Received]) -> None:
        async with self._database.transaction() as session:
            await self._take_turn(session, batch)
            fresh = await self._fresh(session, events) if self._group.inbox else events
            if fresh:
                await self._group.handler(session, fresh)

    async def _fresh(self, session: AsyncSession, events: list[Event]) -> list[Event]:
        """Return the first copy of each event that the inbox does not know, in order."""
        first: dict[tuple[str, UUID], Event] = {}
        for event in events:
            first.setdefault((event.tenant, event.id), event)
        parameters = {"consumer": self.name, "tenants": [key[0] for key in first], "ids": [key[1] for key in first]}
        new = {(row.tenant_id, row.event_id) for row in await session.execute(_INBOX, parameters)}
        return [event for key, event in first.items() if key in new]

    async def _take_turn(self, session: AsyncSession, batch: Sequence[Received]) -> None:
        """Store the offsets, and by that lock their rows until the transaction ends: a partition's batches take turns.

        This fences zombies: members that were paused for so long that their partitions went to others. One that comes
        late waits for its turn; what others applied by then its inbox knows, or where there is none its handler, so it
        changes nothing, and the greatest offset stays. One that is paused in the midst of its transaction keeps others
        waiting for `_IDLE_MS`; then the server ends the transaction. As a partition's batches are applied one after
        another and each leaves out what is done, events of a key take effect in their order, whoever applies them.

        A batch that begins before what is stored is not refused, and the offset does not replace the inbox. It need not
        be a zombie's: whoever dies between this commit and the log's leaves such a batch to the next one, to whom the
        log would give it again for ever. Dead letters of such a batch may not be published yet, and a topic that was
        deleted and made anew begins at 0.
        """
        highest = {(message.topic, message.partition): message.offset + 1 for message in batch}  # in order of offsets
        parameters = {
            "log": self._log.identity,
            "consumer": self.name,
            "topics": [place[0] for place in highest],
            "partitions": [place[1] for place in highest],
            "offsets": list(highest.values()),
            "idle_ms": str(_IDLE_MS),
        }
        await session.execute(_OFFSETS, parameters)

    def _set_aside(self, place: int, message: Received, error: Exception) -> None:
        """Keep a message for its dead-letter topic. Raises TooManyDeadLettersError when its neighbours are bad too."""
        letter = self._aside[place] = DeadLetter(message, self.name, reason_of(error), error)
        if self._group.judges and letter.reason != HANDLER_FAILED:
            return
        self._suspects.add(place)
        in_a_row = self._suspects_around(place)
        if in_a_row > self._limits.dead_in_a_row:
            said = f"{self.name}: {in_a_row} in a row, the last: {letter.text}"
            logger.critical("the consumer stops", extra={"group": self.name, "reason": said})
            raise TooManyDeadLettersError(said) from error

    def _suspects_around(self, place: int) -> int:
        """Count them in the row of set-aside messages that holds this one; it may have begun in the batch before."""
        first = next(n for n in range(place, -1, -1) if n - 1 not in self._aside)
        last = next(n for n in range(place, place + len(self._aside)) if n + 1 not in self._aside)
        found = len(self._suspects.intersection(range(first, last + 1)))
        return found + (self._dead_in_a_row if first == 0 else 0)

    async def _publish_dead(self) -> None:
        letters = [self._aside[place] for place in sorted(self._aside)]
        if not letters:
            return
        messages = [letter.as_message() for letter in letters]
        await self._log.ensure_topics(sorted({message.topic for message in messages}))
        await self._log.publish(messages)
        for letter in letters:
            metrics.dead_letters_total.labels(self.name, letter.reason).inc()
            cause = letter.error if letter.reason == HANDLER_FAILED else None
            logger.error("a message was set aside", extra={"group": self.name, **letter.details()}, exc_info=cause)


def _named(items: list[_Item], error: Exception) -> list[_Item]:
    """Return every copy of the event that a handler named as the one it can never handle."""
    if not isinstance(error, PoisonEventError):
        return []
    key = (error.event.tenant, error.event.id)
    return [item for item in items if (item.event.tenant, item.event.id) == key]
