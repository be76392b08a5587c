"""The event log: durable topics of partitions, read by consumer groups.

Two adapters implement the port with the same promises (one contract test suite runs on both):

* `publish` returns when the messages survive a crash of this process; messages of one key keep their order.
* Every group sees every message at least once; what was polled and not committed comes again.
* One partition is read by one member of a group at a time.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import msgspec

# Bytes of key, value and headers together: what a Kafka broker takes unless it is told otherwise, less its overhead.
LARGEST_MESSAGE = 1_000_000


@dataclass(frozen=True, slots=True)
class Message:
    """Something to append. `key` decides the partition; header values are text."""

    topic: str
    key: str
    value: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a message ended up; offsets grow by one within (topic, partition)."""

    topic: str
    partition: int
    offset: int


class Received(msgspec.Struct, frozen=True, gc=False):
    """A message as read back. `value` may be anything: the log does not look inside.

    Key and headers are kept as they came: to translate them, whoever looks, took a fifth of reading an event.
    Absent ones are empty, bytes that are no text are replaced.
    """

    topic: str
    partition: int
    offset: int
    raw_key: bytes
    value: bytes
    raw_headers: Sequence[tuple[str, bytes | None]]
    appended_ms: int  # since 1970

    @property
    def key(self) -> str:
        return self.raw_key.decode(errors="replace")

    @property
    def headers(self) -> Mapping[str, str]:
        return {name: (value or b"").decode(errors="replace") for name, value in self.raw_headers}

    @property
    def appended_at(self) -> datetime:
        return datetime.fromtimestamp(self.appended_ms / 1000, UTC)


class Subscription(Protocol):
    """One member of a consumer group."""

    async def poll(self, limit: int, wait: float) -> Sequence[Received]:
        """Return up to `limit` messages in order within each partition, or nothing after `wait` seconds."""

    async def commit(self, unhandled: Sequence[Received] = ()) -> None:
        """Store that everything polled so far is handled but `unhandled`, the last of it, which comes again."""

    async def rewind(self) -> None:
        """Forget what was polled since the last commit; the next poll gives it again. Never fails."""


class EventLog(Protocol):
    """The port. `identity` names this very log, so that stored offsets are not taken for another's."""

    @property
    def identity(self) -> str: ...

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def ensure_topics(self, topics: Sequence[str]) -> None:
        """Create the topics that are missing; the present ones stay as they are."""

    async def publish(self, messages: Sequence[Message]) -> Sequence[Position]:
        """Append all messages durably and return their positions in the same order."""

    def subscribe(self, group: str, pattern: str) -> AbstractAsyncContextManager[Subscription]:
        """Join `group` on every topic whose whole name matches the regular expression `pattern`, new ones included."""

    def read(
        self, pattern: str, start: Mapping[tuple[str, int], int]
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[Received]]]:
        """Give what matching topics hold when it begins, from `start` or the beginning on, by (topic, partition).

        It is read outside of any group: nothing is stored, and nobody is held up.
        """

    async def lag(self, group: str, pattern: str) -> Mapping[tuple[str, int], int]:
        """Messages not yet committed by `group`, by (topic, partition)."""

    async def ping(self) -> None:
        """Raise when the log cannot be reached."""


def beginnings(messages: Sequence[Received]) -> dict[tuple[str, int], int]:
    """Return the first offset among `messages` of each (topic, partition)."""
    return {(each.topic, each.partition): each.offset for each in reversed(messages)}


class LogUnavailableError(Exception):
    """The log cannot be reached now; what was not acknowledged may be tried again."""


class MessageTooLargeError(ValueError):
    """A message that no log takes, however often it is tried. Its text names the message, not its content."""

    def __init__(self, message: Message) -> None:
        size = message_size(message)
        super().__init__(
            f"a message of {size} bytes for {message.topic} (key {message.key!r}): {LARGEST_MESSAGE} at most"
        )


def message_size(message: Message) -> int:
    """Return the bytes that count: key, value and headers."""
    headers = sum(len(name.encode()) + len(value.encode()) for name, value in message.headers.items())
    return len(message.key.encode()) + len(message.value) + headers
