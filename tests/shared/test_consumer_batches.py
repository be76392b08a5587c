"""A poll of several batches: read ahead, applied in order, and committed to the log as far as they were applied."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession

from shared.consumer import Consumer, Consumption, Limits, PoisonEventError, TooManyDeadLettersError
from shared.eventlog import Message, Received
from shared.events import Event, from_message
from tests.fakes.consuming import Group, as_received, ids_of, message_of
from tests.fakes.eventlog import MemoryEventLog
from tests.fakes.waiting import eventually
from tests.fixtures.services import Harness

BATCH = 4


@pytest_asyncio.fixture(loop_scope="session")
async def group(kit: Harness, admin: asyncpg.Connection) -> Group:
    return Group(kit, MemoryEventLog(), admin, limits=Limits(batch=BATCH, batches=3, dead_in_a_row=3))


def committed(group: Group) -> int:
    assert isinstance(group.log, MemoryEventLog)
    return group.log.committed[group.name, "kit.things"]


async def published(group: Group, tenant: str, count: int) -> list[Message]:
    messages = [message_of(tenant, n) for n in range(count)]
    await group.log.publish(messages)
    return messages


async def run_until(group: Group, count: int) -> None:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(group.consumer.run(stop))
        await eventually(lambda: committed(group) >= count)
        stop.set()


async def test_a_poll_is_applied_in_batches_and_in_order(group: Group, tenant: str) -> None:
    messages = await published(group, tenant, 2 * 3 * BATCH + 1)
    await run_until(group, len(messages))
    assert group.batches == [BATCH] * 6 + [1]
    assert await group.effects() == ids_of(messages)
    assert await group.offset() == len(messages)


async def test_the_next_batch_is_read_while_one_is_applied(group: Group, tenant: str) -> None:
    read: list[int] = []
    messages = await published(group, tenant, 3 * BATCH)
    everything = asyncio.Event()

    def reader(message: Received) -> Event:
        read.append(message.offset)
        if len(read) == len(messages):
            everything.set()
        return from_message(message)

    async def wait(_session: AsyncSession) -> None:
        async with asyncio.timeout(5):
            await everything.wait()  # with the first batch in hand

    group.before = wait
    consumption = Consumption(group.name, group.pattern, group.handle, reader)
    group.consumer = Consumer(consumption, group.kit.runtime.worker, group.log, group.limits)
    await run_until(group, len(messages))
    assert read == list(range(len(messages)))
    assert await group.effects() == ids_of(messages)


async def test_a_stop_gives_back_what_was_polled_and_not_applied(group: Group, tenant: str) -> None:
    messages = await published(group, tenant, 3 * BATCH)
    stop = asyncio.Event()

    async def end(_session: AsyncSession) -> None:
        if len(group.batches) == 2:
            stop.set()

    group.before = end
    await group.consumer.run(stop)
    assert (committed(group), group.batches) == (2 * BATCH, [BATCH] * 2)
    assert await group.effects() == ids_of(messages[: 2 * BATCH])
    await run_until(group, len(messages))
    assert await group.effects() == ids_of(messages)
    assert group.batches == [BATCH] * 3


async def test_one_that_cannot_go_on_has_committed_what_it_applied(group: Group, tenant: str) -> None:
    messages = await published(group, tenant, 3 * BATCH)
    bad = set(ids_of(messages[BATCH : 2 * BATCH]))

    def judge(event: Event) -> None:
        if event.id in bad:
            raise PoisonEventError(event, "bad", "a broken handler")

    group.judge = judge
    with pytest.raises(TooManyDeadLettersError):
        await group.consumer.run(asyncio.Event())
    assert committed(group) == BATCH
    assert await group.effects() == ids_of(messages[:BATCH])
    bad.clear()
    await run_until(group, len(messages))
    assert await group.effects() == ids_of(messages)


async def test_what_no_reader_can_read_is_set_aside_alone(group: Group, tenant: str) -> None:
    messages = await published(group, tenant, 2 * BATCH)

    def reader(message: Received) -> Event:
        if message.offset == BATCH:
            raise RecursionError("too deep")
        return from_message(message)

    consumption = Consumption(group.name, group.pattern, group.handle, reader)
    group.consumer = Consumer(consumption, group.kit.runtime.worker, group.log, group.limits)
    await run_until(group, len(messages))
    assert await group.effects() == ids_of([*messages[:BATCH], *messages[BATCH + 1 :]])
    assert isinstance(group.log, MemoryEventLog)
    (letter,) = group.log.topics["kit.things.dead"]
    assert (letter.headers["ce_id"], letter.headers["dead_reason"]) == (
        messages[BATCH].headers["ce_id"],
        "handler-failed",
    )


async def test_without_an_inbox_the_handler_gets_every_copy(group: Group, tenant: str) -> None:
    own: list[list[Event]] = []

    async def keep(_session: AsyncSession, events: Sequence[Event]) -> None:
        own.append(list(events))

    consumption = Consumption(group.name, group.pattern, keep, inbox=False)
    consumer = Consumer(consumption, group.kit.runtime.worker, group.log)
    one, two = (message_of(tenant, n) for n in range(2))
    await consumer.handle(as_received([one, two, one]))
    await consumer.handle(as_received([two], first=3))
    assert [[event.id for event in events] for events in own] == [ids_of([one, two, one]), ids_of([two])]
    assert (await group.inbox(), await group.offset()) == (0, 4)


async def test_without_an_inbox_a_poisoned_event_is_set_aside_with_its_copies(group: Group, tenant: str) -> None:
    applied: list[Event] = []
    one, bad = (message_of(tenant, n) for n in range(2))

    async def keep(_session: AsyncSession, events: Sequence[Event]) -> None:
        for event in events:
            if str(event.id) == bad.headers["ce_id"]:
                raise PoisonEventError(event, "bad", "never")
        applied.extend(events)

    consumption = Consumption(group.name, group.pattern, keep, inbox=False)
    consumer = Consumer(consumption, group.kit.runtime.worker, group.log)
    await consumer.handle(as_received([one, bad, bad]))
    assert [event.id for event in applied] == ids_of([one])
    assert isinstance(group.log, MemoryEventLog)
    assert len(group.log.topics["kit.things.dead"]) == 2
