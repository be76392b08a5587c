"""Incremental XES reader (IEEE 1849, and the dialects before it): bytes in, raw events out, the log never in memory.

An attribute counts only where it stands directly in an event or trace: nested attributes, lists, and the
defaults that `<global>` declares are neither events nor values.
"""

from collections.abc import Callable, Mapping
from xml.parsers.expat import ErrorString, ExpatError, ParserCreate, errors

from services.analytics.event_logs.errors import (
    DoctypeRefusedError,
    EmptyLogError,
    MalformedXmlError,
    NotXesError,
    TooDeepError,
    TooLongError,
    TruncatedLogError,
    UnknownEncodingError,
)
from services.analytics.event_logs.raw import ANY_TIME, Field, Intake, RawEvent, Remark, Tally
from services.analytics.event_logs.told import NAMES, URI
from services.analytics.operations.fields import Plausible
from shared.events import MAX_ACTIVITY, MAX_ACTOR, MAX_CASE, MAX_TEAM

MAX_DEPTH = 64
MAX_TOKEN_BYTES = 1024 * 1024
MAX_UNNAMED_EVENTS = 10_000  # events that may stand in a trace before its name
MAX_UNNAMED_CHARACTERS = 4_000_000  # of all their values together

_LOG, _TRACE = 1, 2
# What an event may hold that waits; anything longer is refused by its length, or is no moment and no amount.
_LONGEST = max(MAX_ACTIVITY, MAX_ACTOR, MAX_CASE, MAX_TEAM)
_CUT = "\N{HORIZONTAL ELLIPSIS}"  # stands behind a cut value: what remains must not read as a moment or an amount
_STANDARD_PREFIXES = {"concept": "concept", "lifecycle": "lifecycle", "time": "time", "org": "org"}
_TRUNCATED = frozenset(
    errors.codes[text]
    for text in (errors.XML_ERROR_NO_ELEMENTS, errors.XML_ERROR_UNCLOSED_TOKEN, errors.XML_ERROR_PARTIAL_CHAR)
) | {errors.codes[errors.XML_ERROR_UNCLOSED_CDATA_SECTION]}
_UNKNOWN_ENCODING = frozenset(
    errors.codes[text] for text in (errors.XML_ERROR_UNKNOWN_ENCODING, errors.XML_ERROR_INCORRECT_ENCODING)
)


def _reorder(attributes: list[str]) -> list[str]:
    """Return key and value in the usual places, whatever else the element has; empty texts where they are missing."""
    named = dict(zip(attributes[::2], attributes[1::2], strict=True))
    return ["key", named.get("key", ""), "value", named.get("value", "")]


def _cut(value: str | None) -> str | None:
    """Return a value that may wait: no more of it than tells that it is too long."""
    return value if value is None or len(value) <= _LONGEST else value[:_LONGEST] + _CUT


class XesReader:
    """Feed it the file's bytes in pieces of any size, then call `finish`; both return the events found.

    Raises UnreadableLogError when the file as a whole cannot be read; what is wrong with one event is
    counted in `tally` instead. Attributes of a trace normally precede its events; where they follow, the
    events wait (MAX_UNNAMED_EVENTS of them, MAX_UNNAMED_CHARACTERS together).
    """

    def __init__(self, cost_attribute: str | None = None, plausible: Plausible = ANY_TIME) -> None:
        self._intake = Intake("event", plausible=plausible)
        self._cost_attribute = cost_attribute
        self._prefixes = dict(_STANDARD_PREFIXES)
        self._is_ours = False
        self._empty: list[str | None] = [None] * (Field.INSTANCE - 1)
        self._slots = self._event_slots = self._name_slots()
        self._found: list[RawEvent] = []
        self._waiting: list[list[str | None]] = []
        self._waiting_characters = 0
        self._values: list[str | None] = []
        self._ended: list[str] = []
        self._attribute_depth = 0  # where the open event's own attributes stand; 0 outside events
        self._in_trace = False
        self._trace: str | None = None
        self._traces = self._trace_events = 0
        self._fed = 0
        self._parser = ParserCreate()
        self._parser.ordered_attributes = True
        self._parser.StartElementHandler = self._make_start_handler()
        # Only starts run Python code: the list itself takes the ends, which the next start counts.
        self._parser.EndElementHandler = self._ended.append
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype

    @property
    def tally(self) -> Tally:
        return self._intake.tally

    def feed(self, chunk: bytes) -> list[RawEvent]:
        self._fed += len(chunk)
        self._parse(chunk, final=False)
        if self._fed - max(self._parser.CurrentByteIndex, 0) > MAX_TOKEN_BYTES + len(chunk):
            raise TooLongError(limit=MAX_TOKEN_BYTES, line=self._parser.CurrentLineNumber)
        return self._take_found()

    def finish(self) -> list[RawEvent]:
        if not self._fed:
            raise EmptyLogError
        self._parse(b"", final=True)
        self._close_down_to(0)
        return self._take_found()

    def _parse(self, chunk: bytes, *, final: bool) -> None:
        try:
            self._parser.Parse(chunk, final)
        except ExpatError as error:
            if final and error.code in _TRUNCATED:
                raise TruncatedLogError(line=error.lineno) from error
            if error.code in _UNKNOWN_ENCODING:
                raise UnknownEncodingError(reason=ErrorString(error.code)) from error
            raise MalformedXmlError(line=error.lineno, reason=ErrorString(error.code)) from error
        except (LookupError, ValueError) as error:  # of Python's codecs, which expat asks for what it does not know
            raise UnknownEncodingError(reason=str(error)) from error

    def _take_found(self) -> list[RawEvent]:
        found, self._found = self._found, []
        return found

    def _name_slots(self) -> dict[str, int]:
        """Map the keys of event attributes to their places among the event's texts."""
        concept, lifecycle, time, org = self._prefixes.values()
        slots: dict[str, int] = {
            f"{concept}:name": Field.ACTIVITY,
            f"{lifecycle}:transition": Field.TRANSITION,
            f"{time}:timestamp": Field.STAMP,
            f"{org}:resource": Field.RESOURCE,
            f"{org}:group": Field.TEAM,
            f"{org}:role": Field.ROLE,
        }
        if self._cost_attribute is not None:
            slots.setdefault(self._cost_attribute, Field.COST)
        if self._is_ours:
            slots |= {name: Field[field] for field, name in NAMES.items()}
            slots |= {f"{concept}:instance": Field.INSTANCE, "cost:currency": Field.CURRENCY}
        return slots

    @property
    def _name_key(self) -> str:
        return f"{self._prefixes['concept']}:name"

    def _refuse_doctype(self, *_: object) -> None:
        raise DoctypeRefusedError

    def _make_start_handler(self) -> Callable[[str, list[str]], None]:
        """Return the handler of every element's start: a closure, because it runs for every attribute of the log."""
        ended, depth, attribute_depth = self._ended, 0, 0
        values, slots = self._values, self._slots

        def start(name: str, attributes: list[str]) -> None:
            nonlocal depth, attribute_depth, values, slots
            if len(ended) != 1:
                depth += 1 - len(ended)
            ended.clear()
            if depth == attribute_depth:
                if len(attributes) != 4 or attributes[0] != "key" or attributes[2] != "value":  # noqa: PLR2004 - the usual shape
                    attributes = _reorder(attributes)
                slot = slots.get(attributes[1])
                if slot is not None:
                    values[slot] = attributes[3]
            elif name == "event" and depth == attribute_depth - 1:
                self._close_event()
                values = self._open_event()
            elif depth > MAX_DEPTH:
                raise TooDeepError(limit=MAX_DEPTH)
            elif depth < attribute_depth or not attribute_depth:
                self._close_down_to(depth)
                self._open(name.rpartition(":")[2], depth, dict(zip(attributes[::2], attributes[1::2], strict=True)))
                attribute_depth, values, slots = self._attribute_depth, self._values, self._slots

        return start

    def _open(self, name: str, depth: int, attributes: Mapping[str, str]) -> None:
        if depth == _LOG:
            if name != "log":
                raise NotXesError(root=name[:80])
        elif name == "event" and depth == _TRACE + self._in_trace:
            self._slots = (
                self._event_slots if self._in_trace else {**self._event_slots, "case:concept:name": Field.CASE}
            )
            self._open_event()
            self._attribute_depth = depth + 1
        elif depth == _TRACE and name == "trace":
            self._in_trace, self._trace, self._trace_events = True, None, 0
            self._traces += 1
        elif depth == _TRACE and name == "extension":
            self._learn_prefix(attributes)
        elif self._in_trace and depth == _TRACE + 1 and self._trace is None and attributes.get("key") == self._name_key:
            self._trace = attributes.get("value") or None
            self._release_waiting()

    def _learn_prefix(self, attributes: Mapping[str, str]) -> None:
        """Follow a log that calls a standard extension by another prefix; its address says which one it is."""
        if attributes.get("uri") == URI:
            self._is_ours, self._empty = True, [None] * (len(Field) - 1)
            self._event_slots = self._name_slots()
        extension = attributes.get("uri", "").rpartition("/")[2].removesuffix(".xesext")
        prefix = attributes.get("prefix")
        if prefix and extension in self._prefixes:
            self._prefixes[extension] = prefix
            self._event_slots = self._name_slots()

    def _close_down_to(self, depth: int) -> None:
        """End what is open at `depth` or deeper, because an element starts there."""
        if self._attribute_depth and depth < self._attribute_depth:
            self._attribute_depth = 0
            self._close_event()
        if self._in_trace and depth <= _TRACE:
            self._release_waiting()
            if not self._trace_events:
                self.tally.remark(Remark.EMPTY_TRACE, f"trace {self._traces}", self._trace)
            self._in_trace, self._trace = False, None

    def _open_event(self) -> list[str | None]:
        self._trace_events += 1
        self._values = values = [self._trace, *self._empty]
        return values

    def _close_event(self) -> None:
        values = self._values
        if values[Field.CASE] is None and self._in_trace:
            kept = [_cut(value) for value in values]
            self._waiting.append(kept)
            self._waiting_characters += sum(len(value) for value in kept if value)
            if len(self._waiting) >= MAX_UNNAMED_EVENTS or self._waiting_characters >= MAX_UNNAMED_CHARACTERS:
                self._release_waiting()
        else:
            self._admit(values)

    def _release_waiting(self) -> None:
        waiting, self._waiting, self._waiting_characters = self._waiting, [], 0
        for values in waiting:
            values[Field.CASE] = self._trace
            self._admit(values)

    def _admit(self, values: list[str | None]) -> None:
        event = self._intake.admit(values, self.tally.events + 1)
        if event is not None:
            self._found.append(event)
