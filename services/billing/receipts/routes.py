"""HTTP of goods receipts."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.orders.errors import OrderNotOpen
from services.billing.orders.schemas import ReasonIn
from services.billing.receipts import queries, service
from services.billing.receipts.errors import (
    ReceiptBilled,
    ReceiptReversed,
    ReceivedAhead,
    ReturnedOutOfTime,
    ReturnTooLarge,
    UnknownOrderLine,
)
from services.billing.receipts.models import GoodsReceipt
from services.billing.receipts.schemas import (
    GoodsReturnIn,
    ReceiptDetailOut,
    ReceiptIn,
    ReceiptOut,
    present_receipt_detail,
)
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
RETURN_REFUSALS = problems(ReturnedOutOfTime, ReturnTooLarge, declared=REVERSAL_REFUSALS)


@router.post("", status_code=201, dependencies=[Idempotent], responses=RECEIPT_REFUSALS)
async def record(
    came: ReceiptIn, response: Response, session: Session, by: CanWrite, work: HumanWork
) -> ReceiptDetailOut:
    """Note what came of an order. Invoices that waited for it are matched again and may go on."""
    receipt = await service.record_receipt(session, came, by, work)
    await session.flush()
    response.headers["Location"] = f"/billing/receipts/{receipt.id}"
    return await _tell(response, session, receipt)


@router.get("")
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
    return await _tell(response, session, await queries.get_receipt(session, receipt_id))


async def _tell(response: Response, session: AsyncSession, receipt: GoodsReceipt) -> ReceiptDetailOut:
    set_etag(response, receipt.version)
    lines, returns = await queries.lines_of(session, receipt.id), await queries.returns_of(session, receipt.id)
    return present_receipt_detail(receipt, lines, returns)


@router.post("/{receipt_id}/reversal", status_code=204, dependencies=[Idempotent], responses=REVERSAL_REFUSALS)
async def reverse(receipt_id: UUID, why: ReasonIn, session: Session, by: CanWrite, work: HumanWork) -> None:
    """Let a receipt count no more, with a reason: it was a mistake, or all the goods went back."""
    receipt = await queries.get_receipt(session, receipt_id)
    await service.reverse_receipt(session, receipt, why.reason, by, work)


@router.post("/{receipt_id}/returns", status_code=201, dependencies=[Idempotent], responses=RETURN_REFUSALS)
async def give_back(
    receipt_id: UUID, wanted: GoodsReturnIn, response: Response, session: Session, by: CanWrite, work: HumanWork
) -> ReceiptDetailOut:
    """Note that a part of the goods went back, with a reason: it counts as received no more. The answer is the receipt."""
    receipt = await queries.get_receipt(session, receipt_id)
    await service.record_return(session, receipt, wanted, by, work)
    response.headers["Location"] = f"/billing/receipts/{receipt.id}"
    return await _tell(response, session, receipt)
