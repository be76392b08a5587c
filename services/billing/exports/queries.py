"""The invoices of a selection, one after another, as of one moment: a cursor reads what its statement saw."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.exports.schemas import ExportQuery
from services.billing.exports.tables import TABLES
from services.billing.invoices.listing import read_rows
from services.billing.invoices.models import SupplierInvoice
from services.billing.invoices.orders import ORDERS
from services.billing.invoices.selection import conditions_of

_AT_ONCE = 500


async def freeze(session: AsyncSession) -> None:
    """Begin the session's transaction so that all its statements see one moment."""
    await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


async def count_rows(session: AsyncSession, asked: ExportQuery, today: date, most: int) -> int:
    """Return how many rows the table will have; of one that has more than `most`, some number above it."""
    column = TABLES[asked.rows].column
    rows = literal(1) if column is None else func.jsonb_array_length(getattr(SupplierInvoice, column))
    chosen = select(rows.label("rows")).select_from(SupplierInvoice).where(*conditions_of(asked, today))
    counted = select(func.sum(chosen.limit(most + 1).subquery().c.rows))
    return int(await session.scalar(counted) or 0)


async def exported_invoices(session: AsyncSession, asked: ExportQuery, today: date) -> AsyncIterator[Sequence[Any]]:
    """Yield the rows of the invoices that the list shows, in its order, with the `parts` that the table needs."""
    column = TABLES[asked.rows].column
    parts = [] if column is None else [getattr(SupplierInvoice, column).label("parts")]
    query = read_rows(*parts).where(*conditions_of(asked, today)).order_by(*ORDERS[asked.sort].clauses())
    found = await session.stream(query.execution_options(yield_per=_AT_ONCE))
    async for rows in found.partitions():
        yield rows
