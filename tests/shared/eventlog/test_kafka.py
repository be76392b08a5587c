"""What only the log on Kafka meets: rebalances, producers that are not ours, and a broker that hangs or dies."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy.kafka import Broker
from shared.eventlog import LogUnavailableError, Message, kafka_subscription
from shared.eventlog.kafka import KafkaEventLog
from shared.eventlog.kafka_publisher import _hash
from tests.fixtures.eventlog import by_key, nothing_comes, numbered, take, values
from tests.fixtures.kafka import require_own_broker
from tests.fixtures.pace import within

pytestmark = pytest.mark.kafka


@pytest_asyncio.fixture
async def kafka_log(kafka_bootstrap: str) -> AsyncIterator[KafkaEventLog]:
    log = KafkaEventLog(kafka_bootstrap)
    await log.start()
    yield log
    await log.close()


@pytest.fixture(scope="module")
def own_broker() -> Iterator[Broker]:
    """A broker to be mistreated."""
    require_own_broker()
    with Broker() as broker:
        yield broker


async def test_foreign_records_are_read_whatever_they_hold(kafka_log: KafkaEventLog, area: str) -> None:
    await kafka_log.ensure_topics([f"{area}.things"])
    producer = AIOKafkaProducer(**kafka_log._options)
    await producer.start()
    await producer.send_and_wait(
        f"{area}.things", None, key=b"\xff\xfe", partition=0, headers=[("h", b"\xff"), ("n", None)]
    )
    await producer.send_and_wait(f"{area}.things", b"\x00", key=None, partition=0, headers=[("h", b"1"), ("h", b"2")])
    await producer.stop()
    async with kafka_log.subscribe(area, rf"{area}\..*") as subscription:
        read = await take(subscription, 2)
    assert [(m.key, m.value, dict(m.headers)) for m in read] == [
        ("\ufffd\ufffd", b"", {"h": "\ufffd", "n": ""}),
        ("", b"\x00", {"h": "2"}),
    ]


def test_keys_go_where_java_clients_send_them() -> None:
    # From the tests of Kafka's own org.apache.kafka.common.utils.Utils.murmur2.
    hashes = {"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "abc": 479470107}
    assert {key: _hash(key) for key in hashes} == {key: value & 0x7FFFFFFF for key, value in hashes.items()}


async def test_our_topics_keep_their_messages(kafka_log: KafkaEventLog, area: str) -> None:
    await kafka_log.ensure_topics([f"{area}.things"])
    admin = AIOKafkaAdminClient(**kafka_log._options)
    await admin.start()
    (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, f"{area}.things")])
    await admin.close()
    configuration = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    assert configuration["retention.ms"] == "-1"
    assert configuration["message.timestamp.type"] == "LogAppendTime"


async def test_a_rebalance_waits_for_the_batch_in_hand(kafka_log: KafkaEventLog, area: str) -> None:
    await kafka_log.publish(numbered(f"{area}.one", 20))
    async with kafka_log.subscribe(area, rf"{area}\..*") as subscription:
        batch = await take(subscription, 20, commit=False)
        assert sorted(values(batch)) == list(range(20))
        await kafka_log.publish(numbered(f"{area}.two", 5))  # found within two seconds: the group rebalances
        await asyncio.sleep(4)
        await subscription.commit()
        assert {m.topic for m in await take(subscription, 5)} == {f"{area}.two"}
        await nothing_comes(subscription)


async def test_what_a_rebalance_took_away_comes_again(
    kafka_log: KafkaEventLog, area: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_subscription, "_GRACE_S", 0.1)
    await kafka_log.publish(numbered(f"{area}.one", 20))
    async with kafka_log.subscribe(area, rf"{area}\..*") as subscription:
        await take(subscription, 20, commit=False)
        await kafka_log.publish(numbered(f"{area}.two", 5))
        await asyncio.sleep(5)
        with pytest.raises(LogUnavailableError, match="lost"):
            await subscription.commit()
        again = await take(subscription, 25)
    assert sorted(values([m for m in again if m.topic == f"{area}.one"])) == list(range(20))
    assert sorted(values([m for m in again if m.topic == f"{area}.two"])) == list(range(5))


async def test_an_absent_broker_is_said_clearly(area: str) -> None:
    log = KafkaEventLog("127.0.0.1:1", timeout_s=3)
    with pytest.raises(LogUnavailableError, match="Kafka"):
        await log.start()
    async with log.subscribe(area, ".*") as subscription:
        for _ in range(2):
            with pytest.raises(LogUnavailableError, match="Kafka"):
                await subscription.poll(1, 0.1)
    await log.close()


@pytest.mark.slow
async def test_a_hanging_broker_bounds_publications_and_keeps_their_order(own_broker: Broker) -> None:
    log = KafkaEventLog(own_broker.bootstrap, timeout_s=2)
    await log.start()
    await log.publish(numbered("a.things", 50))
    assert own_broker.pid is not None
    os.kill(own_broker.pid, signal.SIGSTOP)
    started = time.monotonic()
    later = [Message("a.things", f"key-{n % 7}", str(n).encode()) for n in range(50, 100)]
    with pytest.raises(LogUnavailableError):
        await log.publish(later)
    with pytest.raises(LogUnavailableError):
        await log.ping()
    assert within(12, time.monotonic() - started)
    os.kill(own_broker.pid, signal.SIGCONT)
    await until_published(log, later)
    async with log.subscribe("g", r"a\.things") as subscription:
        read = await take(subscription, 100)
        while batch := await subscription.poll(1000, 2.0):
            read += batch
    for key, found in by_key(read).items():
        firsts = list(dict.fromkeys(found))
        assert firsts == [n for n in range(100) if f"key-{n % 7}" == key], "first appearances are in order"
    await log.close()


@pytest.mark.slow
async def test_a_killed_broker_loses_no_acknowledged_message(own_broker: Broker) -> None:
    log = KafkaEventLog(own_broker.bootstrap, timeout_s=5)
    await log.start()
    acknowledged: list[int] = []
    restarted = asyncio.Event()

    async def publish() -> None:
        n = 0
        while not (restarted.is_set() and len(acknowledged) > 200):
            n += 1
            await until_published(log, [Message("b.things", f"key-{n % 5}", str(n).encode())])
            acknowledged.append(n)
            await asyncio.sleep(0.002)

    async with log.subscribe("g", r"b\..*") as subscription:
        publisher = asyncio.create_task(publish())
        seen = values(await take(subscription, 20))
        own_broker.kill()
        own_broker.start()
        restarted.set()
        await publisher
        async with asyncio.timeout(60):
            while not set(seen).issuperset(acknowledged):
                try:
                    batch = await subscription.poll(1000, 0.5)
                    await subscription.commit()
                    seen += values(batch)
                except LogUnavailableError:
                    await asyncio.sleep(0.1)
    await log.close()
    assert acknowledged == list(range(1, len(acknowledged) + 1))


async def until_published(log: KafkaEventLog, messages: list[Message]) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await log.publish(messages)
            except LogUnavailableError:
                await asyncio.sleep(0.1)
            else:
                return
