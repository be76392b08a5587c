"""Reader of OCEL 2.0 as SQLite. The file is somebody else's database, and is treated as hostile.

It is opened read-only and immutable; only ordinary tables are read, each by one plain SELECT of stored columns, so
that no view, trigger, generated column or function of the file is ever carried out, and no index of it decides what
a query costs. The join happens in a database of ours.
"""

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from time import monotonic
from typing import Any
from urllib.parse import quote

from services.analytics.event_logs.errors import DamagedDatabaseError, NoRoomError, NotOcelError, TooLargeLogError
from services.analytics.event_logs.ocel import PAGE, Names, Scratch
from services.analytics.event_logs.raw import ANY_TIME, Intake, RawEvent, Tally
from services.analytics.operations.fields import Plausible

MAGIC = b"SQLite format 3\0"
MAX_BYTES = 1024**3
MAX_VALUE_BYTES = 1024 * 1024
MAX_TABLES = 20_000
MAX_SECONDS = 600.0
_INSTRUCTIONS = 100_000  # of SQLite's machine between two looks at the clock

_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: MAX_VALUE_BYTES,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 1,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ}
_NEEDED = ("event", "object", "event_object", "event_map_type")
_TABLES = f"SELECT name, rootpage FROM sqlite_master WHERE type = 'table' LIMIT {MAX_TABLES}"  # noqa: S608 - ours
_OWN_COLUMNS = {"ocel_id", "ocel_time"}


class OcelSqliteReader:
    """Feed it the file's bytes, then use up `finish`. Raises UnreadableLogError."""

    def __init__(
        self, case_type: str | None = None, cost_attribute: str | None = None, plausible: Plausible = ANY_TIME
    ) -> None:
        self._intake = Intake("event", plausible=plausible)
        self._scratch = Scratch(self._intake, case_type)
        self._names = Names(cost_attribute)
        self._file = tempfile.NamedTemporaryFile(suffix=".sqlite")  # noqa: SIM115 - `close` closes it
        self._size = 0

    @property
    def tally(self) -> Tally:
        return self._intake.tally

    def close(self) -> None:
        self._file.close()
        self._scratch.close()

    def feed(self, chunk: bytes) -> list[RawEvent]:
        self._size += len(chunk)
        if self._size > MAX_BYTES:
            raise TooLargeLogError(limit=MAX_BYTES)
        try:
            self._file.write(chunk)
            self._file.flush()
        except OSError as error:
            raise NoRoomError from error
        return []

    def finish(self) -> Iterator[list[RawEvent]]:
        try:
            with closing(_Upload(self._file.name)) as upload:
                upload.prepare()
                for _ in self._copy(upload):
                    yield []  # so that whoever reads on may see to something else in between
        except (sqlite3.Error, UnicodeDecodeError) as error:  # a message may quote a damaged name
            raise DamagedDatabaseError(reason=str(error)) from error
        yield from self._scratch.pages()

    def _copy(self, upload: "_Upload") -> Iterator[None]:
        if missing := [name for name in _NEEDED if name not in upload.tables]:
            raise NotOcelError(missing=", ".join(missing))
        for page in upload.read("object", ("ocel_id", "ocel_type")):
            self._scratch.add_objects(_texts_only(page))
            yield
        self._scratch.key_events()
        for page in upload.read("event", ("ocel_id", "ocel_type")):  # its order is that of events at the same moment
            for key, kind in _texts_only(page):
                self._scratch.add_keyed(key, self._names.texts(kind, None, ()))
            yield
        unread = set(upload.tables)  # each table is read once, however many types claim it
        for kinds in upload.read("event_map_type", ("ocel_type", "ocel_type_map")):
            for kind, name in _texts_only(kinds):
                if (table := f"event_{name}") in unread:
                    unread.remove(table)
                    yield from self._copy_events(upload, kind, table)
        for page in upload.read("event_object", ("ocel_event_id", "ocel_object_id")):
            self._scratch.relate(_texts_only(page))
            yield

    def _copy_events(self, upload: "_Upload", kind: str, table: str) -> Iterator[None]:
        attributes = [name for name in upload.columns(table) if name not in _OWN_COLUMNS and self._names(name)]
        for page in upload.read(table, ("ocel_id", "ocel_time", *attributes)):
            for key, stamp, *values in page:
                if isinstance(key, str):
                    texts = self._names.texts(kind, stamp, zip(attributes, values, strict=True))
                    self._scratch.fill_keyed(key, texts)
            yield


class _Upload:
    """Somebody's database, open for reading its ordinary tables. Raises sqlite3.Error for whatever is wrong with it."""

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(
            f"file:{quote(path)}?mode=ro&immutable=1", uri=True, isolation_level=None, check_same_thread=False
        )
        self._database.text_factory = lambda value: value.decode(errors="replace")
        for limit, most in _LIMITS.items():
            self._database.setlimit(limit, most)
        ends = monotonic() + MAX_SECONDS
        self._database.set_progress_handler(lambda: monotonic() > ends, _INSTRUCTIONS)
        self.tables: set[str] = set()
        self._columns: dict[str, list[str]] = {}

    def prepare(self) -> None:
        """Refuse what a file could do, and learn which tables it has."""
        for setting in ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON", "mmap_size = 0"):
            self._database.execute(f"PRAGMA {setting}")
        # A virtual table is a table too, but has no page of its own.
        self.tables = {name for name, page in self._database.execute(_TABLES) if page}
        self._columns = {name: self._find_columns(name) for name in self.tables if name.startswith(("event", "object"))}
        self._database.set_authorizer(self._authorize)

    def close(self) -> None:
        self._database.close()

    def columns(self, table: str) -> Sequence[str]:
        return self._columns[table]

    def read(self, table: str, columns: Sequence[str]) -> Iterator[list[Sequence[Any]]]:
        """Yield pages of a table's rows. Raises NotOcelError when it lacks a column."""
        if missing := [name for name in columns if name not in self._columns[table]]:
            raise NotOcelError(missing=f"{table}.{missing[0]}")
        listed = ", ".join(map(_quoted, columns))
        rows = self._database.execute(f"SELECT {listed} FROM {_quoted(table)} NOT INDEXED")  # noqa: S608 - quoted names
        while page := rows.fetchmany(PAGE):
            yield page

    def _find_columns(self, table: str) -> list[str]:
        """Return the columns that are stored: what is generated is computed by the file's own expressions."""
        found = self._database.execute(f"PRAGMA table_xinfo({_quoted(table)})")
        return [name for _, name, _, _, _, _, hidden in found if not hidden]

    def _authorize(self, action: int, table: str | None, *_: str | None) -> int:
        known = action == sqlite3.SQLITE_SELECT or table in self.tables
        return sqlite3.SQLITE_OK if action in _ALLOWED and known else sqlite3.SQLITE_DENY


def _texts_only(page: Sequence[Sequence[Any]]) -> list[tuple[str, str]]:
    return [(one, other) for one, other in page if isinstance(one, str) and isinstance(other, str)]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
