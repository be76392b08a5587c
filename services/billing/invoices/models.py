"""Tables of supplier invoices."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.tables import BillingTable, TenantRow
from shared.ids import uuid7

Stamp = TIMESTAMP(timezone=True)


class InvoiceStatus(StrEnum):
    REGISTERED = "registered"
    VALIDATED = "validated"
    APPROVED = "approved"
    REJECTED = "rejected"
    PAID = "paid"


class Origin(StrEnum):
    """How an invoice came in: keyed by somebody or a program, as an electronic invoice, or as a document with a draft."""

    KEYED = "keyed"
    ELECTRONIC = "electronic"
    DOCUMENT = "document"


class SupplierInvoice(TenantRow, BillingTable):
    """One invoice as the supplier sent it. Lines and VAT breakdown are the document's own and never change.

    What is keyed adds up; what an electronic invoice says is kept, also where it does not. Keys are digests for telling
    near duplicates.
    """

    __tablename__ = "supplier_invoice"
    __table_args__ = (
        UniqueConstraint("tenant_id", "supplier_tax_id", "number_key"),
        CheckConstraint("origin = 'electronic' OR gross = net + tax", name="adds_up"),
        Index("ix_supplier_invoice_tenant_status", "tenant_id", "status", "id"),
        Index(None, "tenant_id", "registered_at"),
        Index(None, "supplier_id", "number_trace"),
        Index(None, "supplier_id", "gross", "issue_date"),
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
    registered_at: Mapped[datetime] = mapped_column(Stamp)
    decided_by: Mapped[str | None]
    decision_reason: Mapped[str | None]
    approvals: Mapped[int] = mapped_column(server_default="0")
    approvals_needed: Mapped[int | None]
    paid_on: Mapped[date | None]
    payment_reference: Mapped[str | None]

    # A concurrent change of the same invoice fails instead of being overwritten.
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads a plain dict


class InvoiceApproval(TenantRow, BillingTable):
    """One person's approval. Nobody gives two for one invoice."""

    __tablename__ = "invoice_approval"
    __table_args__ = (UniqueConstraint("tenant_id", "invoice_id", "approved_by"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("billing.supplier_invoice.id"))
    approved_by: Mapped[str]
    approved_at: Mapped[datetime] = mapped_column(Stamp)
