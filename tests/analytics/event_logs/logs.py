"""Builds small event logs and reads them, for the tests of this folder."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from xml.sax.saxutils import quoteattr

from services.analytics.event_logs.formats import LogReader, ReadOptions
from services.analytics.event_logs.raw import RawEvent, Tally

Attributes = Mapping[str, str]


def element(tag: str, key: str, value: str) -> str:
    return f"<{tag} key={quoteattr(key)} value={quoteattr(value)}/>"


def event(activity: str | None, stamp: str | None, transition: str | None = None, **more: str) -> str:
    parts = [] if activity is None else [element("string", "concept:name", activity)]
    parts += [] if stamp is None else [element("date", "time:timestamp", stamp)]
    parts += [] if transition is None else [element("string", "lifecycle:transition", transition)]
    parts += [element("string", name.replace("__", ":"), value) for name, value in more.items()]
    return f"<event>{''.join(parts)}</event>"


def trace(case: str | None, *events: str) -> str:
    name = "" if case is None else element("string", "concept:name", case)
    return f"<trace>{name}{''.join(events)}</trace>"


def xes(*parts: str, head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> bytes:
    return f'{head}<log xes.version="1.0">{"".join(parts)}</log>'.encode()


def table(header: Sequence[str], *rows: Iterable[str], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([header, *rows])
    return text.getvalue().encode()


def read(content: bytes, options: ReadOptions | None = None, *, chunk: int = 65536) -> tuple[list[RawEvent], Tally]:
    """Return the events and the account of a whole file, fed in pieces of `chunk` bytes."""
    found: list[RawEvent] = []
    with closing(LogReader(options)) as reader:
        for at in range(0, len(content), chunk):
            for events in reader.feed(content[at : at + chunk]):
                found += events
        for events in reader.finish():
            found += events
    return found, reader.tally
