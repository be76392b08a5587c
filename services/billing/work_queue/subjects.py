"""What an item of the queue is about: an invoice, or the draft that becomes one under the same id."""

from contextlib import suppress
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.drafts.completing import completed
from services.billing.drafts.models import DraftState, InvoiceDraft
from services.billing.drafts.queries import get_draft
from services.billing.invoices.models import SupplierInvoice
from services.billing.invoices.queries import get_invoice
from services.billing.work_queue import rules
from services.billing.work_queue.rules import Reason, SubjectKind
from shared.contracts import billing as events
from shared.errors import NotFound
from shared.events import EventData

Subject = SupplierInvoice | InvoiceDraft


async def get_subject(session: AsyncSession, item_id: UUID, *, lock: bool = False) -> Subject:
    """Return the invoice, or the draft while there is none; locked for a change when asked. Raises NotFound."""
    with suppress(NotFound):
        return await get_invoice(session, item_id, lock=lock)
    draft = await get_draft(session, item_id, lock=lock)
    if draft.state == DraftState.REGISTERED:  # while its lock was waited for
        return await get_invoice(session, item_id, lock=lock)
    return draft


def kind_of(subject: Subject) -> SubjectKind:
    return SubjectKind.DRAFT if isinstance(subject, InvoiceDraft) else SubjectKind.INVOICE


def is_waiting(subject: Subject) -> bool:
    if isinstance(subject, InvoiceDraft):
        return subject.state == DraftState.OPEN
    return subject.status in rules.WAITING


def named(subject: Subject) -> dict[str, str]:
    """Return how a refusal names it: by its number, a draft without one by its id."""
    number = subject.number if isinstance(subject, SupplierInvoice) else _number_of(subject)
    return {"subject": kind_of(subject).value, "number": number}


def _number_of(draft: InvoiceDraft) -> str:
    return completed(draft.reading, draft.given).values.get("number") or str(draft.id)


def claimed(subject: Subject, reason: Reason) -> EventData:
    if isinstance(subject, InvoiceDraft):
        return events.DraftClaimed(draft_id=subject.id)
    return events.InvoiceClaimed(invoice_id=subject.id, reason=reason)


def returned(subject: Subject) -> EventData:
    if isinstance(subject, InvoiceDraft):
        return events.DraftReturned(draft_id=subject.id)
    return events.InvoiceReturned(invoice_id=subject.id)


def reassigned(subject: Subject, *, taken_over: bool) -> EventData:
    if isinstance(subject, InvoiceDraft):
        return events.DraftReassigned(draft_id=subject.id, taken_over=taken_over)
    return events.InvoiceReassigned(invoice_id=subject.id, taken_over=taken_over)
