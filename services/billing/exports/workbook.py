"""XLSX: numbers are numbers and days are days. Texts are written as texts, which no spreadsheet executes."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from xlsxwriter import Workbook
from xlsxwriter.format import Format

from services.billing.exports.tables import Cell

_LONGEST = 32_767  # characters of a cell, those beyond the first plane counted twice
_DIGITS = 15  # of a number, as spreadsheets hold it
_FIRST_YEAR = 1900  # of their calendar
_NO_CHARACTERS = {0xFFFE: "\ufffd", 0xFFFF: "\ufffd"}  # which XML does not have; of the others XlsxWriter takes care
_WIDTH = 16


def _fitting(text: str) -> str:
    """Return as much of a text as a cell holds."""
    if 2 * len(text) <= _LONGEST:
        return text
    return text.encode("utf-16-le")[: 2 * _LONGEST].decode("utf-16-le", "ignore")


class XlsxWriter:
    """Writes rows into a workbook of one sheet; what is not yet in the file waits in `folder`, not in memory."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def __init__(self, file: BinaryIO, header: Iterable[str], folder: Path) -> None:
        self._book = Workbook(file, {"constant_memory": True, "tmpdir": str(folder)})
        self._sheet = self._book.add_worksheet("invoices")
        self._amounts: dict[int, Format] = {}
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        titles = list(header)
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(titles) - 1, _WIDTH)
        self._sheet.write_row(0, 0, titles, self._book.add_format({"bold": True}))
        self._next = 1

    def write(self, rows: Iterable[Iterable[Cell]]) -> None:
        for row in rows:
            for column, cell in enumerate(row):
                if cell is not None:
                    self._write(column, cell)
            self._next += 1

    def close(self) -> None:
        self._book.close()

    def abandon(self) -> None:
        """Let go of what waits, of a workbook that will not be: XlsxWriter does so when it puts one together."""
        self._sheet.row_data_fh.close()

    def _write(self, column: int, cell: str | int | Decimal | date | datetime) -> None:
        put: Callable[..., int] = self._sheet.write_number
        match cell:
            case Decimal() if len(cell.normalize().as_tuple().digits) <= _DIGITS:
                put(self._next, column, float(cell), self._amount(cell))
            case datetime():
                self._sheet.write_datetime(self._next, column, cell.astimezone(UTC).replace(tzinfo=None), self._moment)
            case date() if cell.year >= _FIRST_YEAR:
                self._sheet.write_datetime(self._next, column, cell, self._day)
            case int():
                put(self._next, column, cell)
            case _:
                text = format(cell, "f") if isinstance(cell, Decimal) else str(cell)
                self._sheet.write_string(self._next, column, _fitting(text.translate(_NO_CHARACTERS)))

    def _amount(self, amount: Decimal) -> Format:
        """Return a format that shows as many decimals as the amount has."""
        decimals = max(0, -int(amount.as_tuple().exponent))
        if decimals not in self._amounts:
            shown = "#,##0" + ("." + "0" * decimals if decimals else "")
            self._amounts[decimals] = self._book.add_format({"num_format": shown})
        return self._amounts[decimals]
