"""An event log in memory, with the faults that a real one shows rarely."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from shared import clock
from shared.eventlog import LogUnavailableError, Message, Position, Received

Hook = Callable[[], Awaitable[None]]


def received(message: Message, offset: int = 0) -> Received:
    """Return what a log gives back of a message."""
    headers = [(name, value.encode()) for name, value in message.headers.items()]
    at = int(clock.now().timestamp() * 1000)
    return Received(message.topic, 0, offset, message.key.encode(), message.value, headers, at)


class MemoryEventLog:
    """One partition per topic. `failures` publications fail; `after_publish` runs between storing and returning."""

    identity = "memory"

    def __init__(self) -> None:
        self.topics: dict[str, list[Received]] = {}
        self.committed: Counter[tuple[str, str]] = Counter()  # (group, topic) -> next offset
        self.failures = 0
        self.publications = 0
        self.failing_commits = 0
        self.after_publish: Hook | None = None

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def ping(self) -> None: ...

    async def ensure_topics(self, topics: Sequence[str]) -> None:
        for topic in topics:
            self.topics.setdefault(topic, [])

    async def publish(self, messages: Sequence[Message]) -> Sequence[Position]:
        self.publications += 1
        if self.failures:
            self.failures -= 1
            raise LogUnavailableError("the broker is away")
        positions = []
        for message in messages:
            stored = self.topics.setdefault(message.topic, [])
            positions.append(Position(message.topic, 0, len(stored)))
            stored.append(received(message, len(stored)))
        if self.after_publish is not None:
            await self.after_publish()
        return positions

    @asynccontextmanager
    async def subscribe(self, group: str, pattern: str) -> AsyncIterator["MemorySubscription"]:
        yield MemorySubscription(self, group, re.compile(pattern))

    @asynccontextmanager
    async def read(
        self, pattern: str, start: Mapping[tuple[str, int], int]
    ) -> AsyncIterator[AsyncIterator[Sequence[Received]]]:
        async def batches() -> AsyncIterator[Sequence[Received]]:
            for topic, stored in list(self.topics.items()):
                if re.fullmatch(pattern, topic):
                    yield stored[start.get((topic, 0), 0) :]

        yield batches()

    async def lag(self, group: str, pattern: str) -> Mapping[tuple[str, int], int]:
        whole = re.compile(pattern)
        return {
            (topic, 0): len(stored) - self.committed[group, topic]
            for topic, stored in self.topics.items()
            if whole.fullmatch(topic)
        }


class MemorySubscription:
    """The group's only member."""

    def __init__(self, log: MemoryEventLog, group: str, pattern: re.Pattern[str]) -> None:
        self._log, self._group, self._pattern = log, group, pattern
        self._polled: Counter[str] = Counter()

    async def poll(self, limit: int, wait: float) -> Sequence[Received]:
        for topic, stored in self._log.topics.items():
            begin = self._log.committed[self._group, topic] + self._polled[topic]
            if self._pattern.fullmatch(topic) and begin < len(stored):
                found = stored[begin : begin + limit]
                self._polled[topic] += len(found)
                return found
        await asyncio.sleep(min(wait, 0.01))
        return []

    async def commit(self, unhandled: Sequence[Received] = ()) -> None:
        if self._log.failing_commits:
            self._log.failing_commits -= 1
            raise LogUnavailableError("the partitions were lost before the commit")
        self._polled.subtract(each.topic for each in unhandled)
        for topic, count in self._polled.items():
            self._log.committed[self._group, topic] += count
        self._polled.clear()

    async def rewind(self) -> None:
        self._polled.clear()
