"""The relay: nothing skipped, order per key kept, at least once whatever breaks."""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared import metrics, outbox, relay
from shared.eventlog import Received
from shared.events import encode_data, from_message
from shared.ids import stable_id, uuid7
from shared.relay import Relay
from tests.fakes.eventlog import MemoryEventLog
from tests.fakes.kit.app import Thing, ThingMade
from tests.fakes.waiting import eventually
from tests.fixtures.pace import within
from tests.fixtures.services import Harness

TOPIC = ThingMade.topic


@pytest_asyncio.fixture(loop_scope="session")
async def log(admin: asyncpg.Connection) -> AsyncIterator[MemoryEventLog]:
    """An empty log, and an empty outbox to begin with."""
    await admin.execute("DELETE FROM kit.outbox")
    yield MemoryEventLog()
    await admin.execute("DELETE FROM kit.outbox")


def relay_of(kit: Harness, log: MemoryEventLog) -> Relay:
    return Relay("kit", kit.runtime.url, kit.runtime.worker, log)


async def record(kit: Harness, tenant: str, subject: str, n: int, event_id: UUID | None = None) -> UUID:
    async with kit.runtime.database.transaction(tenant) as session:
        return outbox.record(session, ThingMade(n=n), subject=subject, event_id=event_id)


async def begin(kit: Harness, tenant: str, subject: str, n: int) -> AsyncSession:
    """Record an event in a transaction that stays open."""
    session = kit.runtime.database.session(tenant)
    outbox.record(session, ThingMade(n=n), subject=subject)
    await outbox.flush(session)
    return session


def numbers(messages: list[Received]) -> list[int]:
    return [int(msgspec.json.decode(message.value)["n"]) for message in messages]


async def until_published(log: MemoryEventLog, count: int) -> None:
    await eventually(lambda: len(log.topics.get(TOPIC, [])) >= count)


async def test_rows_that_commit_out_of_sequence_are_not_skipped(
    kit: Harness, log: MemoryEventLog, tenant: str, admin: asyncpg.Connection
) -> None:
    first = await begin(kit, tenant, "a", 1)
    second = await begin(kit, tenant, "b", 2)
    await second.commit()
    one = relay_of(kit, log)
    assert await one.publish_batch() == 1
    assert numbers(log.topics[TOPIC]) == [2]
    later = await begin(kit, tenant, "c", 3)
    await later.commit()
    assert await one.publish_batch() == 1
    await first.commit()
    assert await one.publish_batch() == 1
    assert numbers(log.topics[TOPIC]) == [2, 3, 1]
    assert await admin.fetchval("SELECT count(*) FROM kit.outbox") == 0
    for session in (first, second, later):
        await session.close()


async def test_what_is_rolled_back_is_never_published(kit: Harness, log: MemoryEventLog, tenant: str) -> None:
    session = await begin(kit, tenant, "a", 1)
    await session.rollback()
    await session.close()
    assert await relay_of(kit, log).publish_batch() == 0


async def count_up(kit: Harness, tenant: str, thing_id: UUID) -> None:
    """Change a thing and say so; concurrent changes wait for each other on the row."""
    async with kit.runtime.database.transaction(tenant) as session:
        thing = await session.get_one(Thing, thing_id, with_for_update=True)
        thing.count += 1
        outbox.record(session, ThingMade(n=thing.count), subject=thing_id)


async def test_two_relays_publish_everything_in_order_per_key(
    kit: Harness, log: MemoryEventLog, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "BATCH", 7)
    ids = [uuid7() for _ in range(4)]
    async with kit.runtime.database.transaction(tenant) as session:
        session.add_all([Thing(id=thing_id, name="ordered", count=0) for thing_id in ids])
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(relay_of(kit, log).run(stop))
        writers = [asyncio.create_task(count_up(kit, tenant, thing_id)) for _ in range(12) for thing_id in ids]
        await asyncio.gather(*writers)
        await until_published(log, len(writers))
        stop.set()
    by_key: dict[str, list[Received]] = {}
    for message in log.topics[TOPIC]:
        by_key.setdefault(message.key, []).append(message)
    assert {key: numbers(messages) for key, messages in by_key.items()} == {str(i): list(range(1, 13)) for i in ids}


async def test_while_one_relay_publishes_another_does_not(kit: Harness, log: MemoryEventLog, tenant: str) -> None:
    await record(kit, tenant, "a", 1)
    other = relay_of(kit, MemoryEventLog())
    published_by_other: list[int] = []

    async def look() -> None:
        published_by_other.append(await other.publish_batch())

    log.after_publish = look
    assert await relay_of(kit, log).publish_batch() == 1
    assert published_by_other == [0]


async def test_a_crash_between_publishing_and_deleting_publishes_again(
    kit: Harness, log: MemoryEventLog, tenant: str, admin: asyncpg.Connection
) -> None:
    events = [await record(kit, tenant, "a", n) for n in range(3)]

    async def kill() -> None:
        log.after_publish = None
        killed = await admin.fetch(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'trastienda_kit_worker' AND state = 'idle in transaction'"
        )
        assert len(killed) == 1

    log.after_publish = kill
    stop = asyncio.Event()
    running = asyncio.create_task(relay_of(kit, log).run(stop))
    await until_published(log, 6)
    stop.set()
    await running
    assert numbers(log.topics[TOPIC]) == [0, 1, 2, 0, 1, 2]
    assert [from_message(message).id for message in log.topics[TOPIC]] == events * 2
    assert await admin.fetchval("SELECT count(*) FROM kit.outbox") == 0


async def test_a_broker_that_is_away_delays_and_the_metrics_say_so(
    kit: Harness, log: MemoryEventLog, tenant: str
) -> None:
    await record(kit, tenant, "a", 1)
    await record(kit, tenant, "a", 2)
    log.failures = 1_000_000
    stop = asyncio.Event()
    running = asyncio.create_task(relay_of(kit, log).run(stop))
    pending, oldest = metrics.outbox_pending.labels("kit"), metrics.outbox_oldest_seconds.labels("kit")
    await eventually(lambda: log.publications >= 3 and pending._value.get() == 2 and oldest._value.get() >= 1)
    log.failures = 0
    await until_published(log, 2)
    await eventually(lambda: not pending._value.get() and not oldest._value.get())
    stop.set()
    await running
    assert numbers(log.topics[TOPIC]) == [1, 2]


async def test_a_commit_is_published_at_once(
    kit: Harness, log: MemoryEventLog, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A notification wakes the relay: with polling alone this would take the idle time set here."""
    monkeypatch.setattr(relay, "_IDLE_S", 60.0)
    stop = asyncio.Event()
    running = asyncio.create_task(relay_of(kit, log).run(stop))
    await record(kit, tenant, "a", 0)
    await until_published(log, 1)  # it listens by now, or found the row at its start
    await asyncio.sleep(0.3)
    took = []
    for n in range(1, 6):
        begun = time.monotonic()
        await record(kit, tenant, "a", n)
        await until_published(log, n + 1)
        took.append(time.monotonic() - begun)
    stop.set()
    await record(kit, tenant, "a", 9)  # wakes it up to see the stop
    await running
    assert within(0.5, sorted(took)[2])


async def test_a_batch_is_bounded_in_bytes(kit: Harness, log: MemoryEventLog, tenant: str) -> None:
    async with kit.runtime.database.transaction(tenant) as session:
        for n in range(12):
            outbox.record(session, ThingMade(n=n, text="x" * 800_000), subject="a")
    one = relay_of(kit, log)
    assert 0 < await one.publish_batch() < 12
    assert await one.publish_batch() > 0
    assert await one.publish_batch() == 0
    assert numbers(log.topics[TOPIC]) == list(range(12))


async def test_the_published_bytes_are_the_recorded_ones(kit: Harness, log: MemoryEventLog, tenant: str) -> None:
    """jsonb would space them out, so that an event within the limit could outgrow every broker's."""
    data = ThingMade(n=1, text='tab\t, quote ", ñ, \u2028, \\u0000 and a real one: \0')
    async with kit.runtime.database.transaction(tenant) as session:
        outbox.record(session, data, subject="a")
    await relay_of(kit, log).publish_batch()
    assert log.topics[TOPIC][0].value == encode_data(data, None)


async def test_tenants_with_the_same_event_id_do_not_collide(
    kit: Harness, log: MemoryEventLog, tenant: str, other_tenant: str
) -> None:
    event_id = stable_id("the same file", 1)
    for who in (tenant, tenant, other_tenant):
        await record(kit, who, "a", 1, event_id=event_id)
    await relay_of(kit, log).publish_batch()
    assert [from_message(message).tenant for message in log.topics[TOPIC]] == [tenant, other_tenant]


async def test_the_columns_are_debeziums(admin: asyncpg.Connection) -> None:
    rows = await admin.fetch(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'kit' AND table_name = 'outbox'"
    )
    columns = {row["column_name"]: row["data_type"] for row in rows}
    assert columns.items() >= {
        ("id", "uuid"),
        ("aggregatetype", "character varying"),
        ("aggregateid", "character varying"),
        ("type", "character varying"),
        ("payload", "json"),
    }


async def test_an_event_needs_a_tenant_and_no_savepoint(kit: Harness, tenant: str) -> None:
    async with kit.runtime.worker.session(None) as session:
        with pytest.raises(RuntimeError, match="a tenant's transaction"):
            outbox.record(session, ThingMade(n=1), subject="a")
    async with kit.runtime.database.session(tenant) as session, session.begin_nested():
        await session.execute(text("SELECT 1"))
        with pytest.raises(RuntimeError, match="outside of savepoints"):
            outbox.record(session, ThingMade(n=1), subject="a")
