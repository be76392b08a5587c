"""Tables of holds."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.tables import BillingTable, TenantRow
from shared.ids import uuid7

Stamp = TIMESTAMP(timezone=True)


class HoldKind(StrEnum):
    INVALID = "invalid"
    NOT_VALIDATED = "not-validated"
    NEAR_DUPLICATE = "near-duplicate"
    ACCOUNT_CHANGED = "account-changed"
    MATCH_EXCEPTION = "match-exception"


class HoldScope(StrEnum):
    """How far a release goes: this invoice alone, or also what comes from the supplier with the same signs."""

    INVOICE = "invoice"
    SUPPLIER = "supplier"


class InvoiceHold(TenantRow, BillingTable):
    """One reason to wait. `details` say what was found; a release says who, when, why and how far."""

    __tablename__ = "invoice_hold"
    __table_args__ = (
        CheckConstraint("(released_at IS NULL) = (released_by IS NULL)", name="released_by_somebody"),
        Index(None, "tenant_id", "invoice_id"),
        Index("ix_invoice_hold_open", "tenant_id", "invoice_id", postgresql_where=text("released_at IS NULL")),
        Index(
            "ix_invoice_hold_open_kind", "tenant_id", "kind", "invoice_id", postgresql_where=text("released_at IS NULL")
        ),
        Index(
            "ix_invoice_hold_account",
            text("(details ->> 'account_id')"),
            postgresql_where=text("released_at IS NULL AND kind = 'account-changed'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("billing.supplier_invoice.id"))
    kind: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    raised_at: Mapped[datetime] = mapped_column(Stamp)
    released_at: Mapped[datetime | None] = mapped_column(Stamp)
    released_by: Mapped[str | None]
    reason: Mapped[str | None]
    scope: Mapped[str | None]
