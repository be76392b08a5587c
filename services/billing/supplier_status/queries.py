"""Reads of what suppliers may be told. Row-level security keeps them to the caller's tenant."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import load_only

from services.billing.holds.models import HoldKind, InvoiceHold
from services.billing.invoices.models import InvoiceStatus, SupplierInvoice
from services.billing.invoices.rules import as_shown
from services.billing.parties.models import SupplierTaxId
from services.billing.supplier_status.rules import Stage, Standing, is_open, is_overdue
from services.billing.supplier_status.schemas import InvoiceStatusOut, StatusTotalsOut, present_status
from shared.errors import Language
from shared.pagination import Page, PageRequest, fetch_page

_INVALID = InvoiceHold.kind == HoldKind.INVALID
_TOLD = (
    SupplierInvoice.id,
    SupplierInvoice.supplier_id,
    SupplierInvoice.number,
    SupplierInvoice.is_credit_note,
    SupplierInvoice.issue_date,
    SupplierInvoice.due_date,
    SupplierInvoice.currency,
    SupplierInvoice.gross,
    SupplierInvoice.registered_at,
    SupplierInvoice.status,
    SupplierInvoice.paid_on,
    SupplierInvoice.payment_reference,
)


@dataclass(slots=True)
class Sums:
    """What a supplier's invoices come to, by stage and by currency."""

    counts: Counter[Stage] = field(default_factory=Counter)
    open: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    overdue: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    paid: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def add(self, row: Any, today: date) -> None:
        stage = Standing(InvoiceStatus(row.status), row.is_held, row.is_invalid).stage
        amount = -row.gross if row.is_credit_note else row.gross
        self.counts[stage] += row.invoices
        if is_open(stage):
            self.open[row.currency] += amount
        if is_overdue(stage, row.latest_due, today, is_credit_note=row.is_credit_note):
            self.overdue[row.currency] += amount
        if stage is Stage.PAID:
            self.paid[row.currency] += amount

    def told(self) -> list[StatusTotalsOut]:
        by_currency = (self.open, self.overdue, self.paid)
        currencies = sorted({currency for sums in by_currency for currency in sums})
        return [
            StatusTotalsOut(
                currency=each,
                open=as_shown(self.open[each], each),
                overdue=as_shown(self.overdue[each], each),
                paid=as_shown(self.paid[each], each),
            )
            for each in currencies
        ]


async def sum_up(session: AsyncSession, supplier_id: UUID, today: date) -> Sums:
    """Return what all of a supplier's invoices come to, in one statement."""
    held = (
        select(InvoiceHold.invoice_id, func.bool_or(_INVALID).label("is_invalid"))
        .join(SupplierInvoice, SupplierInvoice.id == InvoiceHold.invoice_id)
        .where(InvoiceHold.released_at.is_(None), SupplierInvoice.supplier_id == supplier_id)
        .group_by(InvoiceHold.invoice_id)
        .subquery()
    )
    groups = (
        SupplierInvoice.status,
        SupplierInvoice.currency,
        SupplierInvoice.is_credit_note,
        held.c.invoice_id.is_not(None).label("is_held"),
        func.coalesce(held.c.is_invalid, False).label("is_invalid"),
        (SupplierInvoice.due_date < today).label("is_past"),
    )
    sums = (func.count().label("invoices"), func.sum(SupplierInvoice.gross).label("gross"))
    query = (
        select(*groups, *sums, func.max(SupplierInvoice.due_date).label("latest_due"))
        .outerjoin(held, held.c.invoice_id == SupplierInvoice.id)
        .where(SupplierInvoice.supplier_id == supplier_id)
        .group_by(*groups)
    )
    summed = Sums()
    for row in (await session.execute(query)).all():
        summed.add(row, today)
    return summed


async def page_of_supplier(
    session: AsyncSession, page: PageRequest, supplier_id: UUID, today: date, language: Language
) -> Page[InvoiceStatusOut]:
    query = select(SupplierInvoice).where(SupplierInvoice.supplier_id == supplier_id)
    return await _present(session, query, page, today, language)


async def page_of_number(
    session: AsyncSession, page: PageRequest, tax_id: str, number_key: str, today: date, language: Language
) -> Page[InvoiceStatusOut]:
    """Return the invoices of a number, whichever of its tax numbers the supplier names."""
    owner = select(SupplierTaxId.supplier_id).where(SupplierTaxId.tax_id == tax_id)
    its_own = select(SupplierTaxId.tax_id).where(SupplierTaxId.supplier_id.in_(owner))
    query = select(SupplierInvoice).where(
        SupplierInvoice.supplier_tax_id.in_(its_own), SupplierInvoice.number_key == number_key
    )
    return await _present(session, query, page, today, language)


async def _present(
    session: AsyncSession, query: Select[Any], page: PageRequest, today: date, language: Language
) -> Page[InvoiceStatusOut]:
    def same(invoice: SupplierInvoice) -> SupplierInvoice:
        return invoice

    found: Any = await fetch_page(session, query.options(load_only(*_TOLD)), SupplierInvoice.id, page, same)
    holds = await _open_holds(session, [invoice.id for invoice in found.items])
    told = [present_status(each, _standing(each, holds), today, language) for each in found.items]
    return Page[InvoiceStatusOut](items=told, next_cursor=found.next_cursor)


async def _open_holds(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, bool]:
    """Return the invoices that wait, and whether for a valid document."""
    query = (
        select(InvoiceHold.invoice_id, func.bool_or(_INVALID))
        .where(InvoiceHold.invoice_id.in_(ids), InvoiceHold.released_at.is_(None))
        .group_by(InvoiceHold.invoice_id)
    )
    return dict((await session.execute(query)).all())


def _standing(invoice: SupplierInvoice, holds: dict[UUID, bool]) -> Standing:
    return Standing(InvoiceStatus(invoice.status), invoice.id in holds, holds.get(invoice.id, False))
