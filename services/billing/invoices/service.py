"""Use cases of supplier invoices; the only writer of their tables."""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.invoices import queries, rules
from services.billing.invoices.errors import (
    DuplicateInvoice,
    IllegalTransition,
    OwnInvoice,
    PaidAhead,
    TotalsDoNotAddUp,
)
from services.billing.invoices.models import InvoiceStatus, SupplierInvoice
from services.billing.invoices.schemas import InvoiceIn, PaymentIn
from shared import outbox
from shared.auth import Principal
from shared.contracts import billing as events
from shared.events import Outcome
from shared.ids import uuid7
from shared.work import Effort

PROCESS = "accounts-payable"


async def register_invoice(
    session: AsyncSession, received: InvoiceIn, by: Principal, effort: Effort
) -> SupplierInvoice:
    """Put an invoice on file. Raises TotalsDoNotAddUp or DuplicateInvoice (also between concurrent requests)."""
    _check_totals(received)
    values = _columns(received, by, effort)
    statement = insert(SupplierInvoice).values(values).on_conflict_do_nothing().returning(SupplierInvoice)
    invoice = (await session.scalars(statement)).one_or_none()
    if invoice is None:
        existing = await queries.find_by_number(session, values["supplier_tax_id"], values["number_key"])
        raise DuplicateInvoice(number=received.number, existing_id=str(existing))
    event = events.InvoiceRegistered(
        invoice_id=invoice.id,
        number=invoice.number,
        gross=received.totals.as_totals().rounded(invoice.currency).gross,
        currency=invoice.currency,
        due_date=invoice.due_date,
    )
    outbox.record(session, event, subject=invoice.id, work=effort.on(PROCESS, "register-invoice", invoice.id))
    return invoice


def _check_totals(received: InvoiceIn) -> None:
    differences = rules.find_differences(
        [line.as_line() for line in received.lines],
        [vat.as_vat() for vat in received.vat_breakdown],
        received.totals.as_totals(),
        received.currency,
    )
    if differences:
        raise TotalsDoNotAddUp(
            differences=[
                {"at": item.at, "expected": str(item.expected), "found": str(item.found)} for item in differences
            ]
        )


def _columns(received: InvoiceIn, by: Principal, effort: Effort) -> dict[str, object]:
    totals = received.totals.as_totals()
    return {
        "id": uuid7(),
        "version": 1,
        "supplier_tax_id": rules.normalise_tax_id(received.supplier.tax_id),
        "supplier_name": received.supplier.name,
        "number": received.number,
        "number_key": rules.normalise_number(received.number),
        "issue_date": received.issue_date,
        "due_date": received.due_date,
        "currency": received.currency,
        "net": totals.net,
        "tax": totals.tax,
        "gross": totals.gross,
        "lines": [line.model_dump() for line in received.lines],
        "vat_breakdown": [vat.model_dump() for vat in received.vat_breakdown],
        "status": InvoiceStatus.REGISTERED,
        "status_since": effort.finished_at,
        "registered_by": by.id,
        "registered_at": effort.finished_at,
    }


async def validate_invoice(session: AsyncSession, invoice: SupplierInvoice, effort: Effort) -> None:
    """Confirm that the invoice is right and ready for a decision."""
    _require(invoice, InvoiceStatus.REGISTERED, "validation")
    work = effort.on(PROCESS, "validate-invoice", invoice.id, requested_at=invoice.status_since)
    _enter(invoice, InvoiceStatus.VALIDATED, effort)
    outbox.record(session, events.InvoiceValidated(invoice_id=invoice.id), subject=invoice.id, work=work)


async def approve_invoice(session: AsyncSession, invoice: SupplierInvoice, by: Principal, effort: Effort) -> None:
    """Release the invoice for payment. Raises OwnInvoice for the one who registered it."""
    _check_decision(invoice, by, "approval")
    work = effort.on(PROCESS, "approve-invoice", invoice.id, requested_at=invoice.status_since)
    invoice.decided_by = by.id
    _enter(invoice, InvoiceStatus.APPROVED, effort)
    outbox.record(session, events.InvoiceApproved(invoice_id=invoice.id), subject=invoice.id, work=work)


async def reject_invoice(
    session: AsyncSession, invoice: SupplierInvoice, reason: str, by: Principal, effort: Effort
) -> None:
    """Refuse the invoice, with the reason; the operation counts as an error of the process."""
    _check_decision(invoice, by, "rejection")
    work = effort.on(PROCESS, "approve-invoice", invoice.id, outcome=Outcome.ERROR, requested_at=invoice.status_since)
    invoice.decided_by, invoice.decision_reason = by.id, reason
    _enter(invoice, InvoiceStatus.REJECTED, effort)
    outbox.record(session, events.InvoiceRejected(invoice_id=invoice.id), subject=invoice.id, work=work)


async def mark_paid(session: AsyncSession, invoice: SupplierInvoice, payment: PaymentIn, effort: Effort) -> None:
    """Note that the approved invoice was paid. Raises PaidAhead."""
    _require(invoice, InvoiceStatus.APPROVED, "payment")
    if rules.is_paid_ahead(payment.paid_on, effort.finished_at):
        raise PaidAhead(paid_on=payment.paid_on.isoformat())
    work = effort.on(PROCESS, "pay-invoice", invoice.id, requested_at=invoice.status_since)
    invoice.paid_on, invoice.payment_reference = payment.paid_on, payment.reference
    _enter(invoice, InvoiceStatus.PAID, effort)
    event = events.InvoicePaid(invoice_id=invoice.id, paid_on=payment.paid_on)
    outbox.record(session, event, subject=invoice.id, work=work)


def _check_decision(invoice: SupplierInvoice, by: Principal, step: str) -> None:
    _require(invoice, InvoiceStatus.VALIDATED, step)
    if invoice.registered_by == by.id:
        raise OwnInvoice(number=invoice.number)


def _require(invoice: SupplierInvoice, status: InvoiceStatus, step: str) -> None:
    if invoice.status != status:
        raise IllegalTransition(number=invoice.number, state=invoice.status, step=step, needed=status.value)


def _enter(invoice: SupplierInvoice, status: InvoiceStatus, effort: Effort) -> None:
    invoice.status, invoice.status_since = status, effort.finished_at
