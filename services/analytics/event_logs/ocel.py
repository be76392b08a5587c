"""Object-centric logs (OCEL 1.0 and 2.0): what their readers have in common, and how objects become cases.

Definition: https://www.ocel-standard.org/. One type of object gives the cases. An event that is related to several
objects of that type counts once for each of them; one that is related to none has no case.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from services.analytics.event_logs.delimited import USUAL_NAMES, simplify
from services.analytics.event_logs.errors import CaseTypeNeededError, NoRoomError, NotOcelError
from services.analytics.event_logs.raw import Field, Intake, RawEvent, Rejection, show_text
from services.analytics.event_logs.told import NAMES

PAGE = 2_000
MAX_SCRATCH_PAGES = 8 * 1024**3 // 4096
_TYPES_TOLD = 40
_NAME_TOLD = 200
_BY_NAME = {
    simplify(name): field
    for field in (Field.TRANSITION, Field.STARTED, Field.RESOURCE, Field.TEAM, Field.ROLE)
    for name in USUAL_NAMES[field]
} | {name: Field[field] for field, name in NAMES.items()}

_CREATE = """
CREATE TABLE object (id TEXT PRIMARY KEY, type TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE event (n INTEGER PRIMARY KEY, key TEXT, texts BLOB NOT NULL);
CREATE TABLE relation (event INTEGER NOT NULL, object TEXT NOT NULL, PRIMARY KEY (event, object)) WITHOUT ROWID;
BEGIN;
"""
# SQLite takes each event, its relations by their key, and each object by its own: nothing is sorted.
_CASES = """
SELECT event.n, texts, object FROM event LEFT JOIN relation
ON relation.event = event.n AND (SELECT type FROM object WHERE id = relation.object) = ?
ORDER BY event.n, object"""
_TYPES = "SELECT type FROM object GROUP BY type ORDER BY count(*) DESC, type"
_texts = msgspec.json.Decoder(list[str | None])


class Names:
    """Which attribute of an event stands for what; told apart as the columns of a table are."""

    def __init__(self, cost_attribute: str | None) -> None:
        self._cost = cost_attribute

    def __call__(self, name: str) -> Field | None:
        if name == self._cost:
            return Field.COST
        return _BY_NAME.get(simplify(name)) if len(name) <= _NAME_TOLD else None

    def texts(self, activity: Any, stamp: Any, attributes: Iterable[tuple[Any, Any]]) -> list[str | None]:
        """Return the texts of an event, its case still open; of two attributes that mean the same the first counts."""
        texts: list[str | None] = [None] * len(Field)
        texts[Field.ACTIVITY], texts[Field.STAMP] = text_of(activity), text_of(stamp)
        for name, value in attributes:
            field = self(name) if isinstance(name, str) else None
            if field is not None and texts[field] is None:
                texts[field] = text_of(value)
        return texts


def text_of(value: Any) -> str | None:
    """Return a value as a table would hold it; lists, objects and bytes are none."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


class Scratch:
    """Events, objects and relations of one log, in whatever order they come: in a private file that SQLite unlinks.

    Its memory is a cache of some megabytes, whatever the log's size.
    """

    def __init__(self, intake: Intake, case_type: str | None) -> None:
        self._intake, self._case_type = intake, case_type
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        settings = f"journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA max_page_count = {MAX_SCRATCH_PAGES}"
        self._database.executescript(f"PRAGMA {settings}; {_CREATE}")
        self._n = 0

    def close(self) -> None:
        self._database.close()

    def add_objects(self, objects: Iterable[tuple[str, str]]) -> None:
        self._write("INSERT OR IGNORE INTO object VALUES (?, ?)", objects)

    def add_event(self, texts: Sequence[str | None], objects: Iterable[str]) -> None:
        """Add an event that names its objects."""
        self._n += 1
        if not self._readable(texts):
            return
        self._write("INSERT INTO event VALUES (?, NULL, ?)", [(self._n, msgspec.json.encode(texts))])
        relations = [(self._n, each) for each in objects]
        self._write("INSERT OR IGNORE INTO relation VALUES (?, ?)", relations)

    def key_events(self) -> None:
        """Prepare for `add_keyed`, `fill_keyed` and `relate`."""
        self._database.execute("CREATE UNIQUE INDEX event_key ON event (key)")

    def add_keyed(self, key: str, texts: Sequence[str | None]) -> None:
        """Add an event of which more will be said, and whose relations come, by its key; unless it is known."""
        self._n += 1
        row = (self._n, key, msgspec.json.encode(texts))
        self._write("INSERT OR IGNORE INTO event VALUES (?, ?, ?)", [row])

    def fill_keyed(self, key: str, texts: Sequence[str | None]) -> None:
        """Say what an event is; one that was not added comes behind those that were."""
        self._n += 1
        if self._readable(texts):
            row = (self._n, key, msgspec.json.encode(texts))
            self._write(
                "INSERT INTO event VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET texts = excluded.texts", [row]
            )
        else:
            self._write("DELETE FROM event WHERE key = ?", [(key,)])

    def relate(self, relations: Iterable[tuple[str, str]]) -> None:
        """Add relations of events by key and objects."""
        self._write("INSERT OR IGNORE INTO relation SELECT n, ?2 FROM event WHERE key = ?1", relations)

    def _write(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Carry out a statement for every row. Raises NoRoomError."""
        try:
            self._database.executemany(statement, rows)
        except sqlite3.OperationalError as error:  # there is no constraint that a row could break
            raise NoRoomError from error

    def _readable(self, texts: Sequence[str | None]) -> bool:
        """Tell whether PostgreSQL can hold the texts; count the event as rejected if not."""
        joined = "".join(text for text in texts if text)
        if "\0" not in joined and is_text(joined):
            return True
        self._intake.refuse(Rejection.UNREADABLE_TEXT, self._n, ascii(joined))
        return False

    def pages(self) -> Iterator[list[RawEvent]]:
        """Yield the events of every case, in the order of the file. Raises NotOcelError, CaseTypeNeededError."""
        rows = self._database.execute(_CASES, (self._choose_type(),))
        admit = self._intake.admit
        while page := rows.fetchmany(PAGE):
            found = []
            for n, stored, case in page:
                texts = _texts.decode(stored)
                texts[Field.CASE] = case
                if (event := admit(texts, n)) is not None:
                    found.append(event)
            yield found

    def _choose_type(self) -> str:
        types: list[str] = [row[0] for row in self._database.execute(_TYPES)]
        if not types:
            raise NotOcelError(missing="objects")
        if self._case_type is not None and self._case_type in types:
            return self._case_type
        if self._case_type is None and len(types) == 1:
            return types[0]
        told = [show_text(name[:_NAME_TOLD]) for name in types[:_TYPES_TOLD]]
        raise CaseTypeNeededError(object_types=told, found=", ".join(told))


def is_text(text: str) -> bool:
    """Tell whether there is no half of a surrogate pair in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_pairs(attributes: Any) -> Iterator[tuple[Any, Any]]:
    """Yield names and values of OCEL 2.0's list of attributes, or of OCEL 1.0's map."""
    if isinstance(attributes, Mapping):
        yield from attributes.items()
    elif isinstance(attributes, list):
        yield from ((each.get("name"), each.get("value")) for each in attributes if isinstance(each, Mapping))
