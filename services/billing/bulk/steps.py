"""The steps that a bulk decision takes: those of the single invoice, with all their rules."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.bulk.models import Step
from services.billing.bulk.outcomes import NoSuchHold
from services.billing.decisions.models import Occasion
from services.billing.decisions.service import decide_invoices
from services.billing.holds.models import HoldScope
from services.billing.holds.queries import get_hold, holds_of
from services.billing.holds.schemas import ReleaseIn
from services.billing.holds.service import release_hold
from services.billing.invoices import service as invoices
from services.billing.invoices.models import InvoiceStatus, SupplierInvoice
from shared.auth import Principal
from shared.work import Effort

_TAKEN = {
    Step.VALIDATION: {InvoiceStatus.VALIDATED, InvoiceStatus.APPROVED, InvoiceStatus.PAID},
    Step.APPROVAL: {InvoiceStatus.APPROVED, InvoiceStatus.PAID},
    Step.REJECTION: {InvoiceStatus.REJECTED},
    Step.RELEASE: set(),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A step, with the reason and the kind of hold where it has them."""

    step: Step
    reason: str | None = None
    hold: str | None = None


async def is_taken(session: AsyncSession, invoice: SupplierInvoice, wanted: Wanted) -> bool:
    """Tell whether the invoice is already where the step would bring it. Raises NoSuchHold."""
    if wanted.step is not Step.RELEASE:
        return invoice.status in _TAKEN[wanted.step]
    holds = [hold for hold in await holds_of(session, invoice.id) if hold.kind == wanted.hold]
    if not holds:
        raise NoSuchHold(number=invoice.number, hold=wanted.hold)
    return all(hold.released_at is not None for hold in holds)


async def take(session: AsyncSession, invoice: SupplierInvoice, wanted: Wanted, by: Principal, effort: Effort) -> None:
    """Take the step. Raises whatever refuses the single step; the invoice is locked."""
    match wanted.step:
        case Step.VALIDATION:
            await invoices.validate_invoice(session, invoice, by, effort)
        case Step.APPROVAL:
            await invoices.approve_invoice(session, invoice, by, effort)
        case Step.REJECTION:
            await invoices.reject_invoice(session, invoice, wanted.reason or "", by, effort)
        case Step.RELEASE:
            await _release(session, invoice, wanted, by, effort)


async def _release(
    session: AsyncSession, invoice: SupplierInvoice, wanted: Wanted, by: Principal, effort: Effort
) -> None:
    """Release the hold of the kind. An invoice has one of each that a reason releases; accounts are verified instead."""
    held = [hold for hold in await holds_of(session, invoice.id) if hold.kind == wanted.hold]
    waiting = next(hold for hold in held if hold.released_at is None)
    hold = await get_hold(session, invoice.id, waiting.id)
    why = ReleaseIn(reason=wanted.reason or "", scope=HoldScope.INVOICE)
    await release_hold(session, invoice, hold, why, by, effort)
    await decide_invoices(session, [invoice], Occasion.RELEASE, by)
