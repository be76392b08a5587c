"""Incremental reader of tables (RFC 4180 and what spreadsheets make of it): bytes in, raw events out, a row each."""

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from services.analytics.cells import bare
from services.analytics.event_logs.errors import (
    EmptyLogError,
    MissingColumnError,
    TooLongError,
    TooManyColumnsError,
    TruncatedLogError,
    UnknownFormatError,
)
from services.analytics.event_logs.raw import ANY_TIME, Field, Intake, RawEvent, Rejection, Remark, Tally, show_text
from services.analytics.event_logs.told import NAMES
from services.analytics.operations.fields import Plausible

MAX_ROW_BYTES = 1024 * 1024
MAX_COLUMNS = 1_000
DELIMITERS = ",;\t|"

USUAL_NAMES: dict[Field, tuple[str, ...]] = {
    Field.CASE: ("case:concept:name", "case_id", "caseid", "case"),
    Field.ACTIVITY: ("concept:name", "activity", "activity_name"),
    Field.TRANSITION: ("lifecycle:transition", "lifecycle", "transition"),
    Field.STAMP: ("time:timestamp", "timestamp", "complete_timestamp", "end_timestamp", "complete_time", "end_time"),
    Field.STARTED: ("start_timestamp", "start_time"),
    Field.RESOURCE: ("org:resource", "resource"),
    Field.TEAM: ("org:group", "team", "group"),
    Field.ROLE: ("org:role", "role"),
    Field.COST: (),
}
_OURS = {Field[field]: name for field, name in NAMES.items()}
_REQUIRED = {Field.CASE: "case", Field.ACTIVITY: "activity", Field.STAMP: "timestamp"}
_SEPARATOR_LINE = re.compile(r"sep=([^\r\n\"])\s*", re.IGNORECASE)  # what spreadsheets put before the header
_COLUMNS_TOLD = 40
_NAME_TOLD = 200


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a table are called; None lets the usual names be tried."""

    case: str | None = None
    activity: str | None = None
    transition: str | None = None
    stamp: str | None = None
    started: str | None = None
    resource: str | None = None
    team: str | None = None
    cost: str | None = None

    def given(self) -> dict[Field, str]:
        """Return the names that were given, by what their columns hold."""
        names = {Field[item.name.upper()]: getattr(self, item.name) for item in fields(self)}
        return {field: name for field, name in names.items() if name is not None}


class CsvReader:
    """Feed it the file's bytes in pieces of any size, then call `finish`; both return the events found.

    The delimiter is the one that makes sense of the header. Text is UTF-8, or UTF-16 with its mark; a line
    that is no UTF-8 is read as Windows-1252 and counted. A row is one event; with a start column it is an
    operation with both stamps. `stamp_pattern` is a strptime format. Raises UnreadableLogError when the file
    as a whole cannot be read.
    """

    def __init__(
        self, columns: Columns | None = None, stamp_pattern: str | None = None, plausible: Plausible = ANY_TIME
    ) -> None:
        self._columns = columns or Columns()
        self._intake = Intake("line", stamp_pattern, plausible)
        self._recoder: codecs.IncrementalDecoder | None = None
        self._begun = False
        self._rest = b""
        self._line = 0
        self._pending: list[str] = []  # lines of a row whose quoted field is still open
        self._pending_bytes = 0
        self._delimiter: str | None = None
        self._order: list[int] = []
        self._width = 0
        self._is_ours = False

    @property
    def tally(self) -> Tally:
        return self._intake.tally

    def feed(self, chunk: bytes) -> list[RawEvent]:
        lines = (self._rest + self._recode(chunk, final=False)).splitlines(keepends=True)
        # The last line waits until its end is seen; a bare CR may be half of a CRLF.
        self._rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        found = self._read(lines)
        if len(self._rest) > MAX_ROW_BYTES:
            raise TooLongError(limit=MAX_ROW_BYTES, line=self._line + 1)
        return found

    def finish(self) -> list[RawEvent]:
        found = self._read((self._rest + self._recode(b"", final=True)).splitlines(keepends=True))
        if self._pending:
            raise TruncatedLogError(line=self._line)
        if not self._order:
            raise EmptyLogError
        return found

    def _recode(self, chunk: bytes, *, final: bool) -> bytes:
        """Turn UTF-16 into UTF-8, leave everything else as it is."""
        if chunk and not self._begun:
            self._begun = True
            if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                self._recoder = codecs.getincrementaldecoder("utf-16")()
        if self._recoder is None:
            return chunk
        try:
            return self._recoder.decode(chunk, final).encode()
        except UnicodeError as error:
            if final:
                raise TruncatedLogError(line=self._line + 1) from error
            raise UnknownFormatError(found="damaged UTF-16") from error

    def _read(self, lines: Sequence[bytes]) -> list[RawEvent]:
        found = []
        for number, text in self._join_rows(lines):
            if not self._order:
                self._read_header(text)
            elif (event := self._read_row(text, number)) is not None:
                found.append(event)
        return found

    def _join_rows(self, lines: Sequence[bytes]) -> Iterator[tuple[int, str]]:
        """Yield each row with the number of its first line; a quoted field may hold ends of lines."""
        for raw in lines:
            self._line += 1
            line = self._decode(raw)
            if not self._pending and '"' not in line:
                yield self._line, line
                continue
            is_open = _stays_open(line, self._delimiter, inside=bool(self._pending))
            self._pending.append(line)
            self._pending_bytes += len(raw)
            if self._pending_bytes > MAX_ROW_BYTES:
                raise TooLongError(limit=MAX_ROW_BYTES, line=self._line + 1 - len(self._pending))
            if not is_open:
                row, self._pending, self._pending_bytes = self._pending, [], 0
                yield self._line + 1 - len(row), "".join(row)

    def _decode(self, line: bytes) -> str:
        try:
            return line.decode("utf-8-sig" if self._line == 1 else "utf-8")
        except UnicodeDecodeError:
            text = line.decode("cp1252", errors="replace")
            self.tally.remark(Remark.NOT_UTF8, f"line {self._line}", text.strip())
            return text

    def _read_header(self, text: str) -> None:
        if not text.strip():
            return
        if separator := _SEPARATOR_LINE.fullmatch(text):
            self._delimiter = separator[1]
            return
        candidates = self._delimiter or DELIMITERS
        names = {delimiter: self._split_header(text, delimiter) for delimiter in candidates}
        self._delimiter = max(candidates, key=lambda each: (len(self._locate(names[each])), len(names[each])))
        columns = [show_text(name.strip()) for name in names[self._delimiter]]
        places = self._locate(columns)
        wanted = {*_REQUIRED, *self._columns.given()}
        if missing := sorted(wanted - places.keys()):
            needed = ", ".join({**_REQUIRED, **self._columns.given()}[field] for field in missing)
            told = [name[:_NAME_TOLD] for name in columns[:_COLUMNS_TOLD]]
            raise MissingColumnError(needed=needed, columns=told, found=", ".join(told))
        self._width = len(columns)
        self._is_ours = not _OURS.keys().isdisjoint(places)
        order = [places.get(field, self._width) for field in Field]
        self._order = order if self._is_ours else order[: Field.INSTANCE]

    def _split_header(self, text: str, delimiter: str) -> list[str]:
        """Return the names. Raises TooLongError and TooManyColumnsError before anything is done with each of them."""
        try:
            names = _split(text, delimiter)
        except csv.Error as error:  # a field above the csv module's limit
            raise TooLongError(limit=csv.field_size_limit(), line=self._line) from error
        if len(names) > MAX_COLUMNS:
            raise TooManyColumnsError(limit=MAX_COLUMNS)
        return names

    def _locate(self, columns: Sequence[str]) -> dict[Field, int]:
        """Return where each field stands; the first column wins where a name comes twice."""
        keys: dict[str, int] = {}
        for place, name in enumerate(columns):
            keys.setdefault(simplify(name), place)
        given = self._columns.given()
        wanted = {field: (given[field],) if field in given else names for field, names in USUAL_NAMES.items()}
        wanted |= {field: (name,) for field, name in _OURS.items()}
        found = {
            field: next((keys[simplify(name)] for name in names if simplify(name) in keys), None)
            for field, names in wanted.items()
        }
        return {field: place for field, place in found.items() if place is not None}

    def _read_row(self, text: str, number: int) -> RawEvent | None:
        if "\0" in text:
            self._intake.refuse(Rejection.UNREADABLE_TEXT, number, text.strip())
            return None
        try:
            row: list[str] = _split(text, self._delimiter or ",")
        except csv.Error:  # a field above the csv module's limit
            self._intake.refuse(Rejection.UNREADABLE_TEXT, number, text)
            return None
        if not any(row):
            return None
        if len(row) > self._width and any(row[self._width :]):
            self._intake.refuse(Rejection.EXTRA_FIELDS, number, text.strip())
            return None
        length = len(row)  # a row may be short, and a column the table does not have stands beyond its width
        # Blanks around a value are the table's layout, as they are around a column's name.
        texts = [row[place].strip() if place < length else "" for place in self._order]
        return self._intake.admit([bare(cell) for cell in texts] if self._is_ours else texts, number)


def _split(text: str, delimiter: str) -> list[str]:
    return next(csv.reader((text,), delimiter=delimiter), [])


def simplify(name: str) -> str:
    return re.sub(r"[\s._-]+", "_", name.strip().lower())


def _stays_open(line: str, delimiter: str | None, *, inside: bool) -> bool:
    """Tell whether the line ends within a quoted field; a quote opens one only where a field begins."""
    if delimiter is None:
        return (line.count('"') % 2 == 1) != inside
    at = 0
    while True:
        if inside or line.startswith('"', at):
            closing = _find_closing(line, at if inside else at + 1)
            if closing is None:
                return True
            inside, at = False, closing + 1
        at = line.find(delimiter, at) + 1
        if not at:
            return False


def _find_closing(line: str, at: int) -> int | None:
    """Return where the quoted field ends; a doubled quote is a quote within it."""
    while (at := line.find('"', at)) >= 0:
        if not line.startswith('"', at + 1):
            return at
        at += 2
    return None
