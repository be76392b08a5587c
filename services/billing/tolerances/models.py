"""Tables of tolerances."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Numeric, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.tables import BillingTable, TenantRow
from shared.ids import uuid7


class DefaultTolerance(TenantRow, BillingTable):
    """A version of the tenant's tolerance; the last one counts. Never changes. `amounts` are texts, by currency."""

    __tablename__ = "default_tolerance"
    __table_args__ = (
        UniqueConstraint("tenant_id", "version"),
        CheckConstraint("percent >= 0", name="percent_is_positive"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    version: Mapped[int]
    percent: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    amounts: Mapped[dict[str, str]] = mapped_column(JSONB)
    reason: Mapped[str]
    changed_by: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
