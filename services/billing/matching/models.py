"""Tables of matching."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Numeric, String
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.tables import BillingTable, TenantRow
from shared.ids import uuid7


class InvoiceMatch(TenantRow, BillingTable):
    """What the last matching of an invoice found; `outcome` holds it line by line.

    `order_keys` are the numbers it may mean, as orders are found by: one that is placed later finds its invoices.
    """

    __tablename__ = "invoice_match"
    __table_args__ = (
        Index(None, "order_keys", postgresql_using="gin"),
        Index(None, "tenant_id", "verdict", "invoice_id"),
    )

    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("billing.supplier_invoice.id"), primary_key=True)
    order_keys: Mapped[list[str]] = mapped_column(ARRAY(String))
    verdict: Mapped[str]
    outcome: Mapped[dict[str, Any]] = mapped_column(JSONB)
    matched_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class MatchedQuantity(TenantRow, BillingTable):
    """What one invoice bills of an order line; negative where it gives back. A rejected invoice's counts no more."""

    __tablename__ = "matched_quantity"
    __table_args__ = (Index(None, "order_line_id"), Index(None, "invoice_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("billing.supplier_invoice.id"))
    order_line_id: Mapped[UUID] = mapped_column(ForeignKey("billing.order_line.id"))
    quantity: Mapped[Decimal] = mapped_column(Numeric)
