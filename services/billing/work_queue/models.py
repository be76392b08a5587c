"""Tables of the work queue. What waits stands in none of them: it follows from drafts, invoices and holds."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.tables import BillingTable, TenantRow
from shared.ids import uuid7

Stamp = TIMESTAMP(timezone=True)


class Ending(StrEnum):
    """How an assignment ended. `overtaken`: others, or a rule, have decided by then."""

    DECIDED = "decided"
    RETURNED = "returned"
    REASSIGNED = "reassigned"
    LAPSED = "lapsed"
    OVERTAKEN = "overtaken"


class WorkAssignment(TenantRow, BillingTable):
    """One person's hold on an invoice or a draft that waits: given by somebody, begun by that person's claim.

    `invoice_id` is also what a draft has from its arrival, so no key leads to invoices. `worked_until` is the end of the
    last step within it: all before it is counted as work, or as waiting. `effective_at` is when a list's job took that step,
    before which no other could follow. An item has one open assignment at most. Rows are written under the lock of the invoice, or of the draft while there is none.
    """

    __tablename__ = "work_assignment"
    __table_args__ = (
        CheckConstraint("(ended_at IS NULL) = (ending IS NULL)", name="ended_somehow"),
        CheckConstraint("worked_until IS NULL OR claimed_at IS NOT NULL", name="worked_after_a_claim"),
        Index(
            "ix_work_assignment_open", "tenant_id", "invoice_id", unique=True, postgresql_where=text("ended_at IS NULL")
        ),
        Index(None, "tenant_id", "invoice_id", "id"),
        Index(
            "ix_work_assignment_worked",
            "tenant_id",
            "assignee",
            "worked_until",
            postgresql_where=text("worked_until IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    invoice_id: Mapped[UUID]
    assignee: Mapped[str]
    assigned_by: Mapped[str]
    assigned_at: Mapped[datetime] = mapped_column(Stamp)
    reason: Mapped[str | None]
    claimed_at: Mapped[datetime | None] = mapped_column(Stamp)
    worked_until: Mapped[datetime | None] = mapped_column(Stamp)
    effective_at: Mapped[datetime | None] = mapped_column(Stamp)
    ended_at: Mapped[datetime | None] = mapped_column(Stamp)
    ending: Mapped[str | None]
    note: Mapped[str | None]


class WorkDeadline(TenantRow, BillingTable):
    """The day by which a person wants an item decided, in place of the one that follows from its dates.

    What is said of a draft holds for the invoice it becomes, which has its id.
    """

    __tablename__ = "work_deadline"

    invoice_id: Mapped[UUID] = mapped_column(primary_key=True)
    due_by: Mapped[date]
    set_by: Mapped[str]
    set_at: Mapped[datetime] = mapped_column(Stamp)
