"""One member of a consumer group in PostgreSQL.

Polling locks rows of the group's offsets (SKIP LOCKED) in a transaction that stays open until commit or rewind. So two
members never read one partition at a time, and one that dies frees its partitions with its connection: there is no
rebalancing. Notifications only shorten the wait; what they miss the next look finds.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncpg
import msgspec

from shared.eventlog import LogUnavailableError, Received, beginnings
from shared.eventlog.postgres_connection import CHANNEL, translated

_LOOK_AGAIN_S = 0.5  # after a missed notification, or a member that died
_DISCOVER_AGAIN_S = 5.0
_FIRST_BACKOFF_S, _LAST_BACKOFF_S = 0.1, 5.0
LARGEST_POLL = 16 * 1024 * 1024  # bytes of values; a poll returns less than asked when they are large

_DISCOVER = "SELECT id, topic, number FROM eventlog.partition"
_JOIN = """
INSERT INTO eventlog.group_offset (group_name, partition_id)
SELECT $1, id FROM unnest($2::int[]) AS id ORDER BY id ON CONFLICT DO NOTHING
"""
_LEASE = """
SELECT g.partition_id, g.next_offset, p.next_offset AS end_offset
FROM eventlog.group_offset g JOIN eventlog.partition p ON p.id = g.partition_id
WHERE g.group_name = $1 AND g.partition_id = ANY($2::int[]) AND g.next_offset < p.next_offset
ORDER BY g.served_at, g.partition_id LIMIT $3
FOR UPDATE OF g SKIP LOCKED
"""
_ENDS = "SELECT id, next_offset FROM eventlog.partition WHERE id = ANY($1::int[])"
READ = """
SELECT partition_id, log_offset, key, value, headers, appended_at, bytes FROM (
  SELECT m.*, want.turn, sum(octet_length(m.value)) OVER (ORDER BY want.turn, m.log_offset) AS bytes
  FROM unnest($1::int[], $2::bigint[], $3::int[]) WITH ORDINALITY AS want (id, position, share, turn)
  CROSS JOIN LATERAL (
    SELECT * FROM eventlog.message
    WHERE partition_id = want.id AND log_offset >= want.position ORDER BY log_offset LIMIT want.share
  ) m
) sized
WHERE bytes - octet_length(value) < $4 ORDER BY turn, log_offset
"""
_STORE = """
UPDATE eventlog.group_offset g SET next_offset = done.next_offset, served_at = clock_timestamp()
FROM unnest($2::int[], $3::bigint[]) AS done (id, next_offset)
WHERE g.group_name = $1 AND g.partition_id = done.id
"""


@dataclass(slots=True)
class _Lease:
    """A partition whose lock we hold: what to read next, and the end as last seen."""

    position: int
    end: int


class PostgresSubscription:
    """The port's Subscription. Not for concurrent use: one task polls, handles and commits."""

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], group: str, pattern: str) -> None:
        self._connect, self._group, self._pattern = connect, group, re.compile(pattern)
        self._connection: asyncpg.Connection | None = None
        self._failures = 0
        self._wake = asyncio.Event()
        self._known: dict[int, tuple[str, int]] = {}
        self._mine: list[int] = []
        self._discover_at = 0.0
        self._leases: dict[int, _Lease] = {}
        self._returned = False  # messages were returned since the last commit or rewind
        self._lost = False  # and their lease ended without either

    async def poll(self, limit: int, wait: float) -> Sequence[Received]:
        """Return up to `limit` messages, or nothing after `wait` seconds.

        Raises LogUnavailableError when the server is away; what was not committed comes again after that.
        """
        deadline = time.monotonic() + wait
        with translated():
            while True:
                connection = await self._connected(wait)
                self._wake.clear()
                messages = await self._attempt(connection, limit)
                left = deadline - time.monotonic()
                if messages or left <= 0:
                    return messages
                await self._sleep(min(left, _LOOK_AGAIN_S))

    async def commit(self, unhandled: Sequence[Received] = ()) -> None:
        """Store the offsets. Raises LogUnavailableError when that failed or the lease was lost; all comes again."""
        if self._lost:
            self._lost = False
            raise LogUnavailableError("the partitions were lost before the commit")
        if self._connection is None or not self._leases:
            return
        with translated():
            again = beginnings(unhandled)
            for partition, lease in self._leases.items():
                lease.position = again.get(self._known[partition], lease.position)
            try:
                await self._store(self._connection)
            except BaseException:
                self._drop()
                self._lost = False
                raise
        self._returned = False

    async def rewind(self) -> None:
        """Give the partitions back as they were. Never fails: a lost connection has the same effect."""
        self._lost = self._returned = False
        if self._connection is None or not self._leases:
            return
        self._leases.clear()
        try:
            with translated():
                await self._connection.execute("ROLLBACK")
        except LogUnavailableError:
            self._drop()
        except BaseException:
            self._drop()
            raise

    async def close(self) -> None:
        """Leave the group; what was not committed is free for others."""
        connection, self._connection = self._connection, None
        self._leases.clear()
        if connection is not None:
            try:
                with translated():
                    await connection.close(timeout=2)
            except LogUnavailableError:
                connection.terminate()

    async def _connected(self, wait: float) -> asyncpg.Connection:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        if self._connection is not None:
            self._drop()
            self._lost = False
            raise LogUnavailableError("the connection to the event log's PostgreSQL was lost")
        if self._failures:
            await asyncio.sleep(min(wait, _LAST_BACKOFF_S, _FIRST_BACKOFF_S * 2 ** (self._failures - 1)))
        self._failures += 1
        connection = await self._connect()
        try:
            await connection.add_listener(CHANNEL, self._notified)
            connection.add_termination_listener(lambda _: self._wake.set())
        except BaseException:
            connection.terminate()
            raise
        self._connection, self._failures, self._discover_at = connection, 0, 0.0
        return connection

    def _drop(self) -> None:
        """Give up the connection, and with it the leases: the server rolls back."""
        self._lost, self._returned = self._lost or self._returned, False
        self._leases.clear()
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.terminate()

    def _notified(self, _connection: object, _pid: int, _channel: str, payload: str) -> None:
        partition = int(payload)
        if partition not in self._known:
            self._discover_at = 0.0
            self._wake.set()
        elif self._pattern.fullmatch(self._known[partition][0]):
            self._wake.set()

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _attempt(self, connection: asyncpg.Connection, limit: int) -> list[Received]:
        """Read once. Whatever interrupts it, positions never get ahead of what the caller was given."""
        try:
            if not self._leases:
                await self._discover(connection)
                await connection.execute("BEGIN")
            messages = await self._read(connection, limit)
            if not messages and not self._returned:
                await self._settle(connection)
        except asyncio.CancelledError:
            self._drop()
            raise
        except BaseException:
            self._drop()
            self._lost = False  # this very error tells the caller
            raise
        self._returned = self._returned or bool(messages)
        return messages

    async def _settle(self, connection: asyncpg.Connection) -> None:
        """End a transaction that found nothing; offsets move over messages that were deleted."""
        if self._leases:
            self._wake.set()  # behind the gap there may be more
            await self._store(connection)
        else:
            await connection.execute("ROLLBACK")

    async def _discover(self, connection: asyncpg.Connection) -> None:
        if time.monotonic() < self._discover_at:
            return
        self._discover_at = time.monotonic() + _DISCOVER_AGAIN_S
        rows = await connection.fetch(_DISCOVER)
        new = [row["id"] for row in rows if row["id"] not in self._known and self._pattern.fullmatch(row["topic"])]
        if new:
            await connection.execute(_JOIN, self._group, new)
        self._known.update({row["id"]: (row["topic"], row["number"]) for row in rows})
        self._mine += new

    async def _read(self, connection: asyncpg.Connection, limit: int) -> list[Received]:
        await self._lease(connection, limit)
        turns, left = [], limit
        for partition, lease in self._leases.items():
            share = min(left, lease.end - lease.position)
            if share > 0:
                turns.append((partition, lease.position, share))
                left -= share
        if not turns:
            return []
        ids, positions, shares = zip(*turns, strict=True)
        rows = await connection.fetch(READ, ids, positions, shares, LARGEST_POLL)
        cut_short = bool(rows) and rows[-1]["bytes"] >= LARGEST_POLL
        self._advance(rows, dict(zip(ids, shares, strict=True)), cut_short=cut_short)
        return [received(row, *self._known[row["partition_id"]]) for row in rows]

    async def _lease(self, connection: asyncpg.Connection, limit: int) -> None:
        """Lease partitions, longest unserved first, until `limit` messages are at hand; no more, others want some."""
        if self._leases:
            for row in await connection.fetch(_ENDS, list(self._leases)):
                self._leases[row["id"]].end = row["next_offset"]
        ask = 1
        while sum(lease.end - lease.position for lease in self._leases.values()) < limit:
            free = [partition for partition in self._mine if partition not in self._leases]
            rows = await connection.fetch(_LEASE, self._group, free, ask)
            for row in rows:
                self._leases[row["partition_id"]] = _Lease(row["next_offset"], row["end_offset"])
            if len(rows) < ask:
                return
            ask *= 2

    def _advance(self, rows: Sequence[asyncpg.Record], shares: dict[int, int], *, cut_short: bool) -> None:
        got = dict.fromkeys(shares, 0)
        for row in rows:
            got[row["partition_id"]] += 1
            self._leases[row["partition_id"]].position = row["log_offset"] + 1
        for partition, share in shares.items():
            if got[partition] < share and not cut_short:  # up to the end some were deleted: step over
                lease = self._leases[partition]
                lease.position = max(lease.position, lease.end)

    async def _store(self, connection: asyncpg.Connection) -> None:
        positions = [lease.position for lease in self._leases.values()]
        await connection.execute(_STORE, self._group, list(self._leases), positions)
        await connection.execute("COMMIT")
        self._leases.clear()


def received(row: asyncpg.Record, topic: str, number: int) -> Received:
    """Translate a row of READ."""
    headers = msgspec.json.decode(row["headers"], type=dict[str, str])
    pairs = [(name, text.encode()) for name, text in headers.items()]
    at = int(row["appended_at"].timestamp() * 1000)
    return Received(topic, number, row["log_offset"], row["key"], row["value"], pairs, at)
