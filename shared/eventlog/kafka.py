"""The event log on Apache Kafka: idempotent producer, acknowledgement by all replicas, offsets committed by hand.

How a group reads is in `kafka_subscription`, the producer in `kafka_publisher`.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition, errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared.eventlog import (
    LARGEST_MESSAGE,
    LogUnavailableError,
    Message,
    MessageTooLargeError,
    Position,
    Received,
    message_size,
)
from shared.eventlog.kafka_connection import end, translated
from shared.eventlog.kafka_publisher import Publisher
from shared.eventlog.kafka_subscription import KafkaSubscription, received

_REPLICAS = 3  # where the cluster has as many brokers; two of them acknowledge
_PING_S = 5.0
_RETRY_S = 0.2
_READ_AT_ONCE = 1_000
_NAME_ERRORS = {errors.NoError.errno, errors.TopicAlreadyExistsError.errno}


class KafkaEventLog:
    """The port `EventLog` on Kafka. New topics get `partitions` partitions and keep their messages for ever.

    `timeout_s` bounds every operation: after it LogUnavailableError is raised, although Kafka's own client would go on.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        partitions: int = 4,
        client_id: str = "trastienda",
        compression: str = "lz4",
        timeout_s: float = 20.0,
    ) -> None:
        self._options = {"bootstrap_servers": bootstrap, "client_id": client_id}
        self._partitions, self._timeout_s = partitions, timeout_s
        self._publisher = Publisher({**self._options, "compression_type": compression}, timeout_s)
        self._admin: AIOKafkaAdminClient | None = None
        self._inspector: AIOKafkaConsumer | None = None  # no group: only asks where partitions begin and end
        self._identity: str | None = None
        self._replicas = 1
        self._known: set[str] = set()

    @property
    def identity(self) -> str:
        if self._identity is None:
            raise LogUnavailableError("the event log is not started")
        return self._identity

    async def start(self) -> None:
        """Connect. Raises LogUnavailableError."""
        try:
            async with self._bounded():
                self._admin = AIOKafkaAdminClient(**self._options)
                await self._admin.start()
                self._inspector = AIOKafkaConsumer(**self._options)
                await self._inspector.start()
                cluster = await self._admin.describe_cluster()
                await self._publisher.start()
        except BaseException:
            await self.close()
            raise
        self._replicas = min(_REPLICAS, len(cluster["brokers"]))
        self._identity = f"kafka:{cluster['cluster_id']}"

    async def close(self) -> None:
        admin, self._admin = self._admin, None
        inspector, self._inspector = self._inspector, None
        await self._publisher.close()
        if inspector is not None:
            await end(inspector.stop())
        if admin is not None:
            await end(admin.close())

    async def ensure_topics(self, topics: Sequence[str]) -> None:
        """Create the topics that are missing."""
        async with self._bounded():
            missing = set(topics) - set(await self._started.list_topics())
            if missing:
                await self._create(sorted(missing))
        self._known.update(topics)

    async def _create(self, topics: list[str]) -> None:
        configuration = {
            "retention.ms": "-1",  # a consumer that was away for longer than any limit still sees every message
            "message.timestamp.type": "LogAppendTime",
            "min.insync.replicas": str(max(1, self._replicas - 1)),
        }
        new = [NewTopic(name, self._partitions, self._replicas, topic_configs=configuration) for name in topics]
        response = await self._started.create_topics(new, timeout_ms=int(self._timeout_s * 1000))
        for name, code, text in response.topic_errors:
            if code not in _NAME_ERRORS:  # another process may have made it just now
                raise errors.for_code(code)(f"{name}: {text}")

    async def publish(self, messages: Sequence[Message]) -> Sequence[Position]:
        """Append all; missing topics are created.

        Raises LogUnavailableError (any of the messages may be stored or not: publish all again) and MessageTooLargeError.
        """
        for message in messages:
            if message_size(message) > LARGEST_MESSAGE:
                raise MessageTooLargeError(message)
        if not messages:
            return []
        unknown = {message.topic for message in messages} - self._known
        if unknown:
            await self.ensure_topics(list(unknown))
        try:
            with translated():
                return await self._publisher.publish(messages)
        except LogUnavailableError:
            self._known.clear()  # perhaps a topic was deleted
            raise

    @asynccontextmanager
    async def subscribe(self, group: str, pattern: str) -> AsyncIterator[KafkaSubscription]:
        """Join a group. The first poll connects, so an absent broker is an error there, not here."""
        subscription = KafkaSubscription(self._options, group, pattern, self._timeout_s)
        try:
            yield subscription
        finally:
            await subscription.close()

    @asynccontextmanager
    async def read(
        self, pattern: str, start: Mapping[tuple[str, int], int]
    ) -> AsyncIterator[AsyncIterator[Sequence[Received]]]:
        """Give what matching topics hold, by a consumer without a group."""
        consumer = AIOKafkaConsumer(**self._options, enable_auto_commit=False)
        try:
            async with self._bounded():
                await consumer.start()
                partitions = await self._partitions_of(pattern)
                first, last = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
                begins = {each: max(first[each], start.get((each.topic, each.partition), 0)) for each in partitions}
                left = {each: last[each] for each in partitions if begins[each] < last[each]}
                consumer.assign(list(left))
                for each in left:
                    consumer.seek(each, begins[each])
            yield self._read(consumer, left)
        finally:
            await end(consumer.stop())

    async def _read(
        self, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]
    ) -> AsyncIterator[Sequence[Received]]:
        left, moved_at = set(ends), time.monotonic()
        while left:
            with translated():
                batches = await consumer.getmany(*left, timeout_ms=1_000, max_records=_READ_AT_ONCE)
                reached = {each for each in left if await consumer.position(each) >= ends[each]}
            if batches or reached:
                moved_at = time.monotonic()
            elif time.monotonic() - moved_at > self._timeout_s:
                raise LogUnavailableError(f"Kafka gave nothing of {sorted(left)} for {self._timeout_s} s")
            consumer.pause(*reached)
            left -= reached
            if found := [
                received(each) for part, records in batches.items() for each in records if each.offset < ends[part]
            ]:
                yield found

    async def _partitions_of(self, pattern: str) -> list[TopicPartition]:
        whole = re.compile(pattern)
        return [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in await self._started.describe_topics()
            if whole.fullmatch(topic["topic"]) and not topic["is_internal"]
            for partition in topic["partitions"]
        ]

    async def lag(self, group: str, pattern: str) -> Mapping[tuple[str, int], int]:
        """Messages not yet committed, by (topic, partition)."""
        async with self._bounded():
            partitions = await self._partitions_of(pattern)
            inspector = self._inspector
            if inspector is None or not partitions:
                return {}
            first, last = await inspector.beginning_offsets(partitions), await inspector.end_offsets(partitions)
            committed = await self._committed(group)
        return {
            (each.topic, each.partition): last[each] - max(first[each], committed.get(each, 0)) for each in partitions
        }

    async def _committed(self, group: str) -> dict[TopicPartition, int]:
        while True:  # a new cluster makes its offsets topic when first asked; the caller's time-out ends this
            try:
                offsets = await self._started.list_consumer_group_offsets(group)
            except (errors.GroupCoordinatorNotAvailableError, errors.NotCoordinatorForGroupError):
                await asyncio.sleep(_RETRY_S)
            else:
                return {partition: stored.offset for partition, stored in offsets.items()}

    async def ping(self) -> None:
        with translated():
            async with asyncio.timeout(_PING_S):
                await self._started.describe_cluster()

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        with translated():
            async with asyncio.timeout(self._timeout_s):
                yield

    @property
    def _started(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            raise LogUnavailableError("the event log is not started")
        return self._admin
