"""Why an invoice waits, how long a claim lasts, and when work within it began. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum

from services.billing.invoices.models import InvoiceStatus

WAITING = (InvoiceStatus.REGISTERED, InvoiceStatus.VALIDATED)

# Without a day that a person has set, an invoice is to be decided some days before it has to be paid, yet within some days
# of its arrival, and one that comes late is given at least a few.
DAYS_BEFORE_PAYMENT, MOST_DAYS, LEAST_DAYS = 3, 10, 2

# A claim is somebody at work. One without a step for longer is forgotten: it keeps nobody off and measures nothing.
CLAIM_LASTS = timedelta(hours=8)


class SubjectKind(StrEnum):
    INVOICE = "invoice"
    DRAFT = "draft"


class Reason(StrEnum):
    TO_COMPLETE = "to-complete"
    EXCEPTION = "exception"
    TO_VALIDATE = "to-validate"
    TO_APPROVE = "to-approve"
    SECOND_APPROVAL = "second-approval"


APPROVALS = (Reason.TO_APPROVE, Reason.SECOND_APPROVAL)


class DueSource(StrEnum):
    """Where a day comes from: a person has set it, or it follows from when the invoice is to be paid, or when it came in."""

    PERSON = "person"
    PAYMENT = "payment"
    ARRIVAL = "arrival"


def reason_of(status: str, approvals: int, *, is_held: bool) -> Reason | None:
    """Return what the invoice waits for; None once it is decided."""
    if status == InvoiceStatus.REGISTERED:
        return Reason.EXCEPTION if is_held else Reason.TO_VALIDATE
    if status == InvoiceStatus.VALIDATED:
        return Reason.SECOND_APPROVAL if approvals else Reason.TO_APPROVE
    return None


def lapses_at(claimed_at: datetime | None, worked_until: datetime | None) -> datetime | None:
    """Return when a claim is forgotten; None for an assignment that was not begun, which stands until it is changed."""
    last = worked_until or claimed_at
    return None if last is None else last + CLAIM_LASTS


def begun_at(claimed_at: datetime, finished_at: datetime, *others: datetime | None) -> datetime:
    """Return when work on a step began: with the claim, or with what came after it and before the step's end.

    Whoever does one thing after another works on each from where the last one ended.
    """
    return min(max([claimed_at, *(other for other in others if other is not None)]), finished_at)
