"""What goes out about the state of a supplier's invoices: no accounts, no reasons, no people."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from services.billing.invoices.models import SupplierInvoice
from services.billing.invoices.rules import as_shown
from services.billing.supplier_status.rules import Stage, Standing, expected_payment, is_overdue
from services.billing.supplier_status.texts import told_stage
from shared.errors import Language
from shared.schemas import ResponseModel


class InvoiceStatusOut(ResponseModel):
    """Where one invoice is. `text` is made to be read out to the supplier, in the caller's language.

    `expected_payment_on` is null where no day can be named: it is over, is overdue, has to be corrected, or is a credit note.
    """

    invoice_id: UUID
    supplier_id: UUID
    number: str
    is_credit_note: bool
    issue_date: date
    due_date: date
    currency: str
    gross: Decimal
    received_at: datetime
    stage: Stage
    expected_payment_on: date | None
    is_overdue: bool
    paid_on: date | None
    payment_reference: str | None
    text: str


class StatusTotalsOut(ResponseModel):
    """Sums of one currency; credit notes are taken off. `overdue` is a part of `open`."""

    currency: str
    open: Decimal
    overdue: Decimal
    paid: Decimal


class SupplierStatusOut(ResponseModel):
    """All of a supplier's invoices: how many are where, what they come to, and a page of them, newest first."""

    supplier_id: UUID
    name: str
    counts: dict[Stage, int]
    totals: list[StatusTotalsOut]
    items: list[InvoiceStatusOut]
    next_cursor: str | None


def present_status(invoice: SupplierInvoice, standing: Standing, today: date, language: Language) -> InvoiceStatusOut:
    stage, is_credit_note = standing.stage, invoice.is_credit_note
    overdue = is_overdue(stage, invoice.due_date, today, is_credit_note=is_credit_note)
    expected_on = expected_payment(stage, invoice.due_date, today, is_credit_note=is_credit_note)
    return InvoiceStatusOut(
        invoice_id=invoice.id,
        supplier_id=invoice.supplier_id,
        number=invoice.number,
        is_credit_note=is_credit_note,
        issue_date=invoice.issue_date,
        due_date=invoice.due_date,
        currency=invoice.currency,
        gross=as_shown(invoice.gross, invoice.currency),
        received_at=invoice.registered_at,
        stage=stage,
        expected_payment_on=expected_on,
        is_overdue=overdue,
        paid_on=invoice.paid_on,
        payment_reference=invoice.payment_reference,
        text=told_stage(
            stage,
            language,
            number=invoice.number,
            is_credit_note=is_credit_note,
            paid=(invoice.paid_on, invoice.payment_reference),
            expected_on=expected_on,
            overdue_since=invoice.due_date if overdue else None,
        ),
    )
