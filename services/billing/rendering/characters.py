"""Characters that mislead or vanish: those that nobody sees stand as their code, on paper also those no font has."""

import re
import struct
from collections.abc import Callable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any
from unicodedata import category

import msgspec

from services.billing.rendering.sheet import Sheet

_JOINERS = "\u200c\u200d"  # scripts need these two to be read
_EVERY_PLANE = 12  # the format of a `cmap` that has all of Unicode
_KEPT = frozenset("\n\t" + _JOINERS)
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})
_ZERO_WIDTH = "\u200b"
_LONGEST_WORD, _PIECE = 28, 8
_LONG_WORD = re.compile(rf"\S{{{_LONGEST_WORD + 1},}}")
_PIECES = re.compile(rf"\S{{{_PIECE}}}(?=\S)")


def make_visible(sheet: Sheet) -> Sheet:
    """Return the sheet with what would turn text around, or hide in it, shown by its code: `[U+202E]`."""
    return _changed(sheet, show_unseen)


def show_unseen(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text.replace("\r\n", "\n").replace("\r", "\n")))


@cache
def _shown(character: str) -> str:
    hidden = category(character) in _UNSEEN and character not in _KEPT
    return code_of(character) if hidden else character


def code_of(*characters: str) -> str:
    return f"[{' '.join(f'U+{ord(each):04X}' for each in characters)}]"


def printable(sheet: Sheet, font: frozenset[int]) -> tuple[Sheet, int]:
    """Return the sheet as a font can show it, and how many characters stand as their code instead.

    Several in a row stand in one bracket: `[U+5317 U+4EAC]`. A word too long for a column may be broken every few characters.
    """
    unshown = 0

    def change(text: str) -> str:
        nonlocal unshown
        text = text.expandtabs(4)
        if missing := {each for each in set(text) - {"\n"} if ord(each) not in font}:
            unshown += sum(map(text.count, missing))
            runs = groupby(text, missing.__contains__)
            text = "".join(code_of(*run) if is_missing else "".join(run) for is_missing, run in runs)
        return _LONG_WORD.sub(_breakable, text) if len(text) > _LONGEST_WORD else text

    return _changed(sheet, change), unshown


def _breakable(word: re.Match[str]) -> str:
    return _PIECES.sub(lambda piece: piece[0] + _ZERO_WIDTH, word[0])


def _changed(sheet: Sheet, change: Callable[[str], str]) -> Sheet:
    return msgspec.convert(_each_text(msgspec.to_builtins(sheet), change), Sheet)


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _each_text(each, change) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_each_text(each, change) for each in value]
    return value


@cache
def characters_in(font: Path) -> frozenset[int]:
    """Return the code points that a TrueType font maps to glyphs (its `cmap` table of format 12)."""
    content = font.read_bytes()
    (tables,) = struct.unpack_from(">4xH", content)
    records = (struct.unpack_from(">4s4xII", content, 12 + 16 * number) for number in range(tables))
    at = next(offset for tag, offset, _ in records if tag == b"cmap")
    (encodings,) = struct.unpack_from(">2xH", content, at)
    for number in range(encodings):
        subtable = at + struct.unpack_from(">4xI", content, at + 4 + 8 * number)[0]
        if struct.unpack_from(">H", content, subtable)[0] == _EVERY_PLANE:
            return frozenset(_mapped(content, subtable))
    raise ValueError(f"{font.name} has no map of characters in format 12")


def _mapped(content: bytes, subtable: int) -> Iterator[int]:
    (groups,) = struct.unpack_from(">12xI", content, subtable)
    for number in range(groups):
        first, last = struct.unpack_from(">II", content, subtable + 16 + 12 * number)
        yield from range(first, last + 1)
