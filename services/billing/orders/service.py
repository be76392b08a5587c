"""Use cases of purchase orders; the only writer of their tables.

Whoever takes more than one lock takes them in this order: order, number, order lines by id, invoices by id, hold.
"""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from services.billing.decisions.models import Occasion
from services.billing.decisions.service import decide_invoices
from services.billing.identifiers import normalise_number, normalise_tax_id
from services.billing.matching.queries import take_number
from services.billing.matching.service import lock_together, match_again
from services.billing.orders import queries
from services.billing.orders.errors import DuplicateOrder, OrderInUse, OrderLineInUse, OrderNotOpen
from services.billing.orders.models import OrderLine, OrderStatus, PurchaseOrder
from services.billing.orders.schemas import OrderIn, OrderLinesIn
from shared import outbox
from shared.auth import Principal
from shared.contracts import billing as events
from shared.events import Outcome
from shared.ids import uuid7
from shared.work import Effort

PROCESS = "purchasing"


async def place_order(session: AsyncSession, wanted: OrderIn, by: Principal, effort: Effort) -> PurchaseOrder:
    """Put an order on file; invoices that named it before are matched. Raises DuplicateOrder, also between requests."""
    at, key = effort.finished_at, normalise_number(wanted.number)
    await take_number(session, key)
    values = {
        "id": uuid7(),
        "version": 1,
        "number": wanted.number,
        "number_key": key,
        "supplier_tax_id": normalise_tax_id(wanted.supplier_tax_id),
        "currency": wanted.currency,
        "status": OrderStatus.OPEN,
        "changed_at": at,
        "placed_by": by.id,
        "placed_at": at,
    }
    statement = insert(PurchaseOrder).values(values).on_conflict_do_nothing().returning(PurchaseOrder)
    order = (await session.scalars(statement)).one_or_none()
    if order is None:
        existing = await queries.find_by_key(session, key)
        raise DuplicateOrder(number=wanted.number, existing_id=str(existing))
    session.add_all(_line(order, position, line.columns()) for position, line in enumerate(wanted.lines))
    event = events.PurchaseOrderPlaced(order_id=order.id, number=order.number, currency=order.currency)
    outbox.record(session, event, subject=order.id, work=effort.on(PROCESS, "place-order", order.id))
    await lock_together(session, order)
    await decide_invoices(session, await match_again(session, order, waiting=True), Occasion.RELEASE)
    return order


def _line(order: PurchaseOrder, position: int, columns: dict[str, object]) -> OrderLine:
    return OrderLine(id=uuid7(), order_id=order.id, position=position, **columns)


async def change_lines(session: AsyncSession, order: PurchaseOrder, wanted: OrderLinesIn, effort: Effort) -> None:
    """Let the order have these lines; invoices that nobody has validated yet are matched again.

    Raises OrderNotOpen, and OrderLineInUse for one that goods or invoices belong to and that is not there any more.
    """
    require_open(order)
    await take_number(session, order.number_key)  # who waits for lines that go would not see those that come
    lines = {line.reference: line for line in await lock_together(session, order) if line.order_id == order.id}
    used = await queries.used_lines(session, [line.id for line in lines.values()])
    units = {line.reference: line.unit for line in wanted.lines}
    for reference, line in lines.items():
        if line.id in used and units.get(reference) != line.unit:
            raise OrderLineInUse(reference=reference)
        if reference not in units:
            await session.delete(line)
    for position, each in enumerate(wanted.lines):
        if each.reference not in lines:
            session.add(_line(order, position, each.columns()))
            continue
        for name, value in (each.columns() | {"position": position}).items():
            setattr(lines[each.reference], name, value)
    order.changed_at = effort.finished_at
    flag_modified(order, "changed_at")  # the order gets its next version, whatever the clock says
    event = events.PurchaseOrderChanged(order_id=order.id)
    outbox.record(session, event, subject=order.id, work=effort.on(PROCESS, "change-order", order.id))
    await decide_invoices(session, await match_again(session, order, waiting=False), Occasion.RELEASE)


async def close_order(session: AsyncSession, order: PurchaseOrder, reason: str, effort: Effort) -> None:
    """Expect nothing more of the order. Raises OrderNotOpen."""
    require_open(order)
    _enter(order, OrderStatus.CLOSED, reason, effort)
    work = effort.on(PROCESS, "close-order", order.id)
    outbox.record(session, events.PurchaseOrderClosed(order_id=order.id), subject=order.id, work=work)


async def cancel_order(session: AsyncSession, order: PurchaseOrder, reason: str, effort: Effort) -> None:
    """Take the order back before anything came of it. Raises OrderNotOpen, OrderInUse."""
    require_open(order)
    lines = await queries.lock_lines(session, [order.id])
    if await queries.used_lines(session, [line.id for line in lines]):
        raise OrderInUse(number=order.number)
    _enter(order, OrderStatus.CANCELLED, reason, effort)
    work = effort.on(PROCESS, "cancel-order", order.id, outcome=Outcome.CANCELLED)
    outbox.record(session, events.PurchaseOrderCancelled(order_id=order.id), subject=order.id, work=work)


def require_open(order: PurchaseOrder) -> None:
    if order.status != OrderStatus.OPEN:
        raise OrderNotOpen(number=order.number, state=order.status)


def _enter(order: PurchaseOrder, status: OrderStatus, reason: str, effort: Effort) -> None:
    order.status, order.status_reason, order.changed_at = status, reason, effort.finished_at
