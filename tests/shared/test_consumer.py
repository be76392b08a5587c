"""The consumer runtime: an effect happens exactly once, whatever is delivered again and whatever dies in between."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared import consumer, metrics
from shared.consumer import Limits, PoisonEventError, TooManyDeadLettersError
from shared.eventlog import Message
from shared.eventlog.factory import open_event_log
from shared.events import Event
from shared.ids import stable_id, uuid7
from tests.fakes.consuming import Group, as_received, ids_of, message_of
from tests.fakes.eventlog import MemoryEventLog
from tests.fakes.waiting import eventually
from tests.fixtures.services import Harness


@pytest_asyncio.fixture(loop_scope="session")
async def group(kit: Harness, admin: asyncpg.Connection) -> Group:
    return Group(kit, MemoryEventLog(), admin)


def memory_of(group: Group) -> MemoryEventLog:
    assert isinstance(group.log, MemoryEventLog)
    return group.log


@asynccontextmanager
async def consuming(group: Group) -> AsyncIterator[asyncio.Event]:
    """Run the consumer for the block; stop it gracefully at its end."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(group.consumer.run(stop))
        yield stop
        stop.set()


async def until_handled(group: Group, messages: Sequence[Message]) -> None:
    await eventually(lambda: memory_of(group).committed[group.name, "kit.things"] >= len(messages))


async def test_a_batch_is_applied_with_its_inbox_and_offsets(group: Group, tenant: str) -> None:
    messages = [message_of(tenant, n) for n in range(5)]
    await group.consumer.handle(as_received(messages, first=40))
    assert await group.effects() == ids_of(messages)
    assert (await group.inbox(), await group.offset()) == (5, 45)


async def test_redelivery_changes_nothing(group: Group, tenant: str) -> None:
    messages = [message_of(tenant, n) for n in range(5)]
    await group.consumer.handle(as_received(messages[:3]))
    await group.consumer.handle(as_received(messages))
    await group.consumer.handle(as_received(messages[1:], first=1))
    assert await group.effects() == ids_of(messages)
    assert await group.offset() == 5


async def test_duplicates_within_a_batch_count_once_and_keep_their_first_place(group: Group, tenant: str) -> None:
    one, two, three = (message_of(tenant, n) for n in range(3))
    await group.consumer.handle(as_received([one, two, one, three, two]))
    assert await group.effects() == ids_of([one, two, three])
    assert await group.offset() == 5


async def test_the_same_id_of_two_tenants_is_two_events(group: Group, tenant: str, other_tenant: str) -> None:
    event_id = stable_id("shared")
    messages = [message_of(tenant, event_id=event_id), message_of(other_tenant, event_id=event_id)]
    await group.consumer.handle(as_received(messages))
    assert await group.effects() == [event_id, event_id]


async def test_nothing_is_kept_when_the_offsets_cannot_be_stored(
    group: Group, tenant: str, admin: asyncpg.Connection
) -> None:
    await admin.execute(
        "CREATE OR REPLACE FUNCTION kit.no_offsets() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'no offsets today'; END $$; "
        "CREATE TRIGGER no_offsets BEFORE INSERT ON kit.consumer_offset FOR EACH ROW "
        f"WHEN (NEW.consumer = '{group.name}') EXECUTE FUNCTION kit.no_offsets()"
    )
    try:
        with pytest.raises(Exception, match="no offsets today"):
            await group.consumer.handle(as_received([message_of(tenant)]))
        assert (await group.effects(), await group.inbox()) == ([], 0)
        assert memory_of(group).topics == {}
    finally:
        await admin.execute("DROP TRIGGER no_offsets ON kit.consumer_offset")


async def test_a_lost_commit_to_the_log_delivers_again_and_changes_nothing(group: Group, tenant: str) -> None:
    messages = [message_of(tenant, n) for n in range(4)]
    log = memory_of(group)
    await log.publish(messages)
    log.failing_commits = 2
    async with consuming(group):
        await until_handled(group, messages)
    assert log.failing_commits == 0
    assert await group.effects() == ids_of(messages)


async def test_a_killed_backend_is_tried_again_without_dead_letters(
    group: Group, tenant: str, admin: asyncpg.Connection
) -> None:
    killed: list[int] = []

    async def die_once(session: AsyncSession) -> None:
        if not killed:
            killed.append((await session.execute(text("SELECT pg_backend_pid()"))).scalar_one())
            assert await admin.fetchval("SELECT pg_terminate_backend($1, 5000)", killed[0])

    group.before = die_once
    messages = [message_of(tenant, n) for n in range(6)]
    await memory_of(group).publish(messages)
    async with consuming(group):
        await until_handled(group, messages)
    assert killed
    assert group.batches == [6, 6]
    assert await group.effects() == ids_of(messages)
    assert "kit.things.dead" not in memory_of(group).topics


async def test_a_stop_finishes_the_batch_in_hand(group: Group, tenant: str) -> None:
    messages = [message_of(tenant, n) for n in range(3)]
    await memory_of(group).publish(messages)
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_session: AsyncSession) -> None:
        arrived.set()
        await go_on.wait()

    group.before = wait
    async with consuming(group) as stop:
        await arrived.wait()
        stop.set()
        go_on.set()
    assert await group.effects() == ids_of(messages)
    assert memory_of(group).committed[group.name, "kit.things"] == 3


async def test_a_stop_gives_back_a_batch_that_waits_for_its_next_try(group: Group, tenant: str) -> None:
    tried = asyncio.Event()

    async def never(_session: AsyncSession) -> None:
        tried.set()
        raise ConnectionResetError("the database is away")

    group.before = never
    messages = [message_of(tenant, n) for n in range(3)]
    await memory_of(group).publish(messages)
    async with consuming(group) as stop:
        await tried.wait()
        stop.set()
    assert memory_of(group).committed[group.name, "kit.things"] == 0
    assert "kit.things.dead" not in memory_of(group).topics
    group.before = None
    async with consuming(group):
        await until_handled(group, messages)
    assert await group.effects() == ids_of(messages)


async def test_running_is_exported(group: Group, tenant: str) -> None:
    running = metrics.consumer_running.labels(group.name)
    messages = [message_of(tenant)]
    await memory_of(group).publish(messages)
    async with consuming(group):
        async with asyncio.timeout(5):
            while running._value.get() != 1:  # noqa: ASYNC110 - a metric sets no event
                await asyncio.sleep(0.01)
    assert running._value.get() == 0
    assert metrics.events_consumed_total.labels(group.name)._value.get() == 1


async def test_one_that_fails_whenever_it_is_started_never_runs(group: Group, tenant: str) -> None:
    running, seen = metrics.consumer_running.labels(group.name), []

    def refuse(event: Event) -> None:
        seen.append(running._value.get())
        raise PoisonEventError(event, "bad", "a broken handler")

    group.judge = refuse
    await memory_of(group).publish([message_of(tenant, n) for n in range(120)])
    for _ in range(2):
        with pytest.raises(TooManyDeadLettersError):
            await group.consumer.run(asyncio.Event())
    assert set(seen) == {0}


async def test_batches_of_a_partition_take_turns(group: Group, tenant: str, admin: asyncpg.Connection) -> None:
    """Also of two members that have different events: those of a key take effect in their order."""
    messages = [message_of(tenant, n) for n in range(6)]
    twin = Group(group.kit, group.log, admin, name=group.name)
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_session: AsyncSession) -> None:
        arrived.set()
        await go_on.wait()

    async def twin_waits() -> object:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return await admin.fetchval(query)

    group.before = wait
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(group.consumer.handle(as_received(messages[:3])))
        await arrived.wait()
        tasks.create_task(twin.consumer.handle(as_received(messages[3:], first=3)))
        await eventually(twin_waits, 3)
        assert twin.batches == []
        go_on.set()
    assert await group.effects() == ids_of(messages)
    assert await group.offset() == 6


async def test_a_member_paused_in_its_transaction_loses_it_and_changes_nothing_later(
    group: Group, tenant: str, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "_IDLE_MS", 200)
    messages = [message_of(tenant, n) for n in range(5)]
    heir = Group(group.kit, group.log, admin, name=group.name)
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def pause(_session: AsyncSession) -> None:
        arrived.set()
        await go_on.wait()

    group.before = pause
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(group.consumer.handle(as_received(messages[:3])))
        await arrived.wait()
        await heir.consumer.handle(as_received(messages))
        go_on.set()
    assert (heir.batches, group.batches) == ([5], [3])
    assert await group.effects() == ids_of(messages)
    assert await group.offset() == 5
    assert memory_of(group).topics == {}, "nothing became a dead letter"


@pytest_asyncio.fixture(loop_scope="session")
async def real(kit: Harness, admin: asyncpg.Connection) -> AsyncIterator[Group]:
    """A group on the event log in PostgreSQL, on topics of its own."""
    log = open_event_log(None, kit.runtime.url)
    await log.start()
    topic = f"kit.t{uuid7().hex[-8:]}"
    yield Group(kit, log, admin, pattern=topic, limits=Limits(batch=50))
    await log.close()


async def test_on_the_real_log_every_effect_happens_once(real: Group, tenant: str) -> None:
    """Two members of one group, a message nobody can handle, and each event published twice."""
    bad = stable_id(tenant, 13)

    def judge(event: Event) -> None:
        if event.id == bad:
            raise RuntimeError("this one never")

    real.judge = judge
    twin = Group(real.kit, real.log, real.admin, judge=judge, pattern=real.pattern, name=real.name)
    messages = [
        message_of(tenant, n, event_id=stable_id(tenant, n), topic=real.pattern, key=f"k{n % 5}") for n in range(200)
    ]
    await real.log.publish(messages)
    stop = asyncio.Event()

    async def caught_up() -> bool:
        return sum((await real.log.lag(real.name, real.pattern)).values()) == 0

    async with asyncio.TaskGroup() as tasks:
        for one in (real, twin):
            tasks.create_task(one.consumer.run(stop))
        await real.log.publish(messages)
        await eventually(caught_up, 30)
        stop.set()
    assert sorted(await real.effects()) == sorted(event for event in ids_of(messages) if event != bad)
    letters = sum((await real.log.lag("nobody", f"{real.pattern}[.]dead")).values())
    assert letters in {1, 2}  # one per delivery; both copies may have come in one batch
