"""Tables of batches."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.tables import BillingTable, TenantRow
from shared.ids import uuid7


class BatchFile(TenantRow, BillingTable):
    """What became of one file: on file, a draft, or refused. Written with that, so that a job that dies repeats nothing."""

    __tablename__ = "batch_file"
    __table_args__ = (
        UniqueConstraint("tenant_id", "job_id", "position"),
        CheckConstraint("num_nonnulls(invoice_id, draft_id, refusal) = 1", name="one_outcome"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    job_id: Mapped[UUID]
    position: Mapped[int]
    name: Mapped[str]
    invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("billing.supplier_invoice.id"))
    draft_id: Mapped[UUID | None] = mapped_column(ForeignKey("billing.invoice_draft.id"))
    verdict: Mapped[str | None]
    holds: Mapped[list[str]] = mapped_column(ARRAY(String))
    refusal: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
