"""Reads of holds. Row-level security keeps them to the caller's tenant."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.holds.models import HoldKind, InvoiceHold
from services.billing.invoices.models import HELD_WHILE, InvoiceStatus, SupplierInvoice
from shared.errors import NotFound


def is_held(*kinds: str) -> ColumnElement[bool]:
    """Return the condition that an invoice waits for open holds, of any kind or of these; what was rejected waits for none."""
    waits = exists().where(InvoiceHold.invoice_id == SupplierInvoice.id, InvoiceHold.released_at.is_(None))
    return and_(SupplierInvoice.status == HELD_WHILE, waits.where(InvoiceHold.kind.in_(kinds)) if kinds else waits)


async def holds_of(session: AsyncSession, invoice_id: UUID) -> Sequence[InvoiceHold]:
    query = select(InvoiceHold).where(InvoiceHold.invoice_id == invoice_id)
    return (await session.scalars(query.order_by(InvoiceHold.id))).all()


async def open_holds(session: AsyncSession, invoice_id: UUID) -> list[InvoiceHold]:
    return [hold for hold in await holds_of(session, invoice_id) if hold.released_at is None]


async def get_hold(session: AsyncSession, invoice_id: UUID, hold_id: UUID) -> InvoiceHold:
    """Return one hold of the invoice. Raises NotFound."""
    query = select(InvoiceHold).where(InvoiceHold.id == hold_id, InvoiceHold.invoice_id == invoice_id)
    hold = (await session.scalars(query.with_for_update())).one_or_none()
    if hold is None:
        raise NotFound
    return hold


async def lock_waiting(session: AsyncSession, account_id: UUID) -> Sequence[SupplierInvoice]:
    """Return the invoices that wait for an account, locked one after another; what was rejected waits no more."""
    waits = select(InvoiceHold.invoice_id).where(_open_for(account_id))
    query = select(SupplierInvoice).where(
        SupplierInvoice.id.in_(waits), SupplierInvoice.status == InvoiceStatus.REGISTERED
    )
    return (await session.scalars(query.order_by(SupplierInvoice.id).with_for_update(key_share=True))).all()


async def open_for_account(
    session: AsyncSession, account_id: UUID, waiting: Sequence[SupplierInvoice]
) -> Sequence[InvoiceHold]:
    """Return what holds these invoices for an account."""
    of_them = InvoiceHold.invoice_id.in_([invoice.id for invoice in waiting])
    query = select(InvoiceHold).where(_open_for(account_id), of_them)
    return (await session.scalars(query.order_by(InvoiceHold.id).with_for_update())).all()


def _open_for(account_id: UUID) -> ColumnElement[bool]:
    return and_(
        InvoiceHold.kind == HoldKind.ACCOUNT_CHANGED,
        InvoiceHold.details["account_id"].astext == str(account_id),
        InvoiceHold.released_at.is_(None),
    )


async def match_holds(session: AsyncSession, invoice_id: UUID) -> Sequence[InvoiceHold]:
    """Return what the invoice was ever held for by matching, locked, the last one first."""
    query = select(InvoiceHold).where(
        InvoiceHold.invoice_id == invoice_id, InvoiceHold.kind == HoldKind.MATCH_EXCEPTION
    )
    locked = query.order_by(InvoiceHold.id.desc()).with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(locked)).all()
