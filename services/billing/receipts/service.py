"""Use cases of goods receipts; the only writer of their tables. Locks are taken as in orders/service.py."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from services.billing.decisions.models import Occasion
from services.billing.decisions.service import decide_invoices
from services.billing.invoices.models import InvoiceStatus
from services.billing.invoices.rules import is_paid_ahead as is_ahead
from services.billing.matching.queries import open_matches
from services.billing.matching.service import lock_together, match_again
from services.billing.orders import queries as orders
from services.billing.orders.models import PurchaseOrder
from services.billing.orders.service import require_open
from services.billing.receipts import queries
from services.billing.receipts.errors import (
    ReceiptBilled,
    ReceiptReversed,
    ReceivedAhead,
    ReturnedOutOfTime,
    ReturnTooLarge,
    UnknownOrderLine,
)
from services.billing.receipts.models import GoodsReceipt, GoodsReturn, ReceiptLine
from services.billing.receipts.schemas import GoodsReturnIn, ReceiptIn
from shared import outbox
from shared.auth import Principal
from shared.contracts import billing as events
from shared.ids import uuid7
from shared.work import Effort

PROCESS = "goods-receipt"
_SETTLED = (InvoiceStatus.VALIDATED, InvoiceStatus.APPROVED, InvoiceStatus.PAID)
_NONE = Decimal(0)


async def record_receipt(session: AsyncSession, came: ReceiptIn, by: Principal, effort: Effort) -> GoodsReceipt:
    """Note what came; invoices that waited for it are matched again.

    Raises NotFound, OrderNotOpen, ReceivedAhead, UnknownOrderLine.
    """
    order = await orders.get_order(session, came.order_id, lock=True)
    require_open(order)
    if is_ahead(came.received_on, effort.finished_at):
        raise ReceivedAhead(received_on=came.received_on.isoformat())
    lines = {line.reference: line for line in await lock_together(session, order) if line.order_id == order.id}
    for each in came.lines:
        if each.reference not in lines:
            raise UnknownOrderLine(number=order.number, reference=each.reference)
    receipt = GoodsReceipt(
        id=uuid7(),
        order_id=order.id,
        delivery_note=came.delivery_note,
        received_on=came.received_on,
        recorded_by=by.id,
        recorded_at=effort.finished_at,
    )
    session.add(receipt)
    await session.flush()
    session.add_all(
        ReceiptLine(receipt_id=receipt.id, order_line_id=lines[each.reference].id, quantity=Decimal(each.quantity))
        for each in came.lines
    )
    event = events.GoodsReceived(receipt_id=receipt.id, order_id=order.id, received_on=came.received_on)
    outbox.record(session, event, subject=receipt.id, work=effort.on(PROCESS, "record-receipt", receipt.id))
    await decide_invoices(session, await match_again(session, order, waiting=True), Occasion.RELEASE)
    return receipt


async def reverse_receipt(
    session: AsyncSession, receipt: GoodsReceipt, reason: str, by: Principal, effort: Effort
) -> None:
    """Let a receipt count no more; invoices that nobody has validated are matched again.

    Raises ReceiptReversed, and ReceiptBilled where validated invoices bill more than would have come.
    """
    order, required = await _locked(session, receipt)
    lines = await queries.lines_of(session, receipt.id)
    await _check_unbilled(session, [(line, ref, line.quantity - line.returned) for line, ref in lines], required)
    receipt.reversed_at, receipt.reversed_by, receipt.reversal_reason = effort.finished_at, by.id, reason
    event = events.GoodsReceiptReversed(receipt_id=receipt.id, order_id=order.id)
    outbox.record(session, event, subject=receipt.id, work=effort.on(PROCESS, "reverse-receipt", receipt.id))
    await decide_invoices(session, await match_again(session, order, waiting=False), Occasion.RELEASE)


async def record_return(
    session: AsyncSession, receipt: GoodsReceipt, wanted: GoodsReturnIn, by: Principal, effort: Effort
) -> None:
    """Let a part of a receipt count no more since it went back; invoices that nobody has validated are matched again.

    Raises ReturnedOutOfTime, ReturnTooLarge, and as a reversal does ReceiptReversed and ReceiptBilled.
    """
    if wanted.returned_on < receipt.received_on or is_ahead(wanted.returned_on, effort.finished_at):
        days = {"received_on": receipt.received_on, "returned_on": wanted.returned_on}
        raise ReturnedOutOfTime(**{name: day.isoformat() for name, day in days.items()})
    order, required = await _locked(session, receipt)
    lines = {reference: line for line, reference in await queries.lines_of(session, receipt.id)}
    going = [(lines.get(each.reference), each.reference, Decimal(each.quantity)) for each in wanted.lines]
    leaving = [(line, reference, much) for line, reference, much in going if line is not None]
    for line, reference, much in going:
        left = _NONE if line is None else line.quantity - line.returned
        if much > left:
            raise ReturnTooLarge(reference=reference, left=str(left), quantity=str(much))
    await _check_unbilled(session, leaving, required)
    for line, _, much in leaving:
        line.returned += much
    flag_modified(receipt, "received_on")  # its lines are a part of it: what was read before is out of date
    returned = GoodsReturn(
        id=uuid7(),
        receipt_id=receipt.id,
        lines=[{"reference": reference, "quantity": str(much)} for _, reference, much in leaving],
        returned_on=wanted.returned_on,
        reason=wanted.reason,
        recorded_by=by.id,
        recorded_at=effort.finished_at,
    )
    session.add(returned)
    event = events.GoodsReturned(
        receipt_id=receipt.id, order_id=order.id, return_id=returned.id, returned_on=wanted.returned_on
    )
    outbox.record(session, event, subject=receipt.id, work=effort.on(PROCESS, "record-return", receipt.id))
    await session.flush()
    await decide_invoices(session, await match_again(session, order, waiting=False), Occasion.RELEASE)


async def _locked(session: AsyncSession, receipt: GoodsReceipt) -> tuple[PurchaseOrder, set[UUID]]:
    """Lock what a receipt that still counts is about; return its order and the lines that need a receipt.

    Raises ReceiptReversed.
    """
    order = await orders.get_order(session, receipt.order_id, lock=True)
    locked = await lock_together(session, order)
    await session.refresh(receipt)
    if receipt.reversed_at is not None:
        raise ReceiptReversed(reversed_at=receipt.reversed_at.isoformat())
    await open_matches(session, order.number_key, lock=True)  # none of them is validated in between
    return order, {line.id for line in locked if line.receipt_required}


async def _check_unbilled(
    session: AsyncSession, leaving: Sequence[tuple[ReceiptLine, str, Decimal]], required: set[UUID]
) -> None:
    """Refuse where validated invoices bill more than is here when that much has left of each line."""
    lines = [(line.order_line_id, reference, much) for line, reference, much in leaving]
    ids = [line_id for line_id, _, _ in lines if line_id in required]
    received, settled = await orders.received_of(session, ids), await orders.billed_of(session, ids, _SETTLED)
    for line_id, reference, much in lines:
        if settled.get(line_id, _NONE) > max(_NONE, received.get(line_id, _NONE) - much):
            raise ReceiptBilled(reference=reference)
