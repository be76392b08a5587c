"""Tables of leave."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.hr.employees.models import Employee
from services.hr.tables import HrTable, Stamp, TenantRow
from shared.ids import uuid7


class LeaveKind(StrEnum):
    """Why someone is away; only holidays are taken from the balance (Estatuto de los Trabajadores art. 37, 38, 45-48)."""

    HOLIDAY = "holiday"
    SICK = "sick"
    PARENTAL = "parental"
    PAID_PERMIT = "paid-permit"
    UNPAID = "unpaid"


class LeaveStatus(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


OPEN = (LeaveStatus.REQUESTED, LeaveStatus.APPROVED)


class LeaveRequest(TenantRow, HrTable):
    """Leave of one person from `first_day` to `last_day`, both included. Open leave of one person never overlaps."""

    __tablename__ = "leave_request"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "employee_id"], ["hr.employee.tenant_id", "hr.employee.id"]),
        CheckConstraint("last_day >= first_day", name="ends_after_start"),
        ExcludeConstraint(
            ("tenant_id", "="),
            ("employee_id", "="),
            (text("daterange(first_day, last_day, '[]')"), "&&"),
            where=text("status IN ('requested', 'approved')"),
            using="gist",
            name="ex_leave_request_no_overlap",
        ),
        Index("ix_leave_request_tenant_employee", "tenant_id", "employee_id", "id"),
        Index("ix_leave_request_tenant_status", "tenant_id", "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    version: Mapped[int] = mapped_column(nullable=False)
    employee_id: Mapped[UUID]
    kind: Mapped[str]
    first_day: Mapped[date]
    last_day: Mapped[date]
    status: Mapped[str]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(Stamp)
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None] = mapped_column(Stamp)
    decision_reason: Mapped[str | None]

    employee: Mapped[Employee] = relationship(
        primaryjoin="Employee.id == foreign(LeaveRequest.employee_id)", lazy="raise", viewonly=True
    )

    # A concurrent change of the same request fails instead of being overwritten.
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads a plain dict
