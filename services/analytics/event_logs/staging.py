"""The events of one import in a temporary table: sorted by PostgreSQL, so that no log is ever in memory.

The table is its connection's own and goes with it. Statements are short, and no transaction stays open while
a log is read: nothing keeps the server from cleaning up.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import msgspec

from services.analytics.event_logs.raw import RawEvent
from services.analytics.event_logs.told import Told
from shared.db import Database

_PAGE = 2_000

_CREATE = """
CREATE TEMPORARY TABLE staged_event (
  case_id text COLLATE "C" NOT NULL, activity text NOT NULL, transition text NOT NULL, at timestamptz NOT NULL,
  started_at timestamptz, resource text, team text, cost numeric, ordinal bigint NOT NULL, told text
)
"""
_COLUMNS = ("case_id", "activity", "transition", "at", "started_at", "resource", "team", "cost", "ordinal", "told")
_STARTED = "SELECT DISTINCT activity FROM staged_event WHERE transition = 'start' OR started_at IS NOT NULL"
_NEXT = f"""
SELECT {", ".join(_COLUMNS)} FROM staged_event WHERE (case_id, at, ordinal) > ($1, $2, $3)
ORDER BY case_id, at, ordinal LIMIT {_PAGE}
"""  # noqa: S608 - the names are ours
_FIRST = _NEXT.replace("WHERE (case_id, at, ordinal) > ($1, $2, $3)", "")


class Staging:
    """The table of one import."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def add(self, events: Sequence[RawEvent]) -> None:
        await self._connection.copy_records_to_table("staged_event", columns=_COLUMNS, records=map(_record, events))

    async def sort(self) -> None:
        """Prepare for reading; after the last `add`."""
        await self._connection.execute("CREATE INDEX ON staged_event (case_id, at, ordinal)", timeout=None)
        await self._connection.execute("ANALYZE staged_event", timeout=None)

    async def take_turn(self, process: str) -> None:
        """Wait until no other import into a process is under way; the turn goes with the connection."""
        await self._connection.execute("SELECT pg_advisory_lock(hashtextextended($1, 5))", process, timeout=None)

    async def started_activities(self) -> frozenset[str]:
        """Return the activities that have a start anywhere in the log."""
        return frozenset(row["activity"] for row in await self._connection.fetch(_STARTED))

    async def pages(self) -> AsyncIterator[list[RawEvent]]:
        """Yield the events by case, time and place in the file."""
        rows = await self._connection.fetch(_FIRST)
        while rows:
            events = [_event(row) for row in rows]
            yield events
            last = events[-1]
            rows = await self._connection.fetch(_NEXT, last.case, last.at, last.ordinal)


_tellings = msgspec.json.Decoder(Told)


def _record(event: RawEvent) -> tuple[object, ...]:
    return event if event.told is None else (*event[:-1], msgspec.json.encode(event.told).decode())


def _event(row: asyncpg.Record) -> RawEvent:
    told = row["told"]
    return RawEvent._make((*row[:-1], None if told is None else _tellings.decode(told)))


@asynccontextmanager
async def open_staging(database: Database) -> AsyncIterator[Staging]:
    """Open an empty staging table on a connection of its own."""
    async with database.engine.connect() as connection:
        try:
            driver = (await connection.get_raw_connection()).driver_connection
            assert isinstance(driver, asyncpg.Connection)
            await driver.execute("SET statement_timeout = 0; SET temp_buffers = '64MB'")
            await driver.execute(_CREATE)
            yield Staging(driver)
        finally:
            await connection.invalidate()  # the table goes with the connection, whatever state it is in
