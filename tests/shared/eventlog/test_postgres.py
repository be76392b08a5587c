"""What only the log in PostgreSQL has: its roles, leases, deletion, and how it meets a lost connection."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy.engine import make_url

from deploy.standalone.postgres import EmbeddedPostgres
from shared.eventlog import LogUnavailableError, Message, Received
from shared.eventlog.postgres import ROLE, PostgresEventLog, prepare
from tests.fixtures.eventlog import nothing_comes, numbered, take, values
from tests.fixtures.pace import within


@pytest_asyncio.fixture
async def postgres_log(event_log_database: str) -> AsyncIterator[PostgresEventLog]:
    log = PostgresEventLog(event_log_database, role=ROLE)
    await log.start()
    yield log
    await log.close()


async def on_server(url: str, statement: str, *arguments: object) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.execute(statement, *arguments))
    finally:
        await connection.close()


async def end_consumers(url: str) -> None:
    """Cut every connection that listens, as a restart of the server would."""
    await on_server(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = 'trastienda_eventlog'",
    )


async def test_preparing_twice_at_once_and_again_changes_nothing(postgres_url: str) -> None:
    name = f"eventlog_{uuid4().hex[:8]}"
    await on_server(postgres_url, f"CREATE DATABASE {name}")
    url = make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    unprepared = PostgresEventLog(url)
    with pytest.raises(LogUnavailableError, match="not prepared"):
        await unprepared.start()
    await asyncio.gather(*(prepare(url) for _ in range(4)))
    log = PostgresEventLog(url, role=ROLE)
    await log.start()
    await log.publish(numbered("a.things", 3))
    identity = log.identity
    await prepare(url)
    assert sum((await log.lag("g", ".*")).values()) == 3
    await log.close()
    await log.start()
    assert log.identity == identity
    await log.close()


async def test_the_role_reaches_the_log_and_nothing_else(event_log_database: str) -> None:
    await on_server(event_log_database, "CREATE TABLE IF NOT EXISTS public.secret (id integer)")
    connection = await asyncpg.connect(event_log_database, server_settings={"role": ROLE})
    try:
        await connection.fetch("SELECT * FROM eventlog.message LIMIT 1")
        for statement in (
            "SELECT * FROM public.secret",
            "DROP TABLE eventlog.message",
            "UPDATE eventlog.identity SET id = gen_random_uuid()",
            "CREATE TABLE eventlog.mine (id integer)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_lost_connection_is_told_once_and_then_cured(
    postgres_log: PostgresEventLog, event_log_database: str, area: str
) -> None:
    await postgres_log.publish(numbered(f"{area}.things", 5))
    async with postgres_log.subscribe(area, rf"{area}\..*") as subscription:
        assert len(await take(subscription, 5, commit=False)) == 5
        await end_consumers(event_log_database)
        with pytest.raises(LogUnavailableError):
            await subscription.commit()
        assert sorted(values(await take(subscription, 5))) == list(range(5))
        waiting = asyncio.create_task(subscription.poll(10, 20.0))
        await asyncio.sleep(0.2)
        await end_consumers(event_log_database)
        with pytest.raises(LogUnavailableError, match="lost"):
            await asyncio.wait_for(waiting, 3)
        await postgres_log.publish(numbered(f"{area}.things", 1))
        assert values(await take(subscription, 1)) == [0]


async def test_a_commit_after_the_lease_was_lost_in_a_cancelled_poll_is_refused(
    postgres_log: PostgresEventLog, area: str
) -> None:
    await postgres_log.publish(numbered(f"{area}.things", 5))
    async with postgres_log.subscribe(area, rf"{area}\..*") as subscription:
        await take(subscription, 5, commit=False)
        connection = subscription._connection
        assert connection is not None
        connection.terminate()
        await asyncio.sleep(0.05)
        subscription._drop()
        with pytest.raises(LogUnavailableError, match="before the commit"):
            await subscription.commit()
        await subscription.commit()
        assert sorted(values(await take(subscription, 5))) == list(range(5))


async def test_a_poll_cancelled_between_lease_and_answer_skips_nothing(
    postgres_log: PostgresEventLog, event_log_database: str, area: str
) -> None:
    await postgres_log.publish(numbered(f"{area}.things", 5))
    blocker = await asyncpg.connect(event_log_database)
    async with postgres_log.subscribe(area, rf"{area}\..*") as subscription:
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE eventlog.message")
            poll = asyncio.create_task(subscription.poll(10, 10.0))
            async with asyncio.timeout(10):
                while not subscription._leases:  # noqa: ASYNC110 - the state to reach sets no event
                    await asyncio.sleep(0.02)
            await asyncio.sleep(0.1)  # now it waits for its messages
            poll.cancel()
            with pytest.raises(asyncio.CancelledError):
                await poll
        await blocker.close()
        await subscription.commit()
        assert sorted(values(await take(subscription, 5))) == list(range(5))


async def test_a_member_that_hangs_loses_its_lease(event_log_database: str, area: str) -> None:
    hasty = PostgresEventLog(event_log_database, role=ROLE, lease_s=0.4)
    await hasty.start()
    await hasty.publish(numbered(f"{area}.things", 5))
    async with hasty.subscribe(area, rf"{area}\..*") as hanging, hasty.subscribe(area, rf"{area}\..*") as other:
        await take(hanging, 5, commit=False)
        assert await other.poll(10, 0.0) == []
        assert sorted(values(await take(other, 5, patience=5))) == list(range(5))
        with pytest.raises(LogUnavailableError):
            await hanging.commit()
        await nothing_comes(hanging, 0.2)
    await hasty.close()


async def test_missed_notifications_lose_nothing(postgres_log: PostgresEventLog, area: str) -> None:
    async with postgres_log.subscribe(area, rf"{area}\..*") as subscription:
        await nothing_comes(subscription, 0.1)
        assert subscription._connection is not None
        await subscription._connection.execute("UNLISTEN *")
        waiting = asyncio.create_task(subscription.poll(10, 20.0))
        await asyncio.sleep(0.1)
        subscription._discover_at = 0.0
        await postgres_log.publish(numbered(f"{area}.things", 1))
        assert values(await asyncio.wait_for(waiting, 3)) == [0]


async def test_forgotten_messages_leave_gaps_that_readers_step_over(
    postgres_log: PostgresEventLog, event_log_database: str, area: str
) -> None:
    def message(n: int, tenant: str) -> Message:
        return Message(f"{area}.things", "k", str(n).encode(), {"ce_tenant": tenant, "other": f'"ce_tenant":"{area}"'})

    await postgres_log.publish([message(n, area if n % 3 else "kept") for n in range(30)])
    await postgres_log.publish([message(n, area) for n in range(30, 60)])
    assert await postgres_log.forget("ce_tenant", area) == 50
    assert await postgres_log.forget("ce_tenant", area) == 0
    async with postgres_log.subscribe(area, rf"{area}\..*") as subscription:
        assert values(await take(subscription, 10)) == list(range(0, 30, 3))
        await nothing_comes(subscription, 0.3)
        assert set((await postgres_log.lag(area, rf"{area}\..*")).values()) == {0}
        # Else every poll would lease these partitions again, to find nothing.
        behind = "SELECT FROM eventlog.group_offset g JOIN eventlog.partition p ON p.id = g.partition_id "
        behind += "WHERE g.group_name = $1 AND g.next_offset < p.next_offset"
        assert await on_server(event_log_database, behind, area) == "SELECT 0"
        await postgres_log.publish([message(n, "kept") for n in range(60, 65)])
        assert values(await take(subscription, 5)) == list(range(60, 65))
    with pytest.raises(ValueError, match="header"):
        await postgres_log.forget('":"', area)


async def test_a_long_gap_is_crossed_without_waiting(postgres_log: PostgresEventLog, area: str) -> None:
    await postgres_log.publish([Message(f"{area}.things", f"k{n}", b"0", {"drop": area}) for n in range(3000)])
    await postgres_log.publish([Message(f"{area}.things", f"k{n}", b"1") for n in range(20)])
    await postgres_log.forget("drop", area)
    async with postgres_log.subscribe(area, rf"{area}\..*") as subscription:
        started = time.monotonic()
        read: list[Received] = []
        while len(read) < 20:
            read += await subscription.poll(100, 5.0)
            await subscription.commit()
        assert within(2, time.monotonic() - started)


async def test_only_what_every_group_committed_is_trimmed(postgres_log: PostgresEventLog, area: str) -> None:
    await postgres_log.publish(numbered(f"{area}.things", 50))
    later = datetime.now(UTC) + timedelta(minutes=1)
    async with (
        postgres_log.subscribe(f"{area}-1", rf"{area}\..*") as one,
        postgres_log.subscribe(f"{area}-2", rf"{area}\..*") as two,
    ):
        await take(one, 50)
        await take(two, 50, commit=False)
        before = await stored(postgres_log, area)
        await postgres_log.trim(later)
        assert before == await stored(postgres_log, area) == 50
        await two.commit()
        await postgres_log.trim(datetime.now(UTC) - timedelta(minutes=1))
        assert await stored(postgres_log, area) == 50
        assert await postgres_log.trim(later) >= 50
        assert await stored(postgres_log, area) == 0
        assert set((await postgres_log.lag(f"{area}-new", rf"{area}\..*")).values()) == {0}
        await postgres_log.publish(numbered(f"{area}.things", 2))
        assert len(await take(two, 2)) == 2


async def stored(log: PostgresEventLog, area: str) -> int:
    """How many messages there are, for a group that never reads."""
    async with log.subscribe(f"{area}-{uuid4().hex[:6]}", rf"{area}\..*") as subscription:
        seen = len(await subscription.poll(1000, 0.3))
        await subscription.rewind()
    await on_server(log._url, "DELETE FROM eventlog.group_offset WHERE group_name LIKE $1", f"{area}-______")
    return seen


async def test_a_busy_topic_does_not_starve_a_quiet_one(postgres_log: PostgresEventLog, area: str) -> None:
    await postgres_log.publish(numbered(f"{area}.busy", 4000, keys=400))
    await postgres_log.publish(numbered(f"{area}.quiet", 1))
    async with postgres_log.subscribe(area, rf"{area}\..*") as subscription:
        for turn in range(6):  # noqa: B007 - looked at after the loop
            batch = await subscription.poll(100, 5.0)
            await subscription.commit()
            if any(message.topic == f"{area}.quiet" for message in batch):
                break
        assert turn <= 4, "every partition with messages gets its turn"


async def test_large_messages_come_in_small_batches(postgres_log: PostgresEventLog, area: str) -> None:
    await postgres_log.publish([Message(f"{area}.things", "k", bytes([n]) * 900_000) for n in range(50)])
    async with postgres_log.subscribe(area, rf"{area}\..*") as subscription:
        sizes: list[int] = []
        read: list[int] = []
        while batch := await subscription.poll(1000, 1.0):
            await subscription.commit()
            sizes.append(len(batch))
            read += [message.value[0] for message in batch]
    assert read == list(range(50))
    assert max(sizes) < 25


async def test_time_does_not_run_backwards_within_a_partition(postgres_log: PostgresEventLog, area: str) -> None:
    batches = [[Message(f"{area}.things", "k", b"1")] * 20 for _ in range(30)]
    await asyncio.gather(*(postgres_log.publish(batch) for batch in batches))
    async with postgres_log.subscribe(area, rf"{area}\..*") as subscription:
        times = [message.appended_at for message in await take(subscription, 600)]
    assert times == sorted(times)


@pytest.mark.slow
async def test_a_crash_of_the_server_loses_no_acknowledged_message(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("crash"))
    url = await server.start()
    await prepare(url)
    log = PostgresEventLog(url, role=ROLE)
    await log.start()
    stop = asyncio.Event()
    acknowledged: list[int] = []

    async def publish() -> None:
        for n in range(1_000_000):
            if stop.is_set():
                return
            with contextlib.suppress(LogUnavailableError):
                await log.publish([Message("a.things", f"k{n % 5}", str(n).encode())])
                acknowledged.append(n)

    async with log.subscribe("g", ".*") as subscription:
        publisher = asyncio.create_task(publish())
        seen: set[int] = set()
        refused = 0
        for turn in range(8):
            await asyncio.sleep(0.2)
            if turn in {2, 5}:
                await crash(server)
            try:
                batch = await subscription.poll(100, 0.2)
                await subscription.commit()
                seen.update(values(batch))
            except LogUnavailableError:
                refused += 1
        stop.set()
        await publisher
        async with asyncio.timeout(20):
            while not seen.issuperset(acknowledged):
                seen.update(values(await subscription.poll(1000, 0.5)))
                await subscription.commit()
    await log.close()
    await server.stop()
    assert len(acknowledged) > 100
    assert refused > 0


async def crash(server: EmbeddedPostgres) -> None:
    """Kill the server as a power cut would, and start it again on its old port."""
    assert server._server is not None
    server._server._process.kill()
    await server._server.ended(10)
    await server.start()
