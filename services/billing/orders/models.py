"""Tables of purchase orders."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.tables import BillingTable, TenantRow
from shared.ids import uuid7

Stamp = TIMESTAMP(timezone=True)


class OrderStatus(StrEnum):
    """`closed`: nothing more is expected. `cancelled`: nothing ever came of it."""

    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class PurchaseOrder(TenantRow, BillingTable):
    """What was ordered. Its number is ours, so a tenant has each once; the supplier need not be on file yet."""

    __tablename__ = "purchase_order"
    __table_args__ = (
        UniqueConstraint("tenant_id", "number_key"),
        Index(None, "tenant_id", "id"),
        Index(None, "tenant_id", "supplier_tax_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    version: Mapped[int] = mapped_column(nullable=False)
    number: Mapped[str]
    number_key: Mapped[str]
    supplier_tax_id: Mapped[str]
    currency: Mapped[str]
    status: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(Stamp)
    status_reason: Mapped[str | None]
    placed_by: Mapped[str]
    placed_at: Mapped[datetime] = mapped_column(Stamp)

    # A concurrent change of the same order fails instead of being overwritten.
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads a plain dict


class OrderLine(TenantRow, BillingTable):
    """One thing ordered. `position` is its place in the order, `reference` what an invoice calls it by (BT-132).

    Its row is locked by whatever counts what was received or billed of it.
    """

    __tablename__ = "order_line"
    __table_args__ = (
        UniqueConstraint("tenant_id", "order_id", "reference"),
        CheckConstraint("quantity > 0 AND unit_price >= 0", name="plausible_figures"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("billing.purchase_order.id"))
    position: Mapped[int]
    reference: Mapped[str]
    description: Mapped[str]
    buyer_item: Mapped[str | None]
    seller_item: Mapped[str | None]
    standard_item: Mapped[str | None]
    quantity: Mapped[Decimal] = mapped_column(Numeric)
    unit: Mapped[str]
    unit_price: Mapped[Decimal] = mapped_column(Numeric)
    receipt_required: Mapped[bool]
