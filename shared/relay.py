"""The relay: publishes what the outbox holds, at least once, in commit order per key.

A row is published because it is there, never because its number follows another's: a transaction that commits
late is found late, not skipped. Published rows are deleted in the transaction that read them. One batch holds the
service's advisory lock, so any number of relays may run and one publishes at a time; it is bound to the
transaction, so a relay that dies frees it.
"""

import asyncio
import logging

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared import metrics
from shared.db import Database
from shared.eventlog import EventLog, Message
from shared.notify import listening

BATCH = 1_000
_IDLE_S = 1.0
_FIRST_RETRY_S, _LAST_RETRY_S = 0.2, 5.0
logger = logging.getLogger(__name__)

_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('relay ' || current_schema(), 0))")
_READ = text(
    "SELECT id, aggregatetype, aggregateid, payload::text AS payload, headers FROM outbox ORDER BY sequence LIMIT :batch"
)
_DELETE = text("DELETE FROM outbox WHERE id = ANY(:ids)")
_STATE = text("SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0) FROM outbox")


class Relay:
    """Publishes one service's outbox. `url` is for listening; `database` has the worker role."""

    def __init__(self, service: str, url: str, database: Database, log: EventLog) -> None:
        self._service, self._url, self._database, self._log = service, url, database, log

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop` is set; a broken broker or database delays and loses nothing."""
        retry_s = _FIRST_RETRY_S
        async with listening(self._url, f"outbox_{self._database.schema}") as wake_up:
            while not stop.is_set():
                try:
                    published = await self.publish_batch()
                    retry_s = _FIRST_RETRY_S
                except Exception:  # whatever broke, the rows are still there: say so and try again
                    logger.exception("publishing failed", extra={"service": self._service, "retry_s": retry_s})
                    await _sleep(stop, retry_s)
                    retry_s = min(retry_s * 2, _LAST_RETRY_S)
                    continue
                if not published:
                    await wake_up.wait(_IDLE_S)

    async def publish_batch(self) -> int:
        """Publish up to BATCH events; return how many. 0 also when another relay is publishing."""
        async with self._database.session(None) as session:
            if not (await session.execute(_LOCK)).scalar_one():
                return 0
            rows = (await session.execute(_READ, {"batch": BATCH})).all()
            if rows:
                await self._log.publish(
                    [
                        Message(row.aggregatetype, row.aggregateid, row.payload.encode(), row.headers)
                        for row in rows
                    ]
                )
                await session.execute(_DELETE, {"ids": [row.id for row in rows]})
            await self._measure(session)
            await session.commit()
        metrics.events_published_total.labels(self._service).inc(len(rows))
        return len(rows)

    async def _measure(self, session: AsyncSession) -> None:
        pending, oldest_s = (await session.execute(_STATE)).one()
        metrics.outbox_pending.labels(self._service).set(pending)
        metrics.outbox_oldest_seconds.labels(self._service).set(float(oldest_s))


async def pending(database: Database) -> int:
    """Return how many events wait for a relay. Raises SQLAlchemyError when the database cannot be asked."""
    async with database.session(None) as session:
        return int((await session.execute(text("SELECT count(*) FROM outbox"))).scalar_one())


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass


