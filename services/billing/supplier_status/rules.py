"""Which stage an invoice has reached, in a supplier's eyes. Pure."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.billing.invoices.models import InvoiceStatus


class Stage(StrEnum):
    """Few, and none of them says what an invoice is looked at for."""

    RECEIVED = "received"
    BEING_CHECKED = "being-checked"
    WAITING_FOR_SUPPLIER = "waiting-for-supplier"
    APPROVED = "approved"
    PAID = "paid"
    REJECTED = "rejected"


_SETTLED = {
    InvoiceStatus.APPROVED: Stage.APPROVED,
    InvoiceStatus.PAID: Stage.PAID,
    InvoiceStatus.REJECTED: Stage.REJECTED,
    InvoiceStatus.VALIDATED: Stage.BEING_CHECKED,
}
_OVER = {Stage.PAID, Stage.REJECTED}


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides about the stage: the invoice's status, and whether it waits for anything, and for a valid document."""

    status: InvoiceStatus
    is_held: bool
    is_invalid: bool

    @property
    def stage(self) -> Stage:
        if self.status in _SETTLED:
            return _SETTLED[self.status]
        if self.is_invalid:
            return Stage.WAITING_FOR_SUPPLIER
        return Stage.BEING_CHECKED if self.is_held else Stage.RECEIVED


def is_open(stage: Stage) -> bool:
    """Tell whether the invoice is still to be paid."""
    return stage not in _OVER


def is_overdue(stage: Stage, due_date: date, today: date, *, is_credit_note: bool) -> bool:
    """Tell whether we are late: not with what the supplier has to correct, nor with what is owed to us."""
    waits = stage is Stage.WAITING_FOR_SUPPLIER
    return is_open(stage) and not waits and not is_credit_note and due_date < today


def expected_payment(stage: Stage, due_date: date, today: date, *, is_credit_note: bool) -> date | None:
    """Return the day on which the supplier may expect its money; None where no day can be named."""
    waits = stage is Stage.WAITING_FOR_SUPPLIER
    if not is_open(stage) or waits or is_credit_note or due_date < today:
        return None
    return due_date
