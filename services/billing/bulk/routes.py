"""HTTP of bulk decisions."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.bulk import queries
from services.billing.bulk.job import BULK, BulkOrder, Chosen
from services.billing.bulk.models import Became, Step
from services.billing.bulk.schemas import (
    BulkAccepted,
    BulkIn,
    BulkOutcomeOut,
    BulkRejectionIn,
    BulkReleaseIn,
    present_outcome,
)
from services.billing.einvoices.arriving import LanguageOf
from services.billing.work_queue.queries import last_finish
from services.billing.work_queue.rules import begun_at
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.idempotency import Idempotent
from shared.jobs import create_job
from shared.pagination import Page, PageOf
from shared.routing import ServiceRoute
from shared.work import Effort, HumanWork

router = APIRouter(prefix="/billing/bulk-decisions", tags=["bulk decisions"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("billing.invoices:read")]
CanWrite = Annotated[Principal, requires("billing.invoices:write")]
CanApprove = Annotated[Principal, requires("billing.invoices:approve")]


async def _queue(
    session: AsyncSession, response: Response, step: Step, wanted: BulkIn, by: Principal, work: Effort, **more: Any
) -> BulkAccepted:
    began = begun_at(work.started_at, work.finished_at, await last_finish(session, by.id))
    order = BulkOrder(
        step=step,
        invoices=[Chosen(each.id, each.version) for each in wanted.invoices],
        by=by.id,
        grants=tuple(sorted(by.scopes)),
        actor=work.actor,
        started_at=began,
        finished_at=work.finished_at,
        estimated=work.estimated,
        **more,
    )
    job_id = await create_job(session, BULK, msgspec.to_builtins(order), by)
    response.headers["Location"] = f"/billing/jobs/{job_id}"
    return BulkAccepted(id=job_id, kind=BULK, status="queued", outcomes=f"/billing/bulk-decisions/{job_id}/outcomes")


@router.post("/validation", status_code=202, dependencies=[Idempotent])
async def validate(wanted: BulkIn, response: Response, session: Session, by: CanWrite, work: HumanWork) -> BulkAccepted:
    """Confirm that many invoices are right: a job takes one after another as if each had been sent alone.

    `GET /billing/bulk-decisions/{id}/outcomes` tells what became of each.
    """
    return await _queue(session, response, Step.VALIDATION, wanted, by, work)


@router.post("/approval", status_code=202, dependencies=[Idempotent])
async def approve(
    wanted: BulkIn, response: Response, session: Session, by: CanApprove, work: HumanWork
) -> BulkAccepted:
    """Approve many invoices: not those that the caller registered or prepared, and above the policy's limit as the first of two."""
    return await _queue(session, response, Step.APPROVAL, wanted, by, work)


@router.post("/rejection", status_code=202, dependencies=[Idempotent])
async def reject(
    wanted: BulkRejectionIn, response: Response, session: Session, by: CanApprove, work: HumanWork
) -> BulkAccepted:
    """Refuse many invoices, all with the same reason."""
    return await _queue(session, response, Step.REJECTION, wanted, by, work, reason=wanted.reason)


@router.post("/release", status_code=202, dependencies=[Idempotent])
async def release(
    wanted: BulkReleaseIn, response: Response, session: Session, by: CanApprove, work: HumanWork
) -> BulkAccepted:
    """Let many invoices go from one kind of hold, all for the same reason; each is decided anew by the policy.

    A changed account is refused here, too: it is verified.
    """
    return await _queue(session, response, Step.RELEASE, wanted, by, work, reason=wanted.reason, hold=wanted.hold)


@router.get("/{job_id}/outcomes")
async def list_outcomes(
    job_id: UUID,
    session: ReadSession,
    _by: CanRead,
    page: PageOf,
    language: LanguageOf,
    outcome: Became | None = None,
) -> Page[BulkOutcomeOut]:
    """Tell what became of each invoice so far, the last one first. One that is missing is still to come."""
    return await queries.list_outcomes(session, page, job_id, outcome, partial(present_outcome, language=language))
