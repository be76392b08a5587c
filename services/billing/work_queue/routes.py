"""HTTP of the work queue."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.billing.drafts.errors import DraftSettled
from services.billing.invoices.errors import NotAsked, OwnDraft, OwnInvoice, SameApprover
from services.billing.work_queue import listing, queries, service, summary
from services.billing.work_queue.errors import (
    AlreadyAssigned,
    ClaimedByAnother,
    MayNotDecide,
    NotClaimed,
    NotWaiting,
    WorkerNotAPerson,
)
from services.billing.work_queue.schemas import (
    DueIn,
    HistoryOut,
    QueueQuery,
    ReassignmentIn,
    ReturnIn,
    SummaryOut,
    WorkItemOut,
)
from services.billing.work_queue.subjects import Subject, get_subject
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import NotFound, problems
from shared.etag import row_to_change
from shared.idempotency import Idempotent
from shared.pagination import InvalidCursor, Page, PageOf
from shared.routing import ServiceRoute
from shared.work import HumanWork

router = APIRouter(prefix="/billing/work-items", tags=["work queue"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("billing.invoices:read")]
CanWrite = Annotated[Principal, requires("billing.invoices:write")]
CanApprove = Annotated[Principal, requires("billing.invoices:approve")]

CurrentItem = Annotated[Subject, row_to_change(get_subject, "item_id")]
CLAIM_REFUSALS = problems(
    NotWaiting, DraftSettled, WorkerNotAPerson, ClaimedByAnother, OwnInvoice, OwnDraft, SameApprover, NotAsked
)
RETURN_REFUSALS = problems(NotWaiting, DraftSettled, NotClaimed, ClaimedByAnother)
REASSIGNMENT_REFUSALS = problems(NotWaiting, DraftSettled, WorkerNotAPerson, AlreadyAssigned, MayNotDecide, NotAsked)


@router.get("", responses=problems(InvalidCursor))
async def list_all(asked: Annotated[QueueQuery, Query()], session: ReadSession, by: CanRead) -> Page[WorkItemOut]:
    """List what waits for people, the earliest due first: why, since when, due by when, with whom."""
    return await listing.list_items(session, asked, by.id)


@router.get("/summary")
async def summarise(session: ReadSession, _by: CanRead) -> SummaryOut:
    """Count what waits: by reason, since when the oldest does, overdue, with nobody, and with whom."""
    return await summary.summarise(session)


@router.get("/{item_id}", responses=problems(NotFound))
async def get(item_id: UUID, session: ReadSession, _by: CanRead) -> WorkItemOut:
    """Return one item; what waits no more is not found here."""
    return await listing.get_item(session, item_id)


@router.get("/{item_id}/assignments", responses=problems(NotFound))
async def list_assignments(item_id: UUID, session: ReadSession, _by: CanRead, page: PageOf) -> Page[HistoryOut]:
    """List who had it, the last one first, also of what waits no more."""
    await get_subject(session, item_id)
    return await queries.list_assignments(session, page, item_id)


@router.post("/{item_id}/claim", dependencies=[Idempotent], responses=CLAIM_REFUSALS)
async def claim(item: CurrentItem, session: Session, by: CanWrite) -> WorkItemOut:
    """Begin work on it; nobody else takes a step on it then. Steps within the claim tell when they were begun by it."""
    await service.claim(session, item, by)
    return await listing.get_item(session, item.id)


@router.post("/{item_id}/return", status_code=204, dependencies=[Idempotent], responses=RETURN_REFUSALS)
async def give_back(item: CurrentItem, wanted: ReturnIn, session: Session, by: CanWrite, work: HumanWork) -> None:
    """Return it to the queue with a note for the next one."""
    await service.give_back(session, item, wanted.note, by, work)


@router.post("/{item_id}/reassignment", dependencies=[Idempotent], responses=REASSIGNMENT_REFUSALS)
async def reassign(
    item: CurrentItem, wanted: ReassignmentIn, session: Session, by: CanWrite, work: HumanWork
) -> WorkItemOut:
    """Hand it to somebody else, or take it over; what is not with the caller needs `billing.invoices:approve`."""
    await service.reassign(session, item, wanted.to, wanted.reason, by, work)
    return await listing.get_item(session, item.id)


@router.put("/{item_id}/due-by", responses=problems(NotWaiting, DraftSettled))
async def set_due(item: CurrentItem, wanted: DueIn, session: Session, by: CanApprove) -> WorkItemOut:
    """Set the day by which it is to be decided; null goes back to the day that follows from its dates."""
    await service.set_due(session, item, wanted.due_by, by)
    return await listing.get_item(session, item.id)
