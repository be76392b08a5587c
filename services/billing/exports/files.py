"""A table is written into a file without a name first and sent from there.

So it is whole or it is refused, the database is left as soon as it has been read, however slow the reader, and memory
holds a few hundred rows. What a spreadsheet needs before it can be put together waits in a folder that goes with it.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

from services.billing.exports.delimited import CsvWriter
from services.billing.exports.errors import ExportTooLarge
from services.billing.exports.schemas import ExportQuery, Format
from services.billing.exports.tables import TABLES, Table
from services.billing.exports.workbook import XlsxWriter

MOST_ROWS = 100_000  # of one file: who wants more asks for parts
_CHUNK = 256 * 1024
_AT_ONCE = asyncio.Semaphore(2)  # exports being written by this process, so that they do not starve everything else


async def write_table(found: AsyncIterator[Sequence[Any]], asked: ExportQuery, kind: Format, today: date) -> BinaryIO:
    """Return the finished file; the caller closes it. Raises ExportTooLarge."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it goes on to the answer
    try:
        async with _AT_ONCE, _writing(file, asked, kind) as writer:
            written = 0
            async for invoices in found:
                written = await asyncio.to_thread(_write, writer, invoices, TABLES[asked.rows], today, written)
            await asyncio.to_thread(writer.close)
    except BaseException:
        file.close()
        raise
    return file


def _write(writer: CsvWriter | XlsxWriter, invoices: Sequence[Any], table: Table, today: date, written: int) -> int:
    """Write what some invoices give and return how many rows there are by now. Raises ExportTooLarge."""
    rows = [cells for invoice in invoices for cells in table.rows(invoice, today)]
    if written + len(rows) > MOST_ROWS:
        raise ExportTooLarge(limit=MOST_ROWS)
    writer.write(rows)
    return written + len(rows)


@asynccontextmanager
async def _writing(file: BinaryIO, asked: ExportQuery, kind: Format) -> AsyncIterator[CsvWriter | XlsxWriter]:
    header = TABLES[asked.rows].header
    if kind == "csv":
        yield CsvWriter(file, header, asked.dialect)
        return
    with tempfile.TemporaryDirectory(prefix="trastienda-") as folder:
        writer = XlsxWriter(file, header, Path(folder))
        try:
            yield writer
        finally:
            writer.abandon()


async def sent(file: BinaryIO) -> AsyncIterator[bytes]:
    """Yield the file from its beginning and close it."""
    read: Callable[[int], bytes] = file.read
    with file:
        file.seek(0)
        while chunk := await asyncio.to_thread(read, _CHUNK):
            yield chunk
