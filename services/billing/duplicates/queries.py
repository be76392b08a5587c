"""Reads of what an invoice may be a copy of. Row-level security keeps them to the caller's tenant."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.duplicates.models import DuplicateExemption, DuplicateOverride
from services.billing.duplicates.rules import WINDOW_DAYS, Told
from services.billing.invoices.models import InvoiceStatus, SupplierInvoice
from shared.errors import NotFound

_MOST_COMPARED = 200
_WINDOW = timedelta(days=WINDOW_DAYS)


def told_of(invoice: SupplierInvoice) -> Told:
    return Told(
        number=invoice.number,
        issue_date=invoice.issue_date,
        gross=invoice.gross,
        currency=invoice.currency,
        lines_key=invoice.lines_key,
        references_key=invoice.references_key,
    )


async def find_candidates(session: AsyncSession, invoice: SupplierInvoice) -> list[tuple[UUID, Told]]:
    """Return the supplier's invoices that are worth comparing: of a like number, or of the same amount near in time.

    Credit notes are compared with credit notes alone. What was rejected may be sent again.
    """
    amounts = and_(
        SupplierInvoice.gross == invoice.gross,
        SupplierInvoice.currency == invoice.currency,
        SupplierInvoice.issue_date.between(invoice.issue_date - _WINDOW, invoice.issue_date + _WINDOW),
    )
    repeated = select(DuplicateOverride.repeats_id).where(DuplicateOverride.invoice_id == invoice.id)
    query = (
        select(SupplierInvoice)
        .where(
            SupplierInvoice.supplier_id == invoice.supplier_id,
            SupplierInvoice.is_credit_note == invoice.is_credit_note,
            SupplierInvoice.status != InvoiceStatus.REJECTED,
            SupplierInvoice.id != invoice.id,
            SupplierInvoice.id.not_in(repeated),
            or_(SupplierInvoice.number_trace == invoice.number_trace, amounts),
        )
        .order_by(func.abs(SupplierInvoice.issue_date - invoice.issue_date))
        .limit(_MOST_COMPARED)
    )
    columns = (
        SupplierInvoice.id,
        SupplierInvoice.number,
        SupplierInvoice.issue_date,
        SupplierInvoice.gross,
        SupplierInvoice.currency,
        SupplierInvoice.lines_key,
        SupplierInvoice.references_key,
    )
    rows = (await session.execute(query.with_only_columns(*columns))).all()
    return [(row.id, Told(*row[1:])) for row in rows]


async def get_repeated(session: AsyncSession, invoice_id: UUID) -> SupplierInvoice:
    """Return the invoice that is said to come again. Raises NotFound."""
    repeated = await session.get(SupplierInvoice, invoice_id)
    if repeated is None:
        raise NotFound
    return repeated


async def is_on_file(session: AsyncSession, invoice_id: UUID) -> bool:
    return await session.get(SupplierInvoice, invoice_id) is not None


async def last_repeat(session: AsyncSession, tax_id: str, number_key: str) -> int:
    query = select(func.max(SupplierInvoice.repeat)).where(
        SupplierInvoice.supplier_tax_id == tax_id, SupplierInvoice.number_key == number_key
    )
    return await session.scalar(query) or 0


async def exempt_signs(session: AsyncSession, invoice: SupplierInvoice) -> Sequence[str]:
    """Return the signs that say nothing about the invoice; the word of those who brought it in does not count."""
    query = select(DuplicateExemption.sign).where(
        DuplicateExemption.supplier_id == invoice.supplier_id, DuplicateExemption.granted_by.not_in(invoice.hands)
    )
    return (await session.scalars(query)).all()
