"""Tables of near duplicates."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
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
