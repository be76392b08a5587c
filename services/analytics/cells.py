"""Texts as files of other programs hold them: CSV that no spreadsheet executes, and XML."""

import csv
import io
import re
from collections.abc import Iterable

# With the full-width forms, which a spreadsheet may read as the plain ones, and all that it may skip before them.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
# What XML 1.0 cannot hold at all. White space is written as references, or an attribute's parser makes blanks of it.
_UNHOLDABLE = dict.fromkeys([*range(32), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)], "\N{REPLACEMENT CHARACTER}")
_ESCAPES = str.maketrans(
    {**_UNHOLDABLE, "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)


def harmless(text: str) -> str:
    """Return a CSV cell that no spreadsheet takes for a formula: an apostrophe before what could begin one."""
    return f"'{text}" if _FORMULA.match(text) else text


def bare(text: str | None) -> str | None:
    """Undo `harmless`."""
    return text[1:] if text and text.startswith("'") and _FORMULA.match(text) else text


def csv_lines(rows: Iterable[Iterable[str]]) -> str:
    """Return rows as RFC 4180 has them."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def xml_text(text: str) -> str:
    """Return a text as an XML attribute or element holds it; what XML 1.0 cannot hold is replaced."""
    return text.translate(_ESCAPES)
