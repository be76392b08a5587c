"""The text of a page as lines of cells: what stands apart by two spaces stands in different columns. Pure."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from services.billing.drafts.shapes import LONGEST_SNIPPET, Seen, Value

_CELL = re.compile(r"\S+(?: \S+)*")
_BELOW = 2  # lines under a heading in which its value may stand
_SLACK = 3  # columns by which a value may stand beside its heading
_MARGIN = 30
MOST_LINES, LONGEST_LINE = 3_000, 1_000
_SPACES = dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u202f\t"), " ")
_LIGATURES = {ord("\ufb01"): "fi", ord("\ufb02"): "fl", ord("\u2212"): "-", 0: "", 0xAD: ""}


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of a line, and where it stands in it."""

    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True)
class Line:
    """A line of a page that says something. Labels are looked for in `folded`, which has a letter for each letter."""

    page: int
    index: int
    text: str

    @cached_property
    def folded(self) -> str:
        return fold(self.text)

    @cached_property
    def cells(self) -> list[Cell]:
        return [Cell(match[0], match.start()) for match in _CELL.finditer(self.text)]

    def cell_at(self, position: int) -> Cell:
        return next((each for each in self.cells if each.start <= position < each.end), Cell("", position))

    def start_of_cell(self, position: int) -> int:
        return self.cell_at(position).start

    def seen(self, value: Value, start: int = 0, end: int | None = None) -> Seen:
        """Return a value of this line with the text around it: the line, or as much of it as is allowed."""
        words = " ".join(self.text.split())
        if len(words) > LONGEST_SNIPPET:
            end = len(self.text) if end is None else end
            begin = max(0, start - max(0, min(_MARGIN, LONGEST_SNIPPET - (end - start))))
            words = " ".join(self.text[begin:].split())
        return Seen(value=value, page=self.page, snippet=words[:LONGEST_SNIPPET].strip())


def fold(text: str) -> str:
    """Return the text in small letters without accents, character by character."""
    return "".join(unicodedata.normalize("NFKD", each)[0].lower()[:1] for each in text)


def lines_of(pages: Sequence[str]) -> list[Line]:
    """Return what the pages say, line by line."""
    lines: list[Line] = []
    for number, page in enumerate(pages, 1):
        for raw in page.translate(_SPACES).translate(_LIGATURES).splitlines():
            if (text := raw.rstrip()[:LONGEST_LINE]) and len(lines) < MOST_LINES:
                lines.append(Line(number, len(lines), text))
    return lines


def places_after(lines: Sequence[Line], line: Line, start: int, end: int) -> Iterator[tuple[Line, int, int]]:
    """Yield where the value of a label may stand, nearest first: behind it, in the next cell, or under it."""
    cell = line.cell_at(start)
    if line.text[end : cell.end].strip(" :.#=-"):
        yield line, end, cell.end
        return
    for other in line.cells:
        if other.start >= cell.end:
            yield line, other.start, other.end
            break
    for below in lines[line.index + 1 : line.index + 1 + _BELOW]:
        for other in below.cells:
            if below.page == line.page and other.start <= cell.end + _SLACK and other.end >= start - _SLACK:
                yield below, other.start, other.end
