"""Reads of supplier invoices. Row-level security keeps them to the caller's tenant."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.holds.models import InvoiceHold
from services.billing.invoices.models import InvoiceApproval, InvoiceStatus, SupplierInvoice
from services.billing.invoices.schemas import InvoiceOut, present_invoice
from shared.errors import NotFound
from shared.pagination import Page, PageRequest, fetch_page


async def get_invoice(session: AsyncSession, invoice_id: UUID, *, lock: bool = False) -> SupplierInvoice:
    """Return one invoice, locked for a change when asked. Raises NotFound, also for another tenant's."""
    query = select(SupplierInvoice).where(SupplierInvoice.id == invoice_id)
    invoice = (await session.scalars(query.with_for_update() if lock else query)).one_or_none()
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


async def list_invoices(
    session: AsyncSession,
    page: PageRequest,
    status: InvoiceStatus | None,
    supplier_tax_id: str | None,
    held: bool | None,
) -> Page[InvoiceOut]:
    query = select(SupplierInvoice)
    if status is not None:
        query = query.where(SupplierInvoice.status == status)
    if supplier_tax_id is not None:
        query = query.where(SupplierInvoice.supplier_tax_id == supplier_tax_id)
    if held is not None:
        waits = exists().where(InvoiceHold.invoice_id == SupplierInvoice.id, InvoiceHold.released_at.is_(None))
        query = query.where(waits if held else ~waits)
    return await fetch_page(session, query, SupplierInvoice.id, page, present_invoice)
