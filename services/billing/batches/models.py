"""Tables of batches."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.tables import BillingTable, TenantRow
from shared.ids import uuid7


class BatchFile(TenantRow, BillingTable):
    """What became of one file: on file, or refused. Written with the invoice, so that a job that dies repeats nothing."""

    __tablename__ = "batch_file"
    __table_args__ = (
        UniqueConstraint("tenant_id", "job_id", "position"),
        CheckConstraint("(invoice_id IS NULL) <> (refusal IS NULL)", name="on_file_or_refused"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    job_id: Mapped[UUID]
    position: Mapped[int]
    name: Mapped[str]
    invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("billing.supplier_invoice.id"))
    verdict: Mapped[str | None]
    holds: Mapped[list[str]] = mapped_column(ARRAY(String))
    refusal: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
