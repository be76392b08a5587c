"""The relay: publishes what the outbox holds, at least once, in commit order per key.

A row is published because it is there, never because its number follows another's: a transaction that commits
late is found late, not skipped. Published rows are deleted in the transaction that read them. One batch holds the
service's advisory lock, so any number of relays may run and one publishes at a time; it is bound to the
transaction, so a relay that dies frees it.
"""

import asyncio
import logging
from time import monotonic

from sqlalchemy import text

from shared import metrics
from shared.db import Database
from shared.eventlog import EventLog, Message
from shared.notify import listening, pause

BATCH = 1_000
_BATCH_BYTES = 8 * 1024 * 1024
_IDLE_S = 1.0
_MEASURE_S = 1.0
_FIRST_RETRY_S, _LAST_RETRY_S = 0.2, 5.0
logger = logging.getLogger(__name__)

_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('relay ' || current_schema(), 0))")
_READ = text(
    "SELECT sequence, aggregatetype, aggregateid, payload, headers FROM ("
    "SELECT sequence, aggregatetype, aggregateid, payload::text AS payload, headers, "
    "sum(octet_length(payload::text)) OVER (ORDER BY sequence) AS bytes "
    "FROM (SELECT * FROM outbox ORDER BY sequence LIMIT :batch) AS oldest) AS sized "
    "WHERE bytes - octet_length(payload) < :bytes ORDER BY sequence"
)
_DELETE = text("DELETE FROM outbox WHERE sequence = ANY(:sequences)")
_STATE = text("SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0) FROM outbox")


class Relay:
    """Publishes one service's outbox. `url` is for listening; `database` has the worker role."""

    def __init__(self, service: str, url: str, database: Database, log: EventLog) -> None:
        self._service, self._url, self._database, self._log = service, url, database, log
        self._measured_at = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop` is set; a broken broker or database delays and loses nothing."""
        retry_s = _FIRST_RETRY_S
        async with listening(self._url, f"outbox_{self._database.schema}") as wake_up:
            while not stop.is_set():
                try:
                    if monotonic() - self._measured_at >= _MEASURE_S:
                        await self.measure()
                    published = await self.publish_batch()
                    retry_s = _FIRST_RETRY_S
                except Exception:  # whatever broke, the rows are still there: say so and try again
                    logger.exception("publishing failed", extra={"service": self._service, "retry_s": retry_s})
                    await pause(stop, retry_s)
                    retry_s = min(retry_s * 2, _LAST_RETRY_S)
                    continue
                if not published:
                    await wake_up.wait(_IDLE_S)

    async def publish_batch(self) -> int:
        """Publish up to BATCH events, less when they are large; return how many. 0 also while another relay does."""
        async with self._database.session(None) as session:
            if not (await session.execute(_LOCK)).scalar_one():
                return 0
            rows = (await session.execute(_READ, {"batch": BATCH, "bytes": _BATCH_BYTES})).all()
            if rows:
                await self._log.publish(
                    [Message(row.aggregatetype, row.aggregateid, row.payload.encode(), row.headers) for row in rows]
                )
                await session.execute(_DELETE, {"sequences": [row.sequence for row in rows]})
            await session.commit()
        metrics.events_published_total.labels(self._service).inc(len(rows))
        return len(rows)

    async def measure(self) -> None:
        """Export how much waits and for how long; apart from publishing, so that a broken broker does not hide it."""
        self._measured_at = monotonic()
        async with self._database.session(None) as session:
            pending, oldest_s = (await session.execute(_STATE)).one()
        metrics.outbox_pending.labels(self._service).set(pending)
        metrics.outbox_oldest_seconds.labels(self._service).set(float(oldest_s))
