"""JSON read in pieces: the members of chosen top-level lists and maps, one at a time, and nothing else kept."""

import codecs
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from services.analytics.event_logs.errors import MalformedJsonError, TooLongError, TruncatedLogError

MAX_MEMBER = 4 * 1024 * 1024  # characters
_MARGIN = 16  # characters before the end of what has come, in which a value may look wrong because it is cut
_SMALL = 128 * 1024
_BLANKS = " \t\r\n"
_CLOSING = {"[": "]", "{": "}"}

Member = tuple[str, str | None, Any]  # section, key within a map, value


class _MoreNeededError(Exception):
    """What has come ends within a value."""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


@dataclass(slots=True)
class _Frame:
    """An open list or map. `is_next` tells that a comma, or nothing yet, precedes."""

    section: str | None
    closing: str
    is_next: bool = True
    is_empty: bool = True


class JsonSections:
    """Feed it bytes; it yields members of the `wanted` sections, numbers as their texts.

    Members may be as long as MAX_MEMBER and as deep as Python's own parser allows. Raises MalformedJsonError,
    TooLongError and, from `finish`, TruncatedLogError.
    """

    def __init__(self, wanted: Collection[str]) -> None:
        self._wanted = wanted
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        # Numbers stay texts: amounts stay exact, and a number of a million digits costs nothing.
        self._scan = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_refuse_constant).raw_decode
        self._text, self._at, self._line, self._wait_for = "", 0, 1, 0
        self._frames: list[_Frame] = []
        self._begun = False
        self._margin = _MARGIN
        self.seen: set[str] = set()

    def feed(self, chunk: bytes) -> Iterator[Member]:
        try:
            self._text += self._decode(chunk)
        except UnicodeDecodeError as error:
            raise MalformedJsonError(line=self._line, reason="it is not UTF-8") from error
        if len(self._text) < self._wait_for:
            return
        yield from self._members()
        if len(self._text) > MAX_MEMBER:
            raise TooLongError(limit=MAX_MEMBER, line=self._line)
        # A long member is looked at again only when twice as much has come, so that it costs no more than twice.
        self._wait_for = min(2 * len(self._text), MAX_MEMBER) if len(self._text) > _SMALL else 0

    def finish(self) -> Iterator[Member]:
        self._margin = 0
        yield from self._members()
        if self._frames or not self._begun or self._text:
            raise TruncatedLogError(line=self._line)

    def _members(self) -> Iterator[Member]:
        try:
            while True:
                member = self._step()
                if member is not None:
                    yield member
        except _MoreNeededError:
            rest = self._text[self._at :].lstrip(_BLANKS)
            self._line += self._text.count("\n", 0, len(self._text) - len(rest))
            self._text, self._at = rest, 0

    def _step(self) -> Member | None:
        """Read one thing and go behind it; whoever needs more leaves everything as it was."""
        mark = self._peek(self._at)
        if not self._frames:
            if self._begun or self._text[mark] != "{":
                self._fail(mark, "one object is expected")
            self._frames, self._begun, self._at = [_Frame(None, "}")], True, mark + 1
            return None
        frame = self._frames[-1]
        if self._text[mark] == frame.closing and (frame.is_empty or not frame.is_next):
            self._frames.pop()
            self._at = mark + 1
            return None
        if not frame.is_next:
            if self._text[mark] != ",":
                self._fail(mark, "a comma is expected")
            frame.is_next, self._at = True, mark + 1
            return None
        return self._read_member(frame, mark)

    def _read_member(self, frame: _Frame, mark: int) -> Member | None:
        key = None
        if frame.closing == "}":
            key, end = self._value(mark)
            colon = self._peek(end)
            if not isinstance(key, str) or self._text[mark] != '"' or self._text[colon] != ":":
                self._fail(mark, "a name and a colon are expected")
            mark = self._peek(colon + 1)
        if frame.section is None and key in self._wanted and self._text[mark] in _CLOSING:
            assert key is not None
            self.seen.add(key)
            frame.is_next = frame.is_empty = False
            self._frames.append(_Frame(key, _CLOSING[self._text[mark]]))
            self._at = mark + 1
            return None
        value, self._at = self._value(mark)
        frame.is_next = frame.is_empty = False
        return None if frame.section is None else (frame.section, key, value)

    def _peek(self, at: int) -> int:
        """Return where the next character stands that is no blank."""
        while at < len(self._text):
            if self._text[at] not in _BLANKS:
                return at
            at += 1
        raise _MoreNeededError

    def _value(self, at: int) -> tuple[Any, int]:
        try:
            value, end = self._scan(self._text, at)
        except json.JSONDecodeError as error:
            if error.pos >= len(self._text) - self._margin or error.msg.startswith("Unterminated string"):
                raise _MoreNeededError from None
            self._fail(error.pos, error.msg)
        except RecursionError:
            self._fail(at, "it is nested too deeply")
        except ValueError as error:
            self._fail(at, f"{error} is no number")
        if end >= len(self._text):  # a number may go on
            raise _MoreNeededError
        return value, end

    def _fail(self, at: int, reason: str) -> NoReturn:
        raise MalformedJsonError(line=self._line + self._text.count("\n", 0, at), reason=reason)
