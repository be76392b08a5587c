"""Use cases of supplier invoices; the only writer of their tables."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.duplicates.numbers import trace_of
from services.billing.duplicates.rules import key_of_lines, told_likeness
from services.billing.duplicates.service import Override, find_near_duplicates, keep_override, take_repeat
from services.billing.holds.errors import InvoiceHeld
from services.billing.holds.models import HoldKind
from services.billing.holds.queries import open_holds
from services.billing.holds.service import Found, raise_holds
from services.billing.identifiers import normalise_number, normalise_tax_id
from services.billing.invoices import queries, rules
from services.billing.invoices.deciders import check_next_approval, check_rejection
from services.billing.invoices.errors import DuplicateInvoice, IllegalTransition, PaidAhead, TotalsDoNotAddUp
from services.billing.invoices.models import InvoiceApproval, InvoiceStatus, Origin, SupplierInvoice
from services.billing.invoices.schemas import InvoiceIn, PaymentIn
from services.billing.matching.service import keep_new, match_new, rematch_behind
from services.billing.parties.service import account_doubts, lock_supplier, recognise_supplier
from services.billing.work_queue.queries import waits_since
from services.billing.work_queue.turns import end_turn, take_turn
from shared import outbox
from shared.auth import Principal
from shared.contracts import billing as events
from shared.events import Outcome
from shared.ids import uuid7
from shared.work import Effort

PROCESS = "accounts-payable"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a registered invoice was read from: its id is the invoice's, and there it waited since `since`.

    `brought_by` is who gave the accounts, or else the file; `prepared_by` are all who gave what it says.
    """

    id: UUID
    origin: Origin
    since: datetime
    accounts: list[str]
    brought_by: str
    prepared_by: list[str]


async def register_invoice(
    session: AsyncSession,
    received: InvoiceIn,
    by: Principal,
    effort: Effort,
    *,
    override: Override | None = None,
    source: Source | None = None,
) -> SupplierInvoice:
    """Put an invoice on file. Raises TotalsDoNotAddUp or DuplicateInvoice (also between concurrent requests).

    With an `override` it is the exact duplicate of another one; raises NotFound, NotARepeat, OverriderNotAPerson.
    """
    _check_totals(received)
    tax_id = normalise_tax_id(received.supplier.tax_id)
    recognised = await recognise_supplier(session, tax_id, received.supplier.name, effort.finished_at)
    values = _columns(received, by, effort) | {"supplier_id": recognised.supplier.id, "supplier_tax_id": tax_id}
    if source is not None:
        values |= {"id": source.id, "origin": source.origin, "prepared_by": source.prepared_by}
    invoice = await file_invoice(session, values, override)
    await lock_supplier(session, recognised, [received.supplier.name])
    found: Found = []
    if source is not None and source.accounts:
        accounts, brought_by, at = source.accounts, source.brought_by, effort.finished_at
        found = await account_doubts(session, recognised, invoice.id, accounts, brought_by, at)
    since = None if source is None else source.since
    await announce_invoice(session, invoice, found, effort, since=since, override=override)
    return invoice


async def file_invoice(
    session: AsyncSession, values: dict[str, Any], override: Override | None = None
) -> SupplierInvoice:
    """Insert an invoice. Raises DuplicateInvoice, also between concurrent requests; with an override what refuses that."""
    keys: dict[str, Any] = {
        "id": values.get("id") or uuid7(),
        "version": 1,
        "status": InvoiceStatus.REGISTERED,
        "number_key": normalise_number(values["number"]),
        "number_trace": trace_of(values["number"]),
        "lines_key": key_of_lines(values["lines"]),
    }
    if override is not None:
        keys["repeat"] = await take_repeat(session, override, values["supplier_tax_id"], keys["number_key"])
    statement = insert(SupplierInvoice).values(values | keys).on_conflict_do_nothing().returning(SupplierInvoice)
    invoice = (await session.scalars(statement)).one_or_none()
    if invoice is None:
        existing = await queries.find_by_number(session, values["supplier_tax_id"], keys["number_key"])
        raise DuplicateInvoice(number=values["number"], existing_id=str(existing))
    if override is not None:
        keep_override(session, invoice, override)
    return invoice


async def announce_invoice(
    session: AsyncSession,
    invoice: SupplierInvoice,
    found: Found,
    effort: Effort,
    verdict: str | None = None,
    *,
    since: datetime | None = None,
    override: Override | None = None,
) -> None:
    """Let the invoice wait for what was found, for what it may be a copy of and for what does not match its order.

    Record that it is on file, and how it matches; it waited for that since `since`.

    Its supplier is locked.
    """
    if likenesses := await find_near_duplicates(session, invoice):
        found = [*found, (HoldKind.NEAR_DUPLICATE, {"likenesses": [told_likeness(each) for each in likenesses]})]
    if match := await match_new(session, invoice):
        found = [*found, *match.doubts]
    raise_holds(session, invoice.id, found, effort.finished_at)
    event = events.InvoiceRegistered(
        invoice_id=invoice.id,
        number=invoice.number,
        gross=rules.Totals(invoice.net, invoice.tax, invoice.gross).rounded(invoice.currency).gross,
        currency=invoice.currency,
        due_date=invoice.due_date,
        origin=invoice.origin,
        verdict=verdict,
        holds=sorted({kind.value for kind, _ in found}),
        repeats=None if override is None else override.repeats_id,
    )
    work = effort.on(PROCESS, "register-invoice", invoice.id, requested_at=since)
    outbox.record(session, event, subject=invoice.id, work=work)
    if match:
        await keep_new(session, invoice, match)


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
        "origin": Origin.KEYED,
        "is_credit_note": False,
        "supplier_name": received.supplier.name,
        "number": received.number,
        "issue_date": received.issue_date,
        "due_date": received.due_date,
        "currency": received.currency,
        "net": totals.net,
        "tax": totals.tax,
        "gross": totals.gross,
        "lines": [line.model_dump(exclude_none=True) for line in received.lines],
        "vat_breakdown": [vat.model_dump() for vat in received.vat_breakdown],
        "references_key": None,
        "purchase_order": received.purchase_order,
        "status_since": effort.finished_at,
        "registered_by": by.id,
        "registered_at": effort.finished_at,
    }


async def validate_invoice(session: AsyncSession, invoice: SupplierInvoice, by: Principal, effort: Effort) -> None:
    """Confirm that the invoice is right and ready for a decision.

    Raises InvoiceHeld while somebody has to look at it, ClaimedByAnother.
    """
    _require(invoice, InvoiceStatus.REGISTERED, "validation")
    turn = await take_turn(session, invoice, by, effort)
    await validate_by_rule(session, invoice, turn)
    await end_turn(session, turn, invoice, by)


async def validate_by_rule(session: AsyncSession, invoice: SupplierInvoice, effort: Effort) -> None:
    """Let the invoice be decided: nothing speaks against it. Raises InvoiceHeld."""
    _require(invoice, InvoiceStatus.REGISTERED, "validation")
    if held := await open_holds(session, invoice.id):
        raise InvoiceHeld(number=invoice.number, holds=[{"id": str(hold.id), "kind": hold.kind} for hold in held])
    since = await waits_since(session, invoice)
    work = effort.on(PROCESS, "validate-invoice", invoice.id, requested_at=since)
    _enter(invoice, InvoiceStatus.VALIDATED, effort)
    outbox.record(session, events.InvoiceValidated(invoice_id=invoice.id), subject=invoice.id, work=work)


async def approve_invoice(session: AsyncSession, invoice: SupplierInvoice, by: Principal, effort: Effort) -> None:
    """Give one person's approval; the last that is needed releases the invoice for payment.

    Raises what `check_next_approval` does, and ClaimedByAnother.
    """
    _require(invoice, InvoiceStatus.VALIDATED, "approval")
    given = await check_next_approval(session, invoice, by)
    turn, since = await take_turn(session, invoice, by, effort), await waits_since(session, invoice)
    approval = {"approved_by": by.id, "approved_at": turn.finished_at, "answers": given.answers}
    session.add(InvoiceApproval(id=uuid7(), invoice_id=invoice.id, **approval))
    invoice.approvals, invoice.approvals_needed = given.number, given.needed
    if given.number < given.needed:
        work = turn.on(PROCESS, "give-first-approval", invoice.id, requested_at=since)
        event = events.InvoiceApprovalGiven(invoice_id=invoice.id, given=given.number, needed=given.needed)
        outbox.record(session, event, subject=invoice.id, work=work)
    else:
        _approve(session, invoice, by.id, since, turn)
    await end_turn(session, turn, invoice, by)


def approve_by_rule(session: AsyncSession, invoice: SupplierInvoice, rules_id: str, effort: Effort) -> None:
    """Release a validated invoice for payment: a rule of the active policy said so, and nothing spoke against it."""
    _require(invoice, InvoiceStatus.VALIDATED, "approval")
    _approve(session, invoice, rules_id, invoice.status_since, effort)


def _approve(session: AsyncSession, invoice: SupplierInvoice, decided_by: str, since: datetime, effort: Effort) -> None:
    work = effort.on(PROCESS, "approve-invoice", invoice.id, requested_at=since)
    invoice.decided_by = decided_by
    _enter(invoice, InvoiceStatus.APPROVED, effort)
    outbox.record(session, events.InvoiceApproved(invoice_id=invoice.id), subject=invoice.id, work=work)


async def reject_invoice(
    session: AsyncSession, invoice: SupplierInvoice, reason: str, by: Principal, effort: Effort
) -> None:
    """Refuse the invoice, with the reason; the operation counts as an error of the process.

    One that is held may be refused at once: it need not be found right first.
    """
    if invoice.status != InvoiceStatus.REGISTERED or not await open_holds(session, invoice.id):
        _require(invoice, InvoiceStatus.VALIDATED, "rejection")
    await check_rejection(session, invoice, by)
    turn = await take_turn(session, invoice, by, effort)
    await _reject(session, invoice, reason, by.id, turn)
    await end_turn(session, turn, invoice, by)


async def reject_by_rule(
    session: AsyncSession, invoice: SupplierInvoice, reason: str, rules_id: str, effort: Effort
) -> None:
    """Refuse an invoice that has just come in or was let go: a rule of the active policy said so."""
    _require(invoice, InvoiceStatus.REGISTERED, "rejection")
    await _reject(session, invoice, reason, rules_id, effort)


async def _reject(
    session: AsyncSession, invoice: SupplierInvoice, reason: str, decided_by: str, effort: Effort
) -> None:
    """Refuse the invoice; what waits behind it for what it billed is matched once more."""
    since = await waits_since(session, invoice)
    work = effort.on(PROCESS, "approve-invoice", invoice.id, outcome=Outcome.ERROR, requested_at=since)
    invoice.decided_by, invoice.decision_reason = decided_by, reason
    _enter(invoice, InvoiceStatus.REJECTED, effort)
    outbox.record(session, events.InvoiceRejected(invoice_id=invoice.id), subject=invoice.id, work=work)
    await rematch_behind(session, invoice)


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


def _require(invoice: SupplierInvoice, status: InvoiceStatus, step: str) -> None:
    if invoice.status != status:
        raise IllegalTransition(number=invoice.number, state=invoice.status, step=step, needed=status.value)


def _enter(invoice: SupplierInvoice, status: InvoiceStatus, effort: Effort) -> None:
    invoice.status, invoice.status_since = status, effort.finished_at
