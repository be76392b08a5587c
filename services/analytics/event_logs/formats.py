"""What a file is, by its content: XES, CSV or OCEL, plain or gzipped."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from services.analytics.event_logs.delimited import Columns, CsvReader
from services.analytics.event_logs.errors import (
    DamagedArchiveError,
    EmptyLogError,
    TooLargeLogError,
    TooManyEventsError,
    UnknownFormatError,
)
from services.analytics.event_logs.ocel_json import OcelJsonReader
from services.analytics.event_logs.ocel_sqlite import MAGIC, OcelSqliteReader
from services.analytics.event_logs.raw import ANY_TIME, RawEvent, Tally
from services.analytics.event_logs.xes import XesReader
from services.analytics.operations.fields import Plausible

# What one import may take: its events are staged in PostgreSQL, at some 150 bytes each, until they are published.
MAX_UNPACKED_BYTES = 4 * 1024**3
MAX_EVENTS = 20_000_000  # rejected ones included
_PIECE = 256 * 1024  # bytes unpacked at a time, so that a gzip bomb never stands in memory
_HEAD = 1024  # bytes that tell what a file is
_MAGIC = 32  # bytes in which no table has a null
_GZIP_MODE = zlib.MAX_WBITS | 16
_GZIP = b"\x1f\x8b"
_FOREIGN = {
    _GZIP: "gzip within gzip",
    b"PK\x03\x04": "zip archive",
    b"%PDF": "PDF",
    b"\xfd7zXZ": "xz archive",
    b"(\xb5/\xfd": "zstd archive",
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
}
_BLANKS = re.compile(rb"^(?:\xef\xbb\xbf)?[ \t\r\n]+(?=<)")
_JSON_OBJECT = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{")
_XML_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*<|(?:\xff\xfe)?<\0|(?:\xfe\xff)?\0<")


_Reader = XesReader | CsvReader | OcelJsonReader | OcelSqliteReader


class Format(StrEnum):
    AUTO = "auto"
    XES = "xes"
    CSV = "csv"
    OCEL = "ocel"


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a log. `cost_attribute` names an event's attribute; `columns` and `stamp_pattern` are a table's.

    `case_object_type` is an object-centric log's.
    """

    format: Format = Format.AUTO
    cost_attribute: str | None = None
    columns: Columns = field(default_factory=Columns)
    stamp_pattern: str | None = None
    plausible: Plausible = ANY_TIME
    case_object_type: str | None = None


class LogReader:
    """Reads a log of any known format: `feed` pieces of any size, then `finish`; both yield lists of events.

    The iterators must be used up, and the reader closed. Raises UnreadableLogError when the file as a whole cannot
    be read.
    """

    def __init__(self, options: ReadOptions | None = None) -> None:
        self._options = options or ReadOptions()
        self._reader: _Reader | None = None
        self._raw_head = b""
        self._head = b""
        self._gunzip: _Gunzip | None = None
        self._unpacked = 0

    @property
    def tally(self) -> Tally:
        return self._reader.tally if self._reader is not None else Tally()

    def feed(self, chunk: bytes) -> Iterator[list[RawEvent]]:
        if self._gunzip is None:
            self._raw_head += chunk
            if len(self._raw_head) < len(_GZIP):
                return
            chunk, self._raw_head = self._raw_head, b""
            self._gunzip = _Gunzip(packed=chunk.startswith(_GZIP))
        for piece in self._gunzip.feed(chunk):
            yield self._read(piece)

    def finish(self) -> Iterator[list[RawEvent]]:
        if self._gunzip is not None:
            self._gunzip.finish()
        elif self._raw_head:
            yield self._read(self._raw_head)
        if self._reader is None:
            if not self._head:
                raise EmptyLogError
            yield self._begin()
        if isinstance(self._reader, XesReader | CsvReader):
            yield self._within_quota(self._reader.finish())
        elif self._reader is not None:
            for events in self._reader.finish():
                yield self._within_quota(events)

    def close(self) -> None:
        """Remove what a reader keeps on the disk."""
        if isinstance(self._reader, OcelJsonReader | OcelSqliteReader):
            self._reader.close()

    def _read(self, piece: bytes) -> list[RawEvent]:
        self._unpacked += len(piece)
        if self._unpacked > MAX_UNPACKED_BYTES:
            raise TooLargeLogError(limit=MAX_UNPACKED_BYTES)
        if self._reader is not None:
            return self._within_quota(self._reader.feed(piece))
        self._head += piece
        return self._begin() if len(self._head) >= _HEAD else []

    def _within_quota(self, events: list[RawEvent]) -> list[RawEvent]:
        if self.tally.events > MAX_EVENTS:
            raise TooManyEventsError(limit=MAX_EVENTS)
        return events

    def _begin(self) -> list[RawEvent]:
        options, head = self._options, self._head
        self._head = b""
        kind = recognise(head) if options.format is Format.AUTO else options.format
        if kind is Format.XES:
            head = _BLANKS.sub(b"", head)  # XML must not begin with them, but files do
            self._reader = XesReader(options.cost_attribute, options.plausible)
        elif kind is Format.OCEL:
            reader = OcelSqliteReader if head.startswith(MAGIC) else OcelJsonReader
            self._reader = reader(options.case_object_type, options.cost_attribute, options.plausible)
        else:
            columns = replace(options.columns, cost=options.cost_attribute)
            self._reader = CsvReader(columns, options.stamp_pattern, options.plausible)
        return self._reader.feed(head)


def recognise(head: bytes) -> Format:
    """Return the format of unpacked content by its first bytes. Raises UnknownFormatError."""
    if _XML_START.match(head):
        return Format.XES
    for magic, name in _FOREIGN.items():
        if head.startswith(magic):
            raise UnknownFormatError(found=name)
    if head.startswith(MAGIC) or _JSON_OBJECT.match(head):
        return Format.OCEL
    if head.lstrip().startswith(b"["):
        raise UnknownFormatError(found="JSON")
    if b"\0" in head[:_MAGIC] and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnknownFormatError(found="binary data")
    return Format.CSV


class _Gunzip:
    """Unpacks gzip of one or more members piece by piece; passes other content on."""

    def __init__(self, *, packed: bool) -> None:
        self._packed = packed
        self._member = zlib.decompressobj(_GZIP_MODE)
        self._between = b""  # what followed the last member, too short yet to tell what it is

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        if not self._packed:
            yield chunk
            return
        data, self._between = self._between + chunk, b""
        while data:
            if self._member.eof:
                data = data.lstrip(b"\0")  # padding
                if len(data) < len(_GZIP):
                    self._between = data
                    return
                if not data.startswith(_GZIP):
                    raise DamagedArchiveError(reason="something else follows the packed data")
                self._member = zlib.decompressobj(_GZIP_MODE)
            try:
                piece = self._member.decompress(data, _PIECE)
            except zlib.error as error:
                raise DamagedArchiveError(reason=str(error)) from error
            if piece:
                yield piece
            data = self._member.unconsumed_tail or self._member.unused_data

    def finish(self) -> None:
        """Raise DamagedArchiveError when the last member is not whole."""
        if self._packed and (not self._member.eof or self._between):
            raise DamagedArchiveError(reason="it ends too early")
