"""The event log in PostgreSQL: durable, in order, and quick enough for one machine.

A publication locks the rows of its partitions while it takes offsets and copies its messages, so a reader never sees
offset n + 1 before n. How a group reads is in `postgres_subscription`.
"""

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import count
from pathlib import Path

import asyncpg
import msgspec

from shared.db import asyncpg_url
from shared.eventlog import (
    LARGEST_MESSAGE,
    LogUnavailableError,
    Message,
    MessageTooLargeError,
    Position,
    Received,
    message_size,
)
from shared.eventlog.postgres_connection import CONNECT_TIMEOUT_S, connection_options, translated
from shared.eventlog.postgres_subscription import LARGEST_POLL, READ, PostgresSubscription, received

ROLE = "trastienda_eventlog"
_LOCK = 0x6C6F67  # "log": one preparation at a time in a database
_PUBLISH_LIMIT_S = 30.0
_CLOSE_S = 5.0
_IDLE_S = 10.0  # seconds that an unused connection is kept: a burst must not cost its memory for long
_DELETE_S = 3600.0
_READ_AT_ONCE = 1_000
_COLUMNS = ("partition_id", "log_offset", "appended_at", "key", "headers", "value")

_IDENTITY = "SELECT id FROM eventlog.identity"
_ENSURE = """
WITH made AS (
  INSERT INTO eventlog.partition (topic, number)
  SELECT topic, number FROM unnest($1::text[]) AS topic, generate_series(0, $2::int - 1) AS number
  WHERE NOT EXISTS (SELECT FROM eventlog.partition present WHERE present.topic = topic.topic)
  ORDER BY topic, number
  ON CONFLICT DO NOTHING RETURNING id
)
SELECT pg_notify('trastienda_eventlog', id::text) FROM made
"""
_PARTITIONS = "SELECT id, topic FROM eventlog.partition WHERE topic = ANY($1::text[]) ORDER BY topic, number"
_ENDS = "SELECT id, topic, number, next_offset FROM eventlog.partition ORDER BY topic, number"
_RESERVE = "SELECT first_offset, appended_at FROM eventlog.reserve($1::int[], $2::int[])"
_LAG = """
SELECT p.topic, p.number, p.next_offset - coalesce(waiting.log_offset, p.next_offset) AS lag
FROM eventlog.partition p
LEFT JOIN eventlog.group_offset g ON g.partition_id = p.id AND g.group_name = $1
LEFT JOIN LATERAL (
  SELECT m.log_offset FROM eventlog.message m
  WHERE m.partition_id = p.id AND m.log_offset >= coalesce(g.next_offset, 0) ORDER BY m.log_offset LIMIT 1
) waiting ON true
ORDER BY p.topic, p.number
"""
_FORGET = "DELETE FROM eventlog.message WHERE position($1::bytea IN headers) > 0"
_TRIM = """
DELETE FROM eventlog.message m
USING (SELECT partition_id, min(next_offset) AS done FROM eventlog.group_offset GROUP BY partition_id) g
WHERE m.partition_id = g.partition_id AND m.log_offset < g.done AND m.appended_at < $1
"""


async def prepare(admin_url: str) -> None:
    """Create the role and the schema `eventlog` where missing. Safe to run again, and from two places at once."""
    with translated():
        connection = await asyncpg.connect(asyncpg_url(admin_url), timeout=CONNECT_TIMEOUT_S)
        try:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
                await connection.execute(Path(__file__).with_name("schema.sql").read_text(encoding="utf-8"))
        finally:
            await connection.close()


class PostgresEventLog:
    """The port `EventLog` on a database that `prepare` has seen. New topics get `partitions` partitions.

    `lease_s`: a member that holds its partitions for longer without committing loses them.
    """

    def __init__(self, url: str, *, role: str | None = None, partitions: int = 4, lease_s: float = 300.0) -> None:
        self._url, self._role, self._partitions, self._lease_s = asyncpg_url(url), role, partitions, lease_s
        self._pool: asyncpg.Pool | None = None
        self._identity: str | None = None
        self._ids: dict[str, list[int]] = {}  # topic -> ids of its partitions; neither ever changes

    @property
    def identity(self) -> str:
        if self._identity is None:
            raise LogUnavailableError("the event log is not started")
        return self._identity

    async def start(self) -> None:
        """Connect. Raises LogUnavailableError also when `prepare` has not run."""
        options = connection_options(self._role, idle_in_transaction_s=_PUBLISH_LIMIT_S)
        with translated():
            try:
                pool = await asyncpg.create_pool(
                    self._url, min_size=0, max_size=4, max_inactive_connection_lifetime=_IDLE_S, **options
                )
                self._pool = pool
                self._identity = f"postgresql:{await pool.fetchval(_IDENTITY)}"
            except (asyncpg.UndefinedTableError, asyncpg.InvalidParameterValueError) as error:
                await self.close()
                raise LogUnavailableError(f"the event log is not prepared in this database: {error}") from error

    async def close(self) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            try:
                async with asyncio.timeout(_CLOSE_S):
                    await pool.close()
            except TimeoutError:
                pool.terminate()

    async def ensure_topics(self, topics: Sequence[str]) -> None:
        """Create the topics that are missing."""
        with translated():
            await self._started.execute(_ENSURE, sorted(set(topics)), self._partitions)

    async def publish(self, messages: Sequence[Message]) -> Sequence[Position]:
        """Append all or nothing; missing topics are created.

        Raises LogUnavailableError (the messages may be stored or not: publish again) and MessageTooLargeError.
        """
        for message in messages:
            if message_size(message) > LARGEST_MESSAGE:
                raise MessageTooLargeError(message)
        if not messages:
            return []
        with translated():
            await self._learn({message.topic for message in messages})
            async with self._started.acquire() as connection, connection.transaction():
                return await self._append(connection, messages)

    async def _append(
        self, connection: asyncpg.pool.PoolConnectionProxy, messages: Sequence[Message]
    ) -> list[Position]:
        numbers = [zlib.crc32(message.key.encode()) % len(self._ids[message.topic]) for message in messages]
        ids = [self._ids[message.topic][number] for message, number in zip(messages, numbers, strict=True)]
        counts: dict[int, int] = dict.fromkeys(sorted(set(ids)), 0)
        for each in ids:
            counts[each] += 1
        rows = await connection.fetch(_RESERVE, list(counts), list(counts.values()))
        times: dict[int, datetime] = {each: row["appended_at"] for each, row in zip(counts, rows, strict=True)}
        offsets = {each: count(row["first_offset"]) for each, row in zip(counts, rows, strict=True)}
        positions = [
            Position(message.topic, number, next(offsets[each]))
            for message, number, each in zip(messages, numbers, ids, strict=True)
        ]
        encode = msgspec.json.encode
        records = (
            (each, position.offset, times[each], message.key.encode(), encode(dict(message.headers)), message.value)
            for message, each, position in zip(messages, ids, positions, strict=True)
        )
        await connection.copy_records_to_table("message", schema_name="eventlog", columns=_COLUMNS, records=records)
        return positions

    async def _learn(self, topics: set[str]) -> None:
        unknown = topics - self._ids.keys()
        if not unknown:
            return
        await self.ensure_topics(list(unknown))
        found: dict[str, list[int]] = {}
        for row in await self._started.fetch(_PARTITIONS, list(unknown)):
            found.setdefault(row["topic"], []).append(row["id"])
        self._ids.update(found)

    @asynccontextmanager
    async def subscribe(self, group: str, pattern: str) -> AsyncIterator[PostgresSubscription]:
        """Join a group. The connection is made by the first poll, so an absent server is an error there, not here."""
        options = connection_options(self._role, idle_in_transaction_s=self._lease_s)
        subscription = PostgresSubscription(lambda: asyncpg.connect(self._url, **options), group, pattern)
        try:
            yield subscription
        finally:
            await subscription.close()

    @asynccontextmanager
    async def read(
        self, pattern: str, start: Mapping[tuple[str, int], int]
    ) -> AsyncIterator[AsyncIterator[Sequence[Received]]]:
        """Give what matching topics hold, partition by partition, outside of any group."""
        whole = re.compile(pattern)
        with translated():
            partitions = await self._started.fetch(_ENDS)
        yield self._read([each for each in partitions if whole.fullmatch(each["topic"])], start)

    async def _read(
        self, partitions: Sequence[asyncpg.Record], start: Mapping[tuple[str, int], int]
    ) -> AsyncIterator[Sequence[Received]]:
        for number, topic, partition, end in partitions:
            position = start.get((topic, partition), 0)
            while position < end:
                share = min(_READ_AT_ONCE, end - position)
                with translated():
                    rows = await self._started.fetch(READ, [number], [position], [share], LARGEST_POLL)
                found = [received(row, topic, partition) for row in rows if row["log_offset"] < end]
                if not found:  # the rest was deleted
                    break
                yield found
                position = found[-1].offset + 1

    async def lag(self, group: str, pattern: str) -> Mapping[tuple[str, int], int]:
        """Messages not yet committed, by (topic, partition); forgotten ones between them may be counted."""
        whole = re.compile(pattern)
        with translated():
            rows = await self._started.fetch(_LAG, group)
        return {(row["topic"], row["number"]): row["lag"] for row in rows if whole.fullmatch(row["topic"])}

    async def ping(self) -> None:
        with translated():
            await self._started.fetchval("SELECT 1", timeout=5)

    async def forget(self, header: str, value: str) -> int:
        """Delete every message with this header value, and return how many; readers step over the gaps."""
        if not re.fullmatch(r"\w+", header, re.ASCII):
            raise ValueError(f"{header!r} is no header name of ours")
        # Exact, although it only looks for bytes: within a JSON string every quote is escaped, and a quote that ends
        # one is followed by a colon, comma or brace, never by a letter.
        pair = msgspec.json.encode(header) + b":" + msgspec.json.encode(value)
        with translated():
            return _affected(await self._started.execute(_FORGET, pair, timeout=_DELETE_S))

    async def trim(self, older_than: datetime) -> int:
        """Delete messages appended before `older_than` that every group has committed, and return how many.

        A topic that no group reads keeps everything; so does one that a group, once joined, never reads on.
        """
        with translated():
            return _affected(await self._started.execute(_TRIM, older_than, timeout=_DELETE_S))

    @property
    def _started(self) -> asyncpg.Pool:
        if self._pool is None:
            raise LogUnavailableError("the event log is not started")
        return self._pool


def _affected(tag: str) -> int:
    return int(tag.rsplit(" ", 1)[1])
