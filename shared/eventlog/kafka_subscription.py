"""One member of a Kafka consumer group.

Kafka may take partitions away at any moment. When that happens while the caller handles a batch, the rebalance waits a
little for its commit; what is not committed by then is forgotten here and comes again, to us or to another member.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, OffsetAndMetadata, TopicPartition

from shared.eventlog import LogUnavailableError, Received, beginnings
from shared.eventlog.kafka_connection import end, translated

_NEW_TOPICS_MS = 2_000  # how often the topics are looked at again
_SESSION_MS = 10_000  # a member that is silent for longer is dead
_REBALANCE_MS = 30_000
_GRACE_S = 10.0  # how long a rebalance waits for the batch in hand; well below the rebalance's own limit
_FIRST_BACKOFF_S, _LAST_BACKOFF_S = 0.1, 5.0


class KafkaSubscription(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no type information
    """The port's Subscription. Not for concurrent use: one task polls, handles and commits."""

    def __init__(self, options: Mapping[str, Any], group: str, pattern: str, timeout_s: float) -> None:
        self._options, self._group, self._timeout_s = options, group, timeout_s
        self._pattern = rf"(?:{pattern})\Z"  # aiokafka matches from the start only
        self._consumer: AIOKafkaConsumer | None = None
        self._failures = 0
        self._pending: dict[TopicPartition, tuple[int, int]] = {}  # polled since the last commit: first, next
        self._settled = asyncio.Event()  # nothing is pending
        self._polling = False
        self._lost = False  # pending messages were taken away

    async def poll(self, limit: int, wait: float) -> Sequence[Received]:
        """Return up to `limit` messages, or nothing after `wait` seconds.

        Raises LogUnavailableError when the group cannot be joined; an absent broker later is only silence.
        """
        with translated():
            consumer = await self._joined(wait)
            self._polling = True
            try:
                async with asyncio.timeout(max(wait, 0.001)):  # during a rebalance getmany ignores its own time-out
                    found = await consumer.getmany(timeout_ms=int(wait * 1000), max_records=limit)
            except TimeoutError:
                return []
            except Exception:
                # A consumer that raised may have moved on over messages it never gave us: begin again from the offsets.
                await self._leave()
                raise
            finally:
                self._polling = False
        for partition, records in found.items():
            first, _ = self._pending.get(partition, (records[0].offset, 0))
            self._pending[partition] = (first, records[-1].offset + 1)
        if found:
            self._settled.clear()
        return [received(record) for records in found.values() for record in records]

    async def commit(self, unhandled: Sequence[Received] = ()) -> None:
        """Store the offsets. Raises LogUnavailableError when that failed or partitions were lost; all comes again."""
        if self._lost:
            await self.rewind()
            raise LogUnavailableError("the partitions were lost before the commit")
        if self._consumer is None or not self._pending:
            return
        again = {TopicPartition(*place): offset for place, offset in beginnings(unhandled).items()}
        offsets = {each: OffsetAndMetadata(again.get(each, end), "") for each, (_, end) in self._pending.items()}
        try:
            with translated():
                async with asyncio.timeout(self._timeout_s):
                    # Not consumer.commit(): with a pattern it refuses from the moment a new topic is seen until the
                    # rebalance ends, although the membership, and so the commit, is still good.
                    await self._consumer._coordinator.commit_offsets(None, offsets)  # noqa: SLF001 - see above
        except BaseException:
            await self.rewind()
            raise
        self._pending = {each: (offset, offset) for each, offset in again.items()}
        await self.rewind()

    async def rewind(self) -> None:
        """Make the next poll give again what was polled since the last commit."""
        if self._consumer is not None:
            assigned = self._consumer.assignment()
            for partition, (first, _) in self._pending.items():
                if partition in assigned:  # else its next owner begins at the stored offset
                    self._consumer.seek(partition, first)
        self._forget()

    async def close(self) -> None:
        """Leave the group; what was not committed goes to others."""
        await self._leave()

    async def on_partitions_revoked(self, _revoked: set[TopicPartition]) -> None:
        """Wait for the commit of the batch in hand, if the caller is busy with one."""
        if self._pending and not self._polling:
            try:
                async with asyncio.timeout(_GRACE_S):
                    await self._settled.wait()
            except TimeoutError:
                pass
        if self._pending:
            self._forget()
            self._lost = True

    async def on_partitions_assigned(self, _assigned: set[TopicPartition]) -> None:
        """Nothing to do: reading begins at the stored offsets."""

    def _forget(self) -> None:
        self._pending.clear()
        self._lost = False
        self._settled.set()

    async def _joined(self, wait: float) -> AIOKafkaConsumer:
        if self._consumer is not None:
            return self._consumer
        if self._failures:
            await asyncio.sleep(min(wait, _LAST_BACKOFF_S, _FIRST_BACKOFF_S * 2 ** (self._failures - 1)))
        self._failures += 1
        consumer = AIOKafkaConsumer(
            **self._options,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            metadata_max_age_ms=_NEW_TOPICS_MS,
            session_timeout_ms=_SESSION_MS,
            rebalance_timeout_ms=_REBALANCE_MS,
        )
        try:
            consumer.subscribe(pattern=self._pattern, listener=self)
            async with asyncio.timeout(self._timeout_s):
                await consumer.start()
        except BaseException:
            await end(consumer.stop())
            raise
        self._consumer, self._failures = consumer, 0
        return consumer

    async def _leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._forget()  # first: a rebalance under way must not wait for us
        if consumer is not None:
            await end(consumer.stop())


def received(record: ConsumerRecord) -> Received:
    """Take over a record of any producer: absent keys and values are empty."""
    return Received(
        record.topic,
        record.partition,
        record.offset,
        record.key or b"",
        record.value or b"",
        record.headers,
        max(record.timestamp, 0),
    )
