"""A table is written into a file without a name first and sent from there.

So it is whole or it is refused, the database is left as soon as it has been read, however slow the reader, and memory
holds a few hundred rows. What a spreadsheet needs before it can be put together waits in a folder that goes with it.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from services.billing.exports.delimited import CsvWriter
from services.billing.exports.errors import ExportTooLarge
from services.billing.exports.schemas import ExportQuery, Format
from services.billing.exports.tables import Cell, Exported, Table
from services.billing.exports.workbook import XlsxWriter

MOST_ROWS = 200_000  # as many as are written, on a busy machine, before a gateway loses patience
_CHUNK = 256 * 1024
_AT_ONCE = asyncio.Semaphore(2)  # exports being written by this process, so that they do not starve everything else


async def write_table(
    found: AsyncIterator[list[Exported]], table: Table, asked: ExportQuery, kind: Format, most: int
) -> BinaryIO:
    """Return the finished file; the caller closes it. Raises ExportTooLarge."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it goes on to the answer
    try:
        async with _AT_ONCE, _writing(file, table, asked, kind) as writer:
            async for rows in _rows(found, table, most):
                await asyncio.to_thread(writer.write, rows)
            await asyncio.to_thread(writer.close)
    except BaseException:
        file.close()
        raise
    return file


async def _rows(found: AsyncIterator[list[Exported]], table: Table, most: int) -> AsyncIterator[list[tuple[Cell, ...]]]:
    written = 0
    async for invoices in found:
        rows = list(chain.from_iterable(map(table.rows, invoices)))
        written += len(rows)
        if written > most:
            raise ExportTooLarge(limit=most)
        yield rows


@asynccontextmanager
async def _writing(
    file: BinaryIO, table: Table, asked: ExportQuery, kind: Format
) -> AsyncIterator[CsvWriter | XlsxWriter]:
    if kind == "csv":
        yield CsvWriter(file, table.header, asked.dialect)
        return
    with tempfile.TemporaryDirectory(prefix="trastienda-") as folder:
        yield XlsxWriter(file, table.header, Path(folder))


async def sent(file: BinaryIO) -> AsyncIterator[bytes]:
    """Yield the file from its beginning and close it."""
    read: Callable[[int], bytes] = file.read
    with file:
        file.seek(0)
        while chunk := await asyncio.to_thread(read, _CHUNK):
            yield chunk
