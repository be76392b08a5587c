"""Tables of bulk decisions."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.tables import BillingTable, TenantRow
from shared.ids import uuid7


class Step(StrEnum):
    """What is done to each invoice, as the path of the single step names it."""

    VALIDATION = "validation"
    APPROVAL = "approval"
    REJECTION = "rejection"
    RELEASE = "release"


class Became(StrEnum):
    """What became of one invoice: the step was taken, was refused, or had been taken before."""

    DONE = "done"
    REFUSED = "refused"
    ALREADY_DONE = "already-done"


class BulkOutcome(TenantRow, BillingTable):
    """What became of one invoice. Written with the step itself, so that a job that dies repeats nothing.

    `invoice_id` is as the caller named it: there may be no such invoice. `touch_us` is the part of the person's time that
    went into it.
    """

    __tablename__ = "bulk_outcome"
    __table_args__ = (
        UniqueConstraint("tenant_id", "job_id", "position"),
        CheckConstraint("(outcome = 'refused') = (refusal IS NOT NULL)", name="refused_for_a_reason"),
        Index(None, "tenant_id", "job_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    job_id: Mapped[UUID]
    position: Mapped[int]
    invoice_id: Mapped[UUID]
    outcome: Mapped[str]
    status: Mapped[str | None]
    touch_us: Mapped[int] = mapped_column(BigInteger)
    refusal: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    told_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
