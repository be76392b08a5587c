"""Tables of drafts."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.tables import BillingTable, TenantRow
from shared.ids import uuid7

Stamp = TIMESTAMP(timezone=True)


class DraftState(StrEnum):
    """`open`: a person has to complete it. The other two are final."""

    OPEN = "open"
    REGISTERED = "registered"
    DISCARDED = "discarded"


class InvoiceDraft(TenantRow, BillingTable):
    """A plain PDF: its bytes, what was read of them (`reading` never changes), what people say (`given`).

    `account_by` is who gave the account, where a person did; `authors` are all who gave anything.

    The invoice it becomes has its id: a case is one from the file's arrival to the payment.
    """

    __tablename__ = "invoice_draft"
    __table_args__ = (
        CheckConstraint("(state = 'registered') = (invoice_id IS NOT NULL)", name="registered_as_an_invoice"),
        CheckConstraint("invoice_id = id", name="one_case"),
        CheckConstraint("(state = 'open') = (settled_by IS NULL)", name="settled_by_somebody"),
        CheckConstraint("(state = 'discarded') = (reason IS NOT NULL)", name="discarded_for_a_reason"),
        Index(
            "ix_invoice_draft_file", "tenant_id", "sha256", unique=True, postgresql_where=text("state <> 'discarded'")
        ),
        Index(None, "tenant_id", "state", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    version: Mapped[int] = mapped_column(nullable=False)
    state: Mapped[str]
    pages: Mapped[int]
    pages_read: Mapped[int]
    has_text: Mapped[bool]
    language: Mapped[str | None]
    reading: Mapped[dict[str, Any]] = mapped_column(JSONB)
    given: Mapped[dict[str, Any]] = mapped_column(JSONB)
    account_by: Mapped[str | None]
    authors: Mapped[list[str]] = mapped_column(ARRAY(String), server_default="{}")
    object_key: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    received_by: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(Stamp)
    settled_by: Mapped[str | None]
    settled_at: Mapped[datetime | None] = mapped_column(Stamp)
    reason: Mapped[str | None]
    invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("billing.supplier_invoice.id"))

    # A concurrent change of the same draft fails instead of being overwritten.
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads a plain dict
