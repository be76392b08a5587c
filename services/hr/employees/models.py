"""Tables of employees."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.hr.tables import HrTable, Stamp, TenantRow
from shared.ids import uuid7


class LeavingReason(StrEnum):
    """Why an employment ends (Estatuto de los Trabajadores art. 49.1; probation: art. 14.2)."""

    RESIGNATION = "resignation"
    MUTUAL_AGREEMENT = "mutual-agreement"
    END_OF_TERM = "end-of-term"
    PROBATION = "probation"
    OBJECTIVE_DISMISSAL = "objective-dismissal"
    DISCIPLINARY_DISMISSAL = "disciplinary-dismissal"
    COLLECTIVE_DISMISSAL = "collective-dismissal"
    RETIREMENT = "retirement"
    INCAPACITY = "incapacity"
    DEATH = "death"
    OTHER = "other"


class Employee(TenantRow, HrTable):
    """A person. `user_id` is the subject of the person's own tokens, where they have any."""

    __tablename__ = "employee"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "national_id"),
        UniqueConstraint("tenant_id", "user_id"),
        Index("ix_employee_tenant_team", "tenant_id", "team", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    version: Mapped[int] = mapped_column(nullable=False)
    given_name: Mapped[str]
    family_name: Mapped[str]
    national_id: Mapped[str]
    email: Mapped[str]
    user_id: Mapped[str | None]
    team: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(Stamp)

    employments: Mapped[list["Employment"]] = relationship(
        primaryjoin="Employee.id == foreign(Employment.employee_id)", order_by="Employment.hire_date", lazy="raise"
    )

    # A concurrent change of the same person fails instead of being overwritten.
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads a plain dict


class Employment(TenantRow, HrTable):
    """A dated relation with a person: from `hire_date` to `leave_date`, both worked; without an end it is open.

    `annual_leave_days` are calendar days for a whole year.
    """

    __tablename__ = "employment"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "employee_id"], ["hr.employee.tenant_id", "hr.employee.id"]),
        CheckConstraint("leave_date >= hire_date", name="ends_after_start"),
        CheckConstraint("(leave_date IS NULL) = (leaving_reason IS NULL)", name="end_has_reason"),
        ExcludeConstraint(
            ("tenant_id", "="),
            ("employee_id", "="),
            (text("daterange(hire_date, leave_date, '[]')"), "&&"),
            using="gist",
            name="ex_employment_no_overlap",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    employee_id: Mapped[UUID]
    hire_date: Mapped[date]
    leave_date: Mapped[date | None]
    leaving_reason: Mapped[str | None]
    annual_leave_days: Mapped[int]
