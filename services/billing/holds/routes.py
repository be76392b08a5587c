"""HTTP of holds: they are seen with their invoice and released one by one."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from services.billing.decisions.models import Occasion
from services.billing.decisions.service import decide_invoices
from services.billing.holds import queries, service
from services.billing.holds.errors import AccountNotVerified, HoldReleased, UnknownSign
from services.billing.holds.schemas import ReleaseIn
from services.billing.invoices.errors import IllegalTransition
from services.billing.invoices.models import SupplierInvoice
from services.billing.invoices.queries import get_invoice
from services.billing.work_queue.errors import ClaimedByAnother
from shared.auth import Principal, requires
from shared.db import Session
from shared.errors import NotFound, problems
from shared.etag import row_to_change
from shared.idempotency import Idempotent
from shared.routing import ServiceRoute
from shared.work import HumanWork

router = APIRouter(prefix="/billing/invoices/{invoice_id}/holds", tags=["holds"], route_class=ServiceRoute)

CanApprove = Annotated[Principal, requires("billing.invoices:approve")]
CurrentInvoice = Annotated[SupplierInvoice, row_to_change(get_invoice, "invoice_id")]


@router.post(
    "/{hold_id}/release",
    status_code=204,
    dependencies=[Idempotent],
    responses=problems(NotFound, AccountNotVerified, HoldReleased, IllegalTransition, UnknownSign, ClaimedByAnother),
)
async def release(
    invoice: CurrentInvoice, hold_id: UUID, why: ReleaseIn, session: Session, by: CanApprove, work: HumanWork
) -> None:
    """Let the invoice go on in spite of what was found, with a reason and how far that goes."""
    hold = await queries.get_hold(session, invoice.id, hold_id)
    await service.release_hold(session, invoice, hold, why, by, work)
    await decide_invoices(session, [invoice], Occasion.RELEASE, by)
