"""Operations as OCEL 2.0 in SQLite (https://www.ocel-standard.org/): what `ocel.py` writes as JSON, as tables.

The file is put together in the folder for temporary files and sent from there. Types are numbered in the names of their
tables: activities may differ in what the names of tables do not, such as capitals.
"""

import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import closing
from typing import Any

from services.analytics.event_logs.errors import NoRoomError
from services.analytics.exports.ocel import ATTRIBUTES, QUALIFIER, attributes_of
from services.analytics.exports.queries import Row, Source
from services.analytics.exports.xes import moment

_PIECE = 256 * 1024
_SCHEMA = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
BEGIN;
CREATE TABLE event_map_type (ocel_type TEXT PRIMARY KEY, ocel_type_map TEXT);
CREATE TABLE object_map_type (ocel_type TEXT PRIMARY KEY, ocel_type_map TEXT);
CREATE TABLE event (ocel_id TEXT PRIMARY KEY, ocel_type TEXT REFERENCES event_map_type (ocel_type));
CREATE TABLE object (ocel_id TEXT PRIMARY KEY, ocel_type TEXT REFERENCES object_map_type (ocel_type));
CREATE TABLE event_object (
  ocel_event_id TEXT REFERENCES event (ocel_id), ocel_object_id TEXT REFERENCES object (ocel_id), ocel_qualifier TEXT,
  PRIMARY KEY (ocel_event_id, ocel_object_id, ocel_qualifier));
CREATE TABLE object_object (
  ocel_source_id TEXT REFERENCES object (ocel_id), ocel_target_id TEXT REFERENCES object (ocel_id), ocel_qualifier TEXT,
  PRIMARY KEY (ocel_source_id, ocel_target_id, ocel_qualifier));
CREATE TABLE object_1 (ocel_id TEXT REFERENCES object (ocel_id), ocel_time TIMESTAMP, ocel_changed_field TEXT);
"""
_TYPES = {"time": "TIMESTAMP"}
_COLUMNS = ", ".join(f'"{name}" {_TYPES.get(kind, "TEXT")}' for name, kind in ATTRIBUTES.items())
_EVENT_TABLE = f"CREATE TABLE event_{{number}} (ocel_id TEXT PRIMARY KEY REFERENCES event (ocel_id), ocel_time TIMESTAMP, {_COLUMNS})"
_EVENT_ROW = "INSERT INTO event_{number} VALUES (?, ?" + ", ?" * len(ATTRIBUTES) + ")"  # noqa: S608 - values are bound
_BEGINNING = "1970-01-01T00:00:00.000000+00:00"  # since when an object is what it is


async def write_ocel_sqlite(source: Source) -> AsyncIterator[bytes]:
    """Yield the file. Raises NoRoomError."""
    with tempfile.NamedTemporaryFile(suffix=".sqlite") as file:
        try:
            with closing(sqlite3.connect(file.name, isolation_level=None)) as database:
                await _fill(database, source)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise NoRoomError from error
            raise
        while piece := file.read(_PIECE):
            yield piece


async def _fill(database: sqlite3.Connection, source: Source) -> None:
    database.executescript(_SCHEMA)
    numbers: dict[str, int] = {}
    async for names in source.activities():
        for name in names:
            numbers[name] = len(numbers) + 1
            database.execute(_EVENT_TABLE.format(number=numbers[name]))
    _add(database, "INSERT INTO event_map_type VALUES (?, ?)", ((name, str(n)) for name, n in numbers.items()))
    _add(database, "INSERT INTO object_map_type VALUES (?, '1')", [(source.process,)])
    async for cases in source.cases():
        _add(database, "INSERT INTO object VALUES (?, ?)", ((case, source.process) for case in cases))
        _add(database, "INSERT INTO object_1 VALUES (?, ?, NULL)", ((case, _BEGINNING) for case in cases))
    async for page in source.items():
        _add(database, "INSERT INTO event VALUES (?, ?)", ((str(row.id), row.activity) for row in page))
        for row in page:
            database.execute(_EVENT_ROW.format(number=numbers[row.activity]), _values(row))
        relations = ((str(row.id), row.case, QUALIFIER) for row in page)
        _add(database, "INSERT INTO event_object VALUES (?, ?, ?)", relations)
    database.execute("COMMIT")


def _add(database: sqlite3.Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
    database.executemany(statement, rows)


def _values(row: Row) -> list[str | None]:
    attributes = attributes_of(row)
    return [str(row.id), moment(row.finished_at), *(attributes[name] or None for name in ATTRIBUTES)]
