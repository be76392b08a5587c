"""Incremental reader of OCEL 2.0 and OCEL 1.0 as JSON: bytes in, raw events out once all of it has been seen."""

from collections.abc import Iterator, Mapping
from typing import Any

from services.analytics.event_logs.errors import NotOcelError
from services.analytics.event_logs.json_sections import JsonSections
from services.analytics.event_logs.ocel import Names, Scratch, as_pairs, is_text
from services.analytics.event_logs.raw import ANY_TIME, Intake, RawEvent, Tally
from services.analytics.operations.fields import Plausible

# The sections of both versions; OCEL 1.0's headers (`ocel:global-event` and the like) are often missing and never needed.
_EVENTS = ("events", "ocel:events")
_OBJECTS = ("objects", "ocel:objects")


class OcelJsonReader:
    """Feed it the file's bytes in pieces of any size, then use up `finish`. Events and objects may come in any order.

    Raises UnreadableLogError when the file as a whole cannot be read.
    """

    def __init__(
        self, case_type: str | None = None, cost_attribute: str | None = None, plausible: Plausible = ANY_TIME
    ) -> None:
        self._intake = Intake("event", plausible=plausible)
        self._scratch = Scratch(self._intake, case_type)
        self._names = Names(cost_attribute)
        self._sections = JsonSections({*_EVENTS, *_OBJECTS})

    @property
    def tally(self) -> Tally:
        return self._intake.tally

    def close(self) -> None:
        self._scratch.close()

    def feed(self, chunk: bytes) -> list[RawEvent]:
        """Take a piece; which events there are is known at the end alone."""
        self._take(self._sections.feed(chunk))
        return []

    def finish(self) -> Iterator[list[RawEvent]]:
        self._take(self._sections.finish())
        if not self._sections.seen.intersection(_EVENTS):
            raise NotOcelError(missing="events")
        yield from self._scratch.pages()

    def _take(self, members: Iterator[tuple[str, str | None, Any]]) -> None:
        objects = []
        for section, key, value in members:
            entry = value if isinstance(value, Mapping) else {}
            if section in _EVENTS:
                self._take_event(entry)
            else:
                name, kind = key or entry.get("id"), entry.get("type", entry.get("ocel:type"))
                if isinstance(name, str) and isinstance(kind, str) and is_text(name + kind):
                    objects.append((name, kind))
        self._scratch.add_objects(objects)

    def _take_event(self, entry: Mapping[str, Any]) -> None:
        texts = self._names.texts(
            entry.get("type", entry.get("ocel:activity")),
            entry.get("time", entry.get("ocel:timestamp")),
            as_pairs(entry.get("attributes", entry.get("ocel:vmap"))),
        )
        related = entry.get("relationships", entry.get("ocel:omap"))
        listed = related if isinstance(related, list) else ()
        names = (each.get("objectId") if isinstance(each, Mapping) else each for each in listed)
        self._scratch.add_event(texts, [name for name in names if isinstance(name, str) and is_text(name)])
