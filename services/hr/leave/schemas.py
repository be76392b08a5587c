"""What comes in and goes out of leave. The kind may be health data: it goes out only to those who may read it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from services.hr.leave.models import LeaveKind, LeaveRequest, LeaveStatus
from services.hr.leave.rules import Balance, count_days, split_by_year
from shared.auth import Principal
from shared.schemas import Id, PlausibleDay, RequestModel, ResponseModel

READ_PERSONAL = "hr.leave-requests:read-personal"


class LeaveRequestIn(RequestModel):
    """Both days are part of the leave."""

    employee_id: Id
    kind: Annotated[LeaveKind, Field(strict=False)]
    first_day: PlausibleDay
    last_day: PlausibleDay


class LeaveRejectionIn(RequestModel):
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class YearDaysOut(ResponseModel):
    year: int
    days: int


class LeaveRequestOut(ResponseModel):
    """`kind` and `decision_reason` are null for those who may not read personal data."""

    id: UUID
    version: int
    employee_id: UUID
    status: LeaveStatus
    first_day: date
    last_day: date
    days: int
    days_by_year: list[YearDaysOut]
    requested_at: datetime
    decided_at: datetime | None
    kind: LeaveKind | None
    decision_reason: str | None


class LeaveBalanceOut(ResponseModel):
    """Days of holiday in one calendar year: entitlement = taken + pending + left, to the hundredth."""

    employee_id: UUID
    year: int
    entitlement: Decimal
    taken: int
    pending: int
    left: Decimal


def present_request(request: LeaveRequest, reader: Principal) -> LeaveRequestOut:
    """Return what `reader` may see: all of it for those concerned, and with the scope for personal data."""
    may_read = reader.allows(READ_PERSONAL) or reader.id in {request.requested_by, request.employee.user_id}
    by_year = split_by_year(request.first_day, request.last_day)
    return LeaveRequestOut(
        id=request.id,
        version=request.version,
        employee_id=request.employee_id,
        status=LeaveStatus(request.status),
        first_day=request.first_day,
        last_day=request.last_day,
        days=count_days(request.first_day, request.last_day),
        days_by_year=[YearDaysOut(year=year, days=days) for year, days in by_year.items()],
        requested_at=request.requested_at,
        decided_at=request.decided_at,
        kind=LeaveKind(request.kind) if may_read else None,
        decision_reason=request.decision_reason if may_read else None,
    )


def present_balance(employee_id: UUID, balance: Balance) -> LeaveBalanceOut:
    return LeaveBalanceOut(
        employee_id=employee_id,
        year=balance.year,
        entitlement=balance.entitlement,
        taken=balance.taken,
        pending=balance.pending,
        left=balance.left,
    )
