"""HTTP of goods receipts."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.billing.orders.errors import OrderNotOpen
from services.billing.orders.schemas import ReasonIn
from services.billing.parameters import ClosedQuery
from services.billing.receipts import queries, service
from services.billing.receipts.errors import ReceiptBilled, ReceiptReversed, ReceivedAhead, UnknownOrderLine
from services.billing.receipts.schemas import ReceiptDetailOut, ReceiptIn, ReceiptOut, present_receipt_detail
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import NotFound, problems
from shared.etag import set_etag
from shared.idempotency import Idempotent
from shared.pagination import Page, PageOf
from shared.routing import ServiceRoute
from shared.work import HumanWork

router = APIRouter(prefix="/billing/receipts", tags=["receipts"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("billing.receipts:read")]
CanWrite = Annotated[Principal, requires("billing.receipts:write")]
RECEIPT_REFUSALS = problems(NotFound, OrderNotOpen, ReceivedAhead, UnknownOrderLine)
REVERSAL_REFUSALS = problems(NotFound, ReceiptReversed, ReceiptBilled)


@router.post("", status_code=201, dependencies=[Idempotent], responses=RECEIPT_REFUSALS)
async def record(
    came: ReceiptIn, response: Response, session: Session, by: CanWrite, work: HumanWork
) -> ReceiptDetailOut:
    """Note what came of an order. Invoices that waited for it are matched again and may go on."""
    receipt = await service.record_receipt(session, came, by, work)
    await session.flush()
    set_etag(response, receipt.version)
    response.headers["Location"] = f"/billing/receipts/{receipt.id}"
    return present_receipt_detail(receipt, await queries.lines_of(session, receipt.id))


@router.get("", dependencies=[ClosedQuery])
async def list_all(
    session: ReadSession,
    _by: CanRead,
    page: PageOf,
    order_id: UUID | None = None,
    is_reversed: Annotated[
        bool | None, Query(alias="reversed", description="Only reversed ones, or only others")
    ] = None,
) -> Page[ReceiptOut]:
    """List receipts, newest first."""
    return await queries.list_receipts(session, page, order_id, is_reversed)


@router.get("/{receipt_id}", responses=problems(NotFound))
async def get(receipt_id: UUID, response: Response, session: ReadSession, _by: CanRead) -> ReceiptDetailOut:
    receipt = await queries.get_receipt(session, receipt_id)
    set_etag(response, receipt.version)
    return present_receipt_detail(receipt, await queries.lines_of(session, receipt_id))


@router.post("/{receipt_id}/reversal", status_code=204, dependencies=[Idempotent], responses=REVERSAL_REFUSALS)
async def reverse(receipt_id: UUID, why: ReasonIn, session: Session, by: CanWrite, work: HumanWork) -> None:
    """Let a receipt count no more, with a reason: it was a mistake, or the goods went back."""
    receipt = await queries.get_receipt(session, receipt_id)
    await service.reverse_receipt(session, receipt, why.reason, by, work)
