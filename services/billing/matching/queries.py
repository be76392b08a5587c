"""Reads of what an invoice is compared with. Row-level security keeps them to the caller's tenant."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from decimal import Decimal
from uuid import UUID

import msgspec
from sqlalchemy import exists, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.einvoices.model import Invoice
from services.billing.holds.models import HoldKind, InvoiceHold
from services.billing.intake.models import ElectronicInvoice
from services.billing.invoices.models import InvoiceStatus, SupplierInvoice
from services.billing.matching.models import InvoiceMatch, MatchedQuantity
from services.billing.matching.reading import Said, read_electronic, read_keyed
from services.billing.matching.shapes import Received, Tolerance, Verdict
from services.billing.orders.models import PurchaseOrder
from services.billing.parties.models import Supplier, SupplierTaxId
from services.billing.receipts.models import GoodsReceipt, ReceiptLine
from services.billing.tolerances.queries import hold_tolerance

_HOLD_NUMBERS = text(
    "SELECT pg_advisory_xact_lock_shared(hashtextextended(current_setting('trastienda.tenant') || '/order/' || key, 7)) "
    "FROM (SELECT unnest(cast(:keys AS text[])) AS key ORDER BY 1) AS named"
)
_TAKE_NUMBER = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(current_setting('trastienda.tenant') || '/order/' || :key, 7))"
)


async def hold_numbers(session: AsyncSession, keys: Sequence[str]) -> None:
    """Let no order with these numbers be placed before the transaction ends: either sees what the other does."""
    await session.execute(_HOLD_NUMBERS, {"keys": keys})


async def take_number(session: AsyncSession, key: str) -> None:
    """Wait for the invoices that are being matched with an order of this number; later ones see the order."""
    await session.execute(_TAKE_NUMBER, {"key": key})


async def get_match(session: AsyncSession, invoice_id: UUID) -> InvoiceMatch | None:
    return await session.get(InvoiceMatch, invoice_id)


async def has_orders(session: AsyncSession) -> bool:
    """Tell whether the tenant keeps orders here at all."""
    return bool(await session.scalar(select(exists().where(PurchaseOrder.id.is_not(None)))))


async def orders_by_key(session: AsyncSession, keys: Collection[str]) -> dict[str, PurchaseOrder]:
    found = await session.scalars(select(PurchaseOrder).where(PurchaseOrder.number_key.in_(keys)))
    return {order.number_key: order for order in found}


async def said_by(session: AsyncSession, invoice: SupplierInvoice) -> Said:
    """Return what an invoice bills, by its document where it came in as one."""
    electronic = await session.get(ElectronicInvoice, invoice.id)
    if electronic is None:
        return read_keyed(invoice.lines)
    return read_electronic(msgspec.convert(electronic.canonical, Invoice), is_credit_note=invoice.is_credit_note)


async def tolerance_for(session: AsyncSession, supplier_id: UUID, currency: str) -> Tolerance:
    """Return what was agreed with a supplier; the tenant's own tolerance where nothing was."""
    columns = (Supplier.tolerance_percent, Supplier.tolerance_amount)
    percent, amount = (await session.execute(select(*columns).where(Supplier.id == supplier_id))).one()
    if percent is not None or amount is not None:
        return Tolerance(percent, amount, "supplier")
    own = await hold_tolerance(session)
    if own is None:
        return Tolerance()
    limit = own.amounts.get(currency)
    return Tolerance(own.percent, None if limit is None else Decimal(limit), "tenant", own.version)


async def tax_ids_of(session: AsyncSession, supplier_id: UUID) -> set[str]:
    return set(await session.scalars(select(SupplierTaxId.tax_id).where(SupplierTaxId.supplier_id == supplier_id)))


async def open_after(
    session: AsyncSession, after: UUID, supplier_id: UUID | None, order_keys: Sequence[str] | None, most: int
) -> list[UUID]:
    """Return invoices that were matched and that nobody has validated, the first one first, behind one of them."""
    query = (
        select(InvoiceMatch.invoice_id)
        .join(SupplierInvoice, SupplierInvoice.id == InvoiceMatch.invoice_id)
        .where(InvoiceMatch.invoice_id > after, SupplierInvoice.status == InvoiceStatus.REGISTERED)
    )
    if supplier_id is not None:
        query = query.where(SupplierInvoice.supplier_id == supplier_id)
    if order_keys is not None:
        query = query.where(InvoiceMatch.order_keys.overlap(order_keys))
    return list(await session.scalars(query.order_by(InvoiceMatch.invoice_id).limit(most)))


async def receipts_by_line(session: AsyncSession, line_ids: Collection[UUID]) -> dict[UUID, list[Received]]:
    """Return what came of each order line and is still here, in the order in which it came."""
    query = (
        select(ReceiptLine.order_line_id, GoodsReceipt.id, ReceiptLine.quantity - ReceiptLine.returned)
        .join(GoodsReceipt, GoodsReceipt.id == ReceiptLine.receipt_id)
        .where(ReceiptLine.order_line_id.in_(line_ids), GoodsReceipt.reversed_at.is_(None))
        .where(ReceiptLine.quantity > ReceiptLine.returned)
        .order_by(GoodsReceipt.received_on, GoodsReceipt.id)
    )
    came = defaultdict(list)
    for line_id, receipt_id, quantity in (await session.execute(query)).all():
        came[line_id].append(Received(receipt_id, quantity))
    return came


async def billed_before(session: AsyncSession, invoice_id: UUID, line_ids: Collection[UUID]) -> dict[UUID, Decimal]:
    """Return what other invoices bill of order lines.

    A rejected one bills nothing. One that came later and waits for an exception stands behind this one.
    """
    waits = exists().where(
        InvoiceHold.invoice_id == MatchedQuantity.invoice_id,
        InvoiceHold.kind == HoldKind.MATCH_EXCEPTION,
        InvoiceHold.released_at.is_(None),
    )
    query = (
        select(MatchedQuantity.order_line_id, func.sum(MatchedQuantity.quantity))
        .join(SupplierInvoice, SupplierInvoice.id == MatchedQuantity.invoice_id)
        .where(
            MatchedQuantity.order_line_id.in_(line_ids),
            MatchedQuantity.invoice_id != invoice_id,
            SupplierInvoice.status != InvoiceStatus.REJECTED,
            or_(MatchedQuantity.invoice_id < invoice_id, ~waits),
        )
        .group_by(MatchedQuantity.order_line_id)
    )
    return dict((await session.execute(query)).all())


async def bills_something(session: AsyncSession, invoice_id: UUID) -> bool:
    return bool(await session.scalar(select(exists().where(MatchedQuantity.invoice_id == invoice_id))))


async def named_with(session: AsyncSession, order: PurchaseOrder) -> set[UUID]:
    """Return the order and those that open invoices name together with it."""
    keys = {key for match, _ in await open_matches(session, order.number_key) for key in match.order_keys}
    return {order.id, *(each.id for each in (await orders_by_key(session, keys)).values())}


async def open_matches(
    session: AsyncSession, number_key: str, *, waiting: bool = False, lock: bool = False
) -> Sequence[tuple[InvoiceMatch, SupplierInvoice]]:
    """Return the invoices that name an order and that nobody has validated, the first one first.

    Locked, nobody validates them either before the transaction ends; order lines are locked before.
    """
    query = (
        select(InvoiceMatch, SupplierInvoice)
        .join(SupplierInvoice, SupplierInvoice.id == InvoiceMatch.invoice_id)
        .where(
            InvoiceMatch.order_keys.contains([number_key]),
            SupplierInvoice.status == InvoiceStatus.REGISTERED,
            *([InvoiceMatch.verdict == Verdict.EXCEPTION] if waiting else []),
        )
        .order_by(InvoiceMatch.invoice_id)
        .execution_options(populate_existing=True)
    )
    if lock:
        query = query.with_for_update(of=SupplierInvoice, key_share=True)
    return [(match, invoice) for match, invoice in (await session.execute(query)).all()]
