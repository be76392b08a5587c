"""Reads of single items of the work queue. Row-level security keeps them to the caller's tenant."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.drafts.models import InvoiceDraft
from services.billing.holds.models import InvoiceHold
from services.billing.holds.queries import holds_of
from services.billing.invoices.models import InvoiceApproval, InvoiceStatus
from services.billing.work_queue.models import WorkAssignment
from services.billing.work_queue.schemas import HistoryOut
from services.billing.work_queue.subjects import Subject
from shared.pagination import Page, PageRequest, fetch_page

# One step of a person at a time is measured; the lock ends with the step's transaction.
_ALONE = text(
    "SELECT pg_try_advisory_xact_lock(hashtextextended("
    "'billing.work:' || current_setting('trastienda.tenant') || ':' || :person, 0))"
)


async def assignments_of(session: AsyncSession, invoice_id: UUID) -> Sequence[WorkAssignment]:
    """Return who ever had the invoice, the first one first."""
    query = select(WorkAssignment).where(WorkAssignment.invoice_id == invoice_id)
    return (await session.scalars(query.order_by(WorkAssignment.id))).all()


async def last_release(session: AsyncSession, invoice_id: UUID) -> datetime | None:
    """Return when a hold of the invoice was last released: that was work on it, claimed or not."""
    return await session.scalar(select(func.max(InvoiceHold.released_at)).where(InvoiceHold.invoice_id == invoice_id))


async def open_assignment(session: AsyncSession, invoice_id: UUID) -> WorkAssignment | None:
    query = select(WorkAssignment).where(WorkAssignment.invoice_id == invoice_id, WorkAssignment.ended_at.is_(None))
    return (await session.scalars(query)).one_or_none()


async def is_alone(session: AsyncSession, person: str) -> bool:
    """Tell whether no other request of this person is about to say when they finished a step; none does from here on."""
    return bool(await session.scalar(_ALONE, {"person": person}))


async def last_finish(session: AsyncSession, person: str) -> datetime | None:
    """Return when the person last finished a step within a claim, whatever it was about."""
    query = select(func.max(WorkAssignment.worked_until)).where(WorkAssignment.assignee == person)
    return await session.scalar(query)


async def waits_since(session: AsyncSession, invoice: Subject) -> datetime:
    """Return since when it waits for its next step, whoever may have worked on it meanwhile."""
    if isinstance(invoice, InvoiceDraft):
        return invoice.received_at
    if invoice.status == InvoiceStatus.REGISTERED:
        holds = await holds_of(session, invoice.id)
        raised = [hold.raised_at for hold in holds if hold.released_at is None]
        released = [hold.released_at for hold in holds if hold.released_at is not None]
        return max([min(raised, default=invoice.status_since), *released])
    if invoice.approvals:
        approvals = select(func.max(InvoiceApproval.approved_at)).where(InvoiceApproval.invoice_id == invoice.id)
        return await session.scalar(approvals) or invoice.status_since
    return invoice.status_since


async def list_assignments(session: AsyncSession, page: PageRequest, invoice_id: UUID) -> Page[HistoryOut]:
    query = select(WorkAssignment).where(WorkAssignment.invoice_id == invoice_id)
    return await fetch_page(session, query, WorkAssignment.id, page, HistoryOut.model_validate)
