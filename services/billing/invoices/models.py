"""Tables of supplier invoices."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Double,
    FetchedValue,
    ForeignKey,
    Index,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.tables import BillingTable, TenantRow
from shared.ids import uuid7

Stamp = TIMESTAMP(timezone=True)
RULES_ID = "billing.rules"  # who decided where a rule did
# What never changes and is compared with row after row, where no narrower index helps.
_SEARCHED = ["supplier_id", "origin", "is_credit_note", "issue_date", "due_date", "registered_at", "search"]
_WAITS = "status IN ('registered', 'validated', 'approved')"


class InvoiceStatus(StrEnum):
    REGISTERED = "registered"
    VALIDATED = "validated"
    APPROVED = "approved"
    REJECTED = "rejected"
    PAID = "paid"


# What is still to be paid or refused, and can be overdue.
WAITING = (InvoiceStatus.REGISTERED, InvoiceStatus.VALIDATED, InvoiceStatus.APPROVED)

# A hold keeps an invoice from being validated; what was rejected all the same waits for nothing.
HELD_WHILE = InvoiceStatus.REGISTERED


class Origin(StrEnum):
    """How an invoice came in: keyed by somebody or a program, as an electronic invoice, or as a document with a draft."""

    KEYED = "keyed"
    ELECTRONIC = "electronic"
    DOCUMENT = "document"


class SupplierInvoice(TenantRow, BillingTable):
    """One invoice as the supplier sent it. Lines and VAT breakdown are the document's own and never change.

    What is keyed adds up; what an electronic invoice says is kept, also where it does not. Keys are digests for telling
    near duplicates. `repeat` is 0 but for those that were registered though their number was on file. `prepared_by` are
    all who completed or changed the draft it was.
    """

    __tablename__ = "supplier_invoice"
    __table_args__ = (
        UniqueConstraint("tenant_id", "supplier_tax_id", "number_key", "repeat"),
        CheckConstraint("origin = 'electronic' OR gross = net + tax", name="adds_up"),
        Index("ix_supplier_invoice_tenant_status", "tenant_id", "status", "id"),
        Index(None, "tenant_id", "registered_at"),
        Index(None, "supplier_id", "id"),
        Index(None, "supplier_id", "number_trace"),
        Index(None, "supplier_id", "gross", "issue_date"),
        Index(
            "ix_supplier_invoice_search",
            "tenant_id",
            "id",
            postgresql_include=_SEARCHED,
        ),
        Index(None, "tenant_id", "supplier_id", "id"),
        Index(
            "ix_supplier_invoice_number",
            "tenant_id",
            "number_key",
            "id",
            postgresql_ops={"number_key": "text_pattern_ops"},
        ),
        Index(None, "tenant_id", "issue_date", "id"),
        Index(None, "tenant_id", "due_date", "id"),
        Index("ix_supplier_invoice_waiting", "tenant_id", "due_date", "id", postgresql_where=text(_WAITS)),
        Index(None, "tenant_id", "currency", "gross_order", "id"),
        Index("ix_supplier_invoice_by_rule", "tenant_id", "id", postgresql_where=text("decided_by = 'billing.rules'")),
        Index(
            "ix_supplier_invoice_by_person", "tenant_id", "id", postgresql_where=text("decided_by <> 'billing.rules'")
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    version: Mapped[int] = mapped_column(nullable=False)
    origin: Mapped[str]
    is_credit_note: Mapped[bool]
    supplier_id: Mapped[UUID] = mapped_column(ForeignKey("billing.supplier.id"))
    supplier_tax_id: Mapped[str]
    supplier_name: Mapped[str]
    number: Mapped[str]
    number_key: Mapped[str]
    number_trace: Mapped[str]
    repeat: Mapped[int] = mapped_column(server_default="0")
    issue_date: Mapped[date]
    due_date: Mapped[date]
    currency: Mapped[str]
    net: Mapped[Decimal] = mapped_column(Numeric)
    tax: Mapped[Decimal] = mapped_column(Numeric)
    gross: Mapped[Decimal] = mapped_column(Numeric)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    vat_breakdown: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    lines_key: Mapped[str]
    references_key: Mapped[str | None]
    purchase_order: Mapped[str | None]
    status: Mapped[str]
    status_since: Mapped[datetime] = mapped_column(Stamp)
    registered_by: Mapped[str]
    prepared_by: Mapped[list[str]] = mapped_column(ARRAY(String), server_default="{}")
    registered_at: Mapped[datetime] = mapped_column(Stamp)
    decided_by: Mapped[str | None]
    decision_reason: Mapped[str | None]
    approvals: Mapped[int] = mapped_column(server_default="0")
    approvals_needed: Mapped[int | None]
    paid_on: Mapped[date | None]
    payment_reference: Mapped[str | None]
    # The database makes both: what is searched in, without case and accents, and `gross` as comparisons that row-level
    # security lets an index do (those of NUMERIC are not leakproof). Amounts that differ beyond 15 digits are alike to it.
    search: Mapped[str] = mapped_column(Text, FetchedValue(), server_onupdate=FetchedValue(), deferred=True)
    gross_order: Mapped[float] = mapped_column(Double, FetchedValue(), server_onupdate=FetchedValue(), deferred=True)

    @property
    def hands(self) -> set[str]:
        """All whose hands shaped the figures: none of them decides on it."""
        return {self.registered_by, *self.prepared_by}

    # A concurrent change of the same invoice fails instead of being overwritten.
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads a plain dict


class InvoiceApproval(TenantRow, BillingTable):
    """One person's approval. Nobody gives two for one invoice.

    `answers`: the approver is one whom the policy asks.
    """

    __tablename__ = "invoice_approval"
    __table_args__ = (UniqueConstraint("tenant_id", "invoice_id", "approved_by"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("billing.supplier_invoice.id"))
    approved_by: Mapped[str]
    answers: Mapped[bool] = mapped_column(server_default="false")
    approved_at: Mapped[datetime] = mapped_column(Stamp)
