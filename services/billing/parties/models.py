"""Tables of suppliers."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, FetchedValue, ForeignKey, Index, Numeric, String, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.tables import BillingTable, TenantRow
from shared.ids import uuid7

Stamp = TIMESTAMP(timezone=True)


class Supplier(TenantRow, BillingTable):
    """Whom we buy from. `aliases` are the other names that its invoices carry.

    Its row is locked by whatever files an invoice of it or decides about its accounts: these happen one after another.
    """

    __tablename__ = "supplier"
    __table_args__ = (
        CheckConstraint("terms_days BETWEEN 0 AND 365", name="plausible_terms"),
        CheckConstraint("tolerance_percent >= 0 AND tolerance_amount >= 0", name="tolerances_are_positive"),
        Index(None, "tenant_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    version: Mapped[int] = mapped_column(nullable=False)
    name: Mapped[str]
    aliases: Mapped[list[str]] = mapped_column(ARRAY(String))
    terms_days: Mapped[int | None]
    tolerance_percent: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    tolerance_amount: Mapped[Decimal | None] = mapped_column(Numeric(18, 3))
    known_since: Mapped[datetime] = mapped_column(Stamp)
    # Made by the database: name and aliases without case and accents.
    search: Mapped[str] = mapped_column(Text, FetchedValue(), server_onupdate=FetchedValue(), deferred=True)

    # A concurrent change of the same supplier fails instead of being overwritten.
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads a plain dict


class SupplierTaxId(TenantRow, BillingTable):
    """A tax number, normalised, and whose it is. Nobody shares one."""

    __tablename__ = "supplier_tax_id"
    __table_args__ = (UniqueConstraint("tenant_id", "tax_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    tax_id: Mapped[str]
    supplier_id: Mapped[UUID] = mapped_column(
        ForeignKey("billing.supplier.id", deferrable=True, initially="DEFERRED"), index=True
    )


class SupplierAccount(TenantRow, BillingTable):
    """Where a supplier is paid, normalised. `is_change`: it came up when the supplier was known already."""

    __tablename__ = "supplier_account"
    __table_args__ = (
        UniqueConstraint("tenant_id", "supplier_id", "account"),
        CheckConstraint("(verified_by IS NULL) = (verified_at IS NULL)", name="verified_by_somebody"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    supplier_id: Mapped[UUID] = mapped_column(ForeignKey("billing.supplier.id"))
    account: Mapped[str]
    is_change: Mapped[bool]
    first_invoice_id: Mapped[UUID] = mapped_column(ForeignKey("billing.supplier_invoice.id"))
    first_seen_at: Mapped[datetime] = mapped_column(Stamp)
    brought_by: Mapped[str]
    verified_by: Mapped[str | None]
    verified_at: Mapped[datetime | None] = mapped_column(Stamp)
