"""CSV (RFC 4180, UTF-8), in which no spreadsheet finds a formula."""

import csv
import io
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import BinaryIO

from services.billing.exports.schemas import Dialect
from services.billing.exports.tables import Cell

# What spreadsheets begin a formula with, also in full width, and what they pass over or take away before it.
_SIGNS = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
_BEGINS_FORMULA = re.compile(rf"['\s\x00-\x1f]*{_SIGNS}|[\t\r\n]")
# A spreadsheet that parts cells by another character than the file does takes no quotes for what they are: where that
# character, or a line, stands in a text, a cell begins there. Commas part cells in the one dialect, semicolons in the other.
# No place is tried twice (a run of these is taken whole, from its beginning), so that a text of them alone costs its length.
_BEFORE_SIGN = {mark: re.compile(rf"(?<![{mark}\s])[{mark}\s]++(?={_SIGNS})") for mark in (";", ",")}


class CsvWriter:
    """Writes rows into a file as they come."""

    media_type = "text/csv; charset=utf-8; header=present"

    def __init__(self, file: BinaryIO, header: Iterable[str], dialect: Dialect | None) -> None:
        self._comma = dialect == "spanish"
        self._other_mark = "," if self._comma else ";"
        self._before_sign = _BEFORE_SIGN[self._other_mark]
        encoding = "utf-8-sig" if self._comma else "utf-8"
        self._text = io.TextIOWrapper(file, encoding, newline="", write_through=False)
        self._csv = csv.writer(self._text, delimiter=";" if self._comma else ",")
        self._csv.writerow(header)

    def write(self, rows: Iterable[Iterable[Cell]]) -> None:
        self._csv.writerows([self._told(cell) for cell in row] for row in rows)

    def close(self) -> None:
        self._text.flush()
        self._text.detach()

    def _told(self, cell: Cell) -> str:
        match cell:
            case None:
                return ""
            case str():
                return self._harmless(cell)
            case Decimal():
                text = format(cell, "f")
                return text.replace(".", ",") if self._comma else text
            case datetime():
                return cell.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
            case date():
                return cell.isoformat()
        return str(cell)

    def _harmless(self, text: str) -> str:
        """Return a text with an apostrophe before whatever could begin a formula."""
        text = self._before_sign.sub(self._parted, text)
        return f"'{text}" if _BEGINS_FORMULA.match(text) else text

    def _parted(self, run: re.Match[str]) -> str:
        """Return what stands before a sign, with an apostrophe where a cell may begin behind it."""
        return f"{run[0]}'" if any(mark in run[0] for mark in (self._other_mark, "\t", "\r", "\n")) else run[0]
