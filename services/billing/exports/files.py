"""A table is written into a file without a name first and sent from there.

So the database is left as soon as it has been read, however slow the reader, and memory holds a few hundred rows. What
cannot be is refused before anything is sent. A table that is soon written is sent with its length; an answer that would be
too long in coming begins before, and should its table fail after that, it breaks off and is never taken for a whole one.
What a spreadsheet needs before it can be put together waits in a folder that goes with it.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

from services.billing.exports.delimited import CsvWriter
from services.billing.exports.errors import ExportsBusy, ExportTooLarge
from services.billing.exports.queries import count_rows, exported_invoices, freeze
from services.billing.exports.schemas import ExportQuery, Format
from services.billing.exports.tables import TABLES, Table
from services.billing.exports.workbook import XlsxWriter
from shared.db import Database

MOST_ROWS = 100_000  # of one file: who wants more asks for parts
PATIENCE_S = 10.0  # for a turn, and again until the answer begins: together less than proxies wait for it
_CHUNK = 256 * 1024
_TURNS = asyncio.Semaphore(2)  # exports being written by this process, so that they do not starve everything else


@dataclass(frozen=True, slots=True)
class Wanted:
    """An export: whose, of what, how and on which day."""

    tenant: str
    asked: ExportQuery
    kind: Format
    today: date


class Export:
    """A table that is being written, or has been."""

    def __init__(self, writing: "asyncio.Task[BinaryIO]") -> None:
        self._writing = writing

    @property
    def size(self) -> int | None:
        """How many bytes it has; None while it is being written."""
        return self._writing.result().seek(0, 2) if self._writing.done() else None

    async def send(self) -> AsyncGenerator[bytes]:
        """Yield the file from its beginning and close it; a reader who leaves meanwhile ends the writing, too."""
        file = await self._writing
        read: Callable[[int], bytes] = file.read
        with file:
            file.seek(0)
            while chunk := await asyncio.to_thread(read, _CHUNK):
                yield chunk


async def begin_export(database: Database, wanted: Wanted) -> Export:
    """Return the table once it is written, or when it takes longer. Raises ExportsBusy, ExportTooLarge."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await _TURNS.acquire()
    except TimeoutError:
        raise ExportsBusy from None
    counted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    writing = asyncio.create_task(_write_file(database, wanted, counted))
    writing.add_done_callback(lambda _: _TURNS.release())
    try:
        either: set[asyncio.Future[Any]] = {writing, counted}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({writing}, timeout=PATIENCE_S)
    except asyncio.CancelledError:
        writing.cancel()
        raise
    if writing.done():
        writing.result()
    return Export(writing)


async def _write_file(database: Database, wanted: Wanted, counted: "asyncio.Future[None]") -> BinaryIO:
    """Return the finished file. Raises ExportTooLarge, before `counted` is done: nothing has been sent by then."""
    asked, kind, today = wanted.asked, wanted.kind, wanted.today
    async with database.session(wanted.tenant, read_only=True) as session:
        await freeze(session)
        if await count_rows(session, asked, today, MOST_ROWS) > MOST_ROWS:
            raise ExportTooLarge(limit=MOST_ROWS)
        counted.set_result(None)
        file = tempfile.TemporaryFile()  # noqa: SIM115 - it goes on to the answer
        try:
            async with _writing(file, asked, kind) as writer:
                async for invoices in exported_invoices(session, asked, today):
                    await asyncio.to_thread(_write, writer, invoices, TABLES[asked.rows], today)
                await session.close()
                await asyncio.to_thread(writer.close)
        except BaseException:
            file.close()
            raise
    return file


def _write(writer: CsvWriter | XlsxWriter, invoices: Sequence[Any], table: Table, today: date) -> None:
    writer.write(cells for invoice in invoices for cells in table.rows(invoice, today))


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
