"""A consumer group of the test service: messages for it, what it did, and handlers that go wrong."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared import clock
from shared.consumer import Consumer, Consumption, Limits
from shared.eventlog import EventLog, Message, Received
from shared.events import Event, to_message
from shared.ids import uuid7
from tests.fakes.eventlog import received
from tests.fakes.kit.app import ThingMade
from tests.fixtures.services import Harness

Judge = Callable[[Event], None]

_EFFECT = text("INSERT INTO effect (tenant_id, consumer, event_id) VALUES (:tenant, :consumer, :id)")


def message_of(
    tenant: str, n: int = 0, *, event_id: UUID | None = None, topic: str = "kit.things", key: str = "a"
) -> Message:
    made = to_message(event_id or uuid7(), ThingMade(n=n), subject=key, tenant=tenant, at=clock.now())
    return replace(made, topic=topic)


def as_received(messages: Sequence[Message], first: int = 0) -> list[Received]:
    """Return what a log would give back."""
    return [received(each, first + n) for n, each in enumerate(messages)]


@dataclass
class Group:
    """A consumer group whose effect is one row per event, in order; `judge` may raise for an event."""

    kit: Harness
    log: EventLog
    admin: asyncpg.Connection
    judge: Judge = lambda _event: None
    before: Callable[[AsyncSession], Awaitable[None]] | None = None
    limits: Limits = field(default_factory=Limits)
    pattern: str = "kit[.]things"
    judges: bool = False
    name: str = field(default_factory=lambda: f"g-{uuid4().hex[:8]}")
    batches: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        group = Consumption(self.name, self.pattern, self.handle, judges=self.judges)
        self.consumer = Consumer(group, self.kit.runtime.worker, self.log, self.limits)

    async def handle(self, session: AsyncSession, events: Sequence[Event]) -> None:
        self.batches.append(len(events))
        for event in events:
            await session.execute(_EFFECT, {"tenant": event.tenant, "consumer": self.name, "id": event.id})
            self.judge(event)
        if self.before is not None:
            await self.before(session)

    async def effects(self) -> list[UUID]:
        rows = await self.admin.fetch("SELECT event_id FROM kit.effect WHERE consumer = $1 ORDER BY place", self.name)
        return [row["event_id"] for row in rows]

    async def inbox(self) -> int:
        return int(await self.admin.fetchval("SELECT count(*) FROM kit.inbox WHERE consumer = $1", self.name))

    async def offset(self) -> int | None:
        """Return the next offset as the database has it."""
        query = "SELECT next_offset FROM kit.consumer_offset WHERE consumer = $1"
        value: int | None = await self.admin.fetchval(query, self.name)
        return value


def ids_of(messages: Sequence[Message]) -> list[UUID]:
    return [UUID(message.headers["ce_id"]) for message in messages]
