"""Reads of goods receipts. Row-level security keeps them to the caller's tenant."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.orders.models import OrderLine
from services.billing.receipts.models import GoodsReceipt, GoodsReturn, ReceiptLine
from services.billing.receipts.schemas import ReceiptOut, present_receipt
from shared.errors import NotFound
from shared.pagination import Page, PageRequest, fetch_page


async def get_receipt(session: AsyncSession, receipt_id: UUID) -> GoodsReceipt:
    """Return one receipt. Raises NotFound, also for another tenant's."""
    receipt = await session.get(GoodsReceipt, receipt_id)
    if receipt is None:
        raise NotFound
    return receipt


async def lines_of(session: AsyncSession, receipt_id: UUID) -> list[tuple[ReceiptLine, str]]:
    """Return a receipt's lines, each with its reference, in the order's order."""
    query = (
        select(ReceiptLine, OrderLine.reference)
        .join(OrderLine, ReceiptLine.order_line_id == OrderLine.id)
        .where(ReceiptLine.receipt_id == receipt_id)
        .order_by(OrderLine.position)
        .execution_options(populate_existing=True)  # a return that was waited for has changed them
    )
    return [(line, reference) for line, reference in (await session.execute(query)).all()]


async def returns_of(session: AsyncSession, receipt_id: UUID) -> list[GoodsReturn]:
    """Return what went back of a receipt, the first time first."""
    query = select(GoodsReturn).where(GoodsReturn.receipt_id == receipt_id).order_by(GoodsReturn.id)
    return list(await session.scalars(query))


async def list_receipts(
    session: AsyncSession, page: PageRequest, order_id: UUID | None, reversed_: bool | None
) -> Page[ReceiptOut]:
    query = select(GoodsReceipt)
    if order_id is not None:
        query = query.where(GoodsReceipt.order_id == order_id)
    if reversed_ is not None:
        query = query.where(GoodsReceipt.reversed_at.is_not(None) if reversed_ else GoodsReceipt.reversed_at.is_(None))
    return await fetch_page(session, query, GoodsReceipt.id, page, present_receipt)
