"""The producer: one batch per partition and publication, all acknowledged before it returns."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2

from shared.eventlog import Message, Position
from shared.eventlog.kafka_connection import end

_BATCH = 512 * 1024  # bytes before compression; a broker takes 1 MiB
_LARGEST_REQUEST = 1_048_576
logger = logging.getLogger(__name__)


class Publisher:
    """Owns the producer, and replaces it after a failure.

    aiokafka sends an idempotent batch again for ever, and the promise of a failed publication (nothing of it is
    written later, out of order) needs an end to that. A new producer also clears what the broker holds against the
    old one, such as a gap in its sequence numbers.
    """

    def __init__(self, options: Mapping[str, Any], timeout_s: float) -> None:
        self._options = {
            **options,
            "acks": "all",
            "enable_idempotence": True,
            "linger_ms": 0,
            "max_batch_size": _BATCH,
            "max_request_size": _LARGEST_REQUEST,
            "request_timeout_ms": int(timeout_s * 1000),
        }
        self._timeout_s = timeout_s
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._abandoned: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        await self._started()

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await end(producer.stop())
        await asyncio.gather(*self._abandoned)

    async def publish(self, messages: Sequence[Message]) -> list[Position]:
        """Send all and wait for every acknowledgement. After any failure the next publication has a new producer."""
        async with asyncio.timeout(self._timeout_s):
            producer = await self._started()
            try:
                return await _publish(producer, messages)
            except BaseException:
                self._abandon(producer)
                raise

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(**self._options)
                try:
                    await producer.start()
                except BaseException:
                    await _discard(producer)
                    raise
                self._producer = producer
            return self._producer

    def _abandon(self, producer: AIOKafkaProducer) -> None:
        if self._producer is producer:
            self._producer = None
            task = asyncio.create_task(_discard(producer))
            self._abandoned.add(task)
            task.add_done_callback(self._abandoned.discard)


async def _publish(producer: AIOKafkaProducer, messages: Sequence[Message]) -> list[Position]:
    counts = {topic: len(await producer.partitions_for(topic)) for topic in {message.topic for message in messages}}
    by_partition: dict[tuple[str, int], list[int]] = {}
    for index, message in enumerate(messages):
        partition = _hash(message.key) % counts[message.topic]
        by_partition.setdefault((message.topic, partition), []).append(index)
    sending = [
        _send(producer, topic, partition, [messages[index] for index in indexes])
        for (topic, partition), indexes in by_partition.items()
    ]
    answers = await asyncio.gather(*sending, return_exceptions=True)
    positions: dict[int, Position] = {}
    for ((topic, partition), indexes), answer in zip(by_partition.items(), answers, strict=True):
        if isinstance(answer, BaseException):
            raise answer
        positions.update(
            (index, Position(topic, partition, offset)) for index, offset in zip(indexes, answer, strict=True)
        )
    return [positions[index] for index in range(len(messages))]


async def _send(producer: AIOKafkaProducer, topic: str, partition: int, messages: Sequence[Message]) -> list[int]:
    """Send to one partition in order and return the offsets."""
    sent: list[asyncio.Future[Any]] = []
    sizes: list[int] = []
    builder = producer.create_batch()
    for message in messages:
        if not _append(builder, message):
            sent.append(await _submit(producer, builder, topic, partition))
            sizes.append(builder.record_count())
            builder = producer.create_batch()
            _append(builder, message)  # an empty batch takes any message
    sent.append(await _submit(producer, builder, topic, partition))
    sizes.append(builder.record_count())
    offsets: list[int] = []
    for size, metadata in zip(sizes, await asyncio.gather(*sent), strict=True):
        offsets.extend(range(metadata.offset, metadata.offset + size))
    return offsets


async def _submit(producer: AIOKafkaProducer, builder: Any, topic: str, partition: int) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = await producer.send_batch(builder, topic, partition=partition)
    future.add_done_callback(_look_at)
    return future


def _look_at(future: asyncio.Future[Any]) -> None:
    """Take the exception, so that a batch whose publication failed for another's sake is not reported once more."""
    if not future.cancelled():
        future.exception()


def _append(builder: Any, message: Message) -> bool:
    headers = [(name, value.encode()) for name, value in message.headers.items()]
    added = builder.append(timestamp=None, key=message.key.encode(), value=message.value, headers=headers)
    return added is not None


@lru_cache(maxsize=65536)
def _hash(key: str) -> int:
    """Return the hash by which Java clients choose partitions, so that a key keeps its partition whoever writes."""
    hashed: int = murmur2(key.encode())
    return hashed & 0x7FFFFFFF


async def _discard(producer: AIOKafkaProducer) -> None:
    """End a producer with what it still holds. Its own stop() would wait until that is delivered, perhaps for ever."""
    sender = producer._sender.sender_task  # noqa: SLF001 - no public way, see above
    if sender is not None:
        sender.cancel()
    await end(producer.client.close())  # requests under way fail, and the sender with them
    if sender is not None:
        await end(asyncio.wait_for(sender, None))
    producer._closed = True  # noqa: SLF001 - else it warns that nobody closed it
