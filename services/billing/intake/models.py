"""Tables of intake."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.tables import BillingTable, TenantRow
from shared.ids import uuid7

Stamp = TIMESTAMP(timezone=True)


class ElectronicInvoice(TenantRow, BillingTable):
    """The file an invoice came in, what it says and what was found in it. None of it ever changes.

    `rule_sets` and `findings` are as the validators gave them, without texts of ours: these are told when read.
    """

    __tablename__ = "electronic_invoice"
    __table_args__ = (Index(None, "tenant_id", "verdict", "invoice_id"), Index(None, "tenant_id", "buyer_tax_id"))

    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("billing.supplier_invoice.id"), primary_key=True)
    format: Mapped[str]
    attachment: Mapped[str | None]
    verdict: Mapped[str]
    rule_sets: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    omitted_findings: Mapped[int]
    canonical: Mapped[dict[str, Any]] = mapped_column(JSONB)
    buyer_tax_id: Mapped[str | None]  # normalised: one of the tenant's own, as suppliers know it
    due_date_source: Mapped[str]
    object_key: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[datetime] = mapped_column(Stamp)


class PendingOriginal(TenantRow, BillingTable):
    """An object that may exist without an invoice: between its storing and the invoice's commit, or until `dead_at`.

    The row is committed before the first byte reaches the store and removed in the transaction that files the invoice,
    so every object belongs to an invoice or to one of these.
    """

    __tablename__ = "pending_original"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    object_key: Mapped[str]
    dead_at: Mapped[datetime] = mapped_column(
        Stamp, server_default=text("now() + interval '15 minutes'"), index=True
    )  # many times what the store and the database may take
