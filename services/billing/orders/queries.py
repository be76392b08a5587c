"""Reads of purchase orders. Row-level security keeps them to the caller's tenant."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.invoices.models import InvoiceStatus, SupplierInvoice
from services.billing.matching.models import MatchedQuantity
from services.billing.orders.models import OrderLine, OrderStatus, PurchaseOrder
from services.billing.orders.schemas import OrderOut, present_order
from services.billing.receipts.models import GoodsReceipt, ReceiptLine
from shared.errors import NotFound
from shared.pagination import Page, PageRequest, fetch_page

_NONE = Decimal(0)


async def get_order(session: AsyncSession, order_id: UUID, *, lock: bool = False) -> PurchaseOrder:
    """Return one order, locked for a change when asked. Raises NotFound, also for another tenant's."""
    query = select(PurchaseOrder).where(PurchaseOrder.id == order_id)
    order = (await session.scalars(query.with_for_update() if lock else query)).one_or_none()
    if order is None:
        raise NotFound
    return order


async def find_by_key(session: AsyncSession, number_key: str) -> UUID | None:
    return await session.scalar(select(PurchaseOrder.id).where(PurchaseOrder.number_key == number_key))


async def lock_lines(session: AsyncSession, order_ids: Collection[UUID]) -> Sequence[OrderLine]:
    """Return the lines of orders, locked in one order for everybody: no two wait for each other."""
    query = select(OrderLine).where(OrderLine.order_id.in_(order_ids)).order_by(OrderLine.id)
    return (await session.scalars(query.with_for_update().execution_options(populate_existing=True))).all()


async def lines_of(session: AsyncSession, order_id: UUID) -> Sequence[OrderLine]:
    query = select(OrderLine).where(OrderLine.order_id == order_id)
    return (await session.scalars(query.order_by(OrderLine.position))).all()


async def received_of(session: AsyncSession, line_ids: Collection[UUID]) -> dict[UUID, Decimal]:
    """Return what came of order lines, was not reversed and did not go back."""
    query = (
        select(ReceiptLine.order_line_id, func.sum(ReceiptLine.quantity - ReceiptLine.returned))
        .join(GoodsReceipt, GoodsReceipt.id == ReceiptLine.receipt_id)
        .where(ReceiptLine.order_line_id.in_(line_ids), GoodsReceipt.reversed_at.is_(None))
        .group_by(ReceiptLine.order_line_id)
    )
    return dict((await session.execute(query)).all())


async def billed_of(
    session: AsyncSession, line_ids: Collection[UUID], statuses: Collection[InvoiceStatus] | None = None
) -> dict[UUID, Decimal]:
    """Return what invoices bill of order lines: all but rejected ones, or those of some statuses."""
    counted = (
        SupplierInvoice.status != InvoiceStatus.REJECTED if statuses is None else SupplierInvoice.status.in_(statuses)
    )
    query = (
        select(MatchedQuantity.order_line_id, func.sum(MatchedQuantity.quantity))
        .join(SupplierInvoice, SupplierInvoice.id == MatchedQuantity.invoice_id)
        .where(MatchedQuantity.order_line_id.in_(line_ids), counted)
        .group_by(MatchedQuantity.order_line_id)
    )
    return dict((await session.execute(query)).all())


async def used_lines(session: AsyncSession, line_ids: Collection[UUID]) -> set[UUID]:
    """Return those of the lines that anything was ever received or billed of."""
    received = select(ReceiptLine.order_line_id).where(ReceiptLine.order_line_id.in_(line_ids))
    billed = select(MatchedQuantity.order_line_id).where(MatchedQuantity.order_line_id.in_(line_ids))
    return set((await session.scalars(received.union(billed))).all())


async def lines_with_use(session: AsyncSession, order_id: UUID) -> list[tuple[OrderLine, Decimal, Decimal]]:
    lines = await lines_of(session, order_id)
    ids = [line.id for line in lines]
    received, billed = await received_of(session, ids), await billed_of(session, ids)
    return [(line, received.get(line.id, _NONE), billed.get(line.id, _NONE)) for line in lines]


async def list_orders(
    session: AsyncSession,
    page: PageRequest,
    supplier_tax_id: str | None,
    status: OrderStatus | None,
    number_key: str | None,
) -> Page[OrderOut]:
    query = select(PurchaseOrder)
    if supplier_tax_id is not None:
        query = query.where(PurchaseOrder.supplier_tax_id == supplier_tax_id)
    if status is not None:
        query = query.where(PurchaseOrder.status == status)
    if number_key is not None:
        query = query.where(PurchaseOrder.number_key == number_key)
    return await fetch_page(session, query, PurchaseOrder.id, page, present_order)
