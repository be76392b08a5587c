"""Tables of near duplicates."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.tables import BillingTable, TenantRow
from shared.ids import uuid7


class DuplicateExemption(TenantRow, BillingTable):
    """A sign that says nothing about this supplier any more: somebody said so and why."""

    __tablename__ = "duplicate_exemption"
    __table_args__ = (UniqueConstraint("tenant_id", "supplier_id", "sign"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    supplier_id: Mapped[UUID] = mapped_column(ForeignKey("billing.supplier.id"))
    sign: Mapped[str]
    reason: Mapped[str]
    granted_by: Mapped[str]
    granted_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class DuplicateOverride(TenantRow, BillingTable):
    """An invoice whose number was on file already, as `repeats_id`: who registered it all the same, and why. Never changes."""

    __tablename__ = "duplicate_override"
    __table_args__ = (CheckConstraint("invoice_id <> repeats_id", name="repeats_another"),)

    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("billing.supplier_invoice.id"), primary_key=True)
    repeats_id: Mapped[UUID] = mapped_column(ForeignKey("billing.supplier_invoice.id"))
    reason: Mapped[str]
    overridden_by: Mapped[str]
    overridden_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
