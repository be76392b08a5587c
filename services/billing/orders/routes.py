"""HTTP of purchase orders."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.billing.identifiers import normalise_number, normalise_tax_id
from services.billing.orders import queries, service
from services.billing.orders.errors import DuplicateOrder, OrderInUse, OrderLineInUse, OrderNotOpen
from services.billing.orders.models import OrderStatus, PurchaseOrder
from services.billing.orders.schemas import (
    OrderDetailOut,
    OrderIn,
    OrderLinesIn,
    OrderOut,
    ReasonIn,
    present_order_detail,
)
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import NotFound, problems
from shared.etag import row_to_change, set_etag
from shared.idempotency import Idempotent
from shared.pagination import Page, PageOf
from shared.routing import ServiceRoute
from shared.work import HumanWork

router = APIRouter(prefix="/billing/orders", tags=["orders"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("billing.orders:read")]
CanWrite = Annotated[Principal, requires("billing.orders:write")]
CurrentOrder = Annotated[PurchaseOrder, row_to_change(queries.get_order, "order_id")]
EditedOrder = Annotated[PurchaseOrder, row_to_change(queries.get_order, "order_id", edit=True)]


@router.post("", status_code=201, dependencies=[Idempotent], responses=problems(DuplicateOrder))
async def place(wanted: OrderIn, response: Response, session: Session, by: CanWrite, work: HumanWork) -> OrderDetailOut:
    """Put an order on file. A number is taken once; invoices that named it before it was here are matched."""
    order = await service.place_order(session, wanted, by, work)
    set_etag(response, order.version)
    response.headers["Location"] = f"/billing/orders/{order.id}"
    await session.flush()
    return present_order_detail(order, await queries.lines_with_use(session, order.id))


@router.get("")
async def list_all(
    session: ReadSession,
    _by: CanRead,
    page: PageOf,
    supplier_tax_id: Annotated[str | None, Query(max_length=24)] = None,
    status: OrderStatus | None = None,
    number: Annotated[str | None, Query(max_length=100)] = None,
) -> Page[OrderOut]:
    """List orders, newest first."""
    tax_id = None if supplier_tax_id is None else normalise_tax_id(supplier_tax_id)
    key = None if number is None else normalise_number(number)
    return await queries.list_orders(session, page, tax_id, status, key)


@router.get("/{order_id}", responses=problems(NotFound))
async def get(order_id: UUID, response: Response, session: ReadSession, _by: CanRead) -> OrderDetailOut:
    """Return one order with its ETag, and what was received and billed of each line."""
    order = await queries.get_order(session, order_id)
    set_etag(response, order.version)
    return present_order_detail(order, await queries.lines_with_use(session, order_id))


@router.put("/{order_id}/lines", status_code=204, responses=problems(OrderNotOpen, OrderLineInUse))
async def change_lines(
    order: EditedOrder, wanted: OrderLinesIn, session: Session, _by: CanWrite, work: HumanWork
) -> None:
    """Let the order have these lines; needs If-Match. Invoices that nobody has validated are matched again."""
    await service.change_lines(session, order, wanted, work)


@router.post("/{order_id}/closure", status_code=204, dependencies=[Idempotent], responses=problems(OrderNotOpen))
async def close(order: CurrentOrder, why: ReasonIn, session: Session, _by: CanWrite, work: HumanWork) -> None:
    """Expect nothing more of the order; an invoice that bills more of it is an exception."""
    await service.close_order(session, order, why.reason, work)


@router.post(
    "/{order_id}/cancellation",
    status_code=204,
    dependencies=[Idempotent],
    responses=problems(OrderNotOpen, OrderInUse),
)
async def cancel(order: CurrentOrder, why: ReasonIn, session: Session, _by: CanWrite, work: HumanWork) -> None:
    """Take the order back before anything was received or billed."""
    await service.cancel_order(session, order, why.reason, work)
