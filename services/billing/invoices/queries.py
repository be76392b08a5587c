"""Reads of supplier invoices. Row-level security keeps them to the caller's tenant."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.invoices.models import InvoiceApproval, SupplierInvoice
from shared.errors import NotFound


async def get_invoice(session: AsyncSession, invoice_id: UUID, *, lock: bool = False) -> SupplierInvoice:
    """Return one invoice, locked for a change when asked. Raises NotFound, also for another tenant's.

    Here and wherever else invoices are locked, others may insert rows that refer to them: one that repeats an invoice waits
    for nobody who has it, and so in no circle.
    """
    query = select(SupplierInvoice).where(SupplierInvoice.id == invoice_id)
    invoice = (await session.scalars(query.with_for_update(key_share=True) if lock else query)).one_or_none()
    if invoice is None:
        raise NotFound
    return invoice


async def find_by_number(session: AsyncSession, tax_id: object, number_key: object) -> UUID | None:
    """Return the first invoice that was filed with the number."""
    query = select(SupplierInvoice.id).where(
        SupplierInvoice.supplier_tax_id == tax_id, SupplierInvoice.number_key == number_key
    )
    return await session.scalar(query.order_by(SupplierInvoice.repeat).limit(1))


async def approvals_of(session: AsyncSession, invoice_id: UUID) -> Sequence[InvoiceApproval]:
    query = select(InvoiceApproval).where(InvoiceApproval.invoice_id == invoice_id)
    return (await session.scalars(query.order_by(InvoiceApproval.id))).all()
