"""Tables of goods receipts, and of what went back."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.tables import BillingTable, TenantRow
from shared.ids import uuid7

Stamp = TIMESTAMP(timezone=True)


class GoodsReceipt(TenantRow, BillingTable):
    """One delivery of an order. It never changes; a reversal says that it counts no more, and why, a return that a part went back."""

    __tablename__ = "goods_receipt"
    __table_args__ = (
        CheckConstraint("(reversed_at IS NULL) = (reversed_by IS NULL)", name="reversed_by_somebody"),
        Index(None, "tenant_id", "id"),
        Index(None, "order_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    version: Mapped[int] = mapped_column(nullable=False)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("billing.purchase_order.id"))
    delivery_note: Mapped[str | None]
    received_on: Mapped[date]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime] = mapped_column(Stamp)
    reversed_by: Mapped[str | None]
    reversed_at: Mapped[datetime | None] = mapped_column(Stamp)
    reversal_reason: Mapped[str | None]

    # A concurrent change of the same receipt fails instead of being overwritten.
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads a plain dict


class ReceiptLine(TenantRow, BillingTable):
    """How much of one order line came with a delivery, and how much of that went back."""

    __tablename__ = "receipt_line"
    __table_args__ = (
        UniqueConstraint("tenant_id", "receipt_id", "order_line_id"),
        CheckConstraint("quantity > 0", name="something_came"),
        CheckConstraint("returned BETWEEN 0 AND quantity", name="no_more_returned_than_came"),
        Index(None, "order_line_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    receipt_id: Mapped[UUID] = mapped_column(ForeignKey("billing.goods_receipt.id"))
    order_line_id: Mapped[UUID] = mapped_column(ForeignKey("billing.order_line.id"))
    quantity: Mapped[Decimal] = mapped_column(Numeric)
    returned: Mapped[Decimal] = mapped_column(Numeric, server_default="0")


class GoodsReturn(TenantRow, BillingTable):
    """What of one delivery went back at a time, by order line. It never changes."""

    __tablename__ = "goods_return"
    __table_args__ = (Index(None, "receipt_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    receipt_id: Mapped[UUID] = mapped_column(ForeignKey("billing.goods_receipt.id"))
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    returned_on: Mapped[date]
    reason: Mapped[str]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime] = mapped_column(Stamp)
