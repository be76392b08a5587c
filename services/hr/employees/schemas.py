"""What comes in and goes out of employees. Personal data goes out only to those who may read it."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from services.hr.employees.models import Employee, Employment, LeavingReason
from services.hr.employees.rules import LEGAL_ANNUAL_LEAVE_DAYS
from shared.auth import Principal
from shared.schemas import Name, PlausibleDay, RequestModel, ResponseModel, Slug

READ_PERSONAL = "hr.employees:read-personal"

Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s.]+$")]
UserId = Annotated[str, StringConstraints(min_length=1, max_length=255)]
AnnualLeaveDays = Annotated[
    int, Field(ge=0, le=365, description="Calendar days for a whole year; the law's minimum is 30")
]


def _not_null(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("string_type", "Input should be a valid string")
    return value


NotNull = BeforeValidator(_not_null)  # in a PATCH a name may be left out, but not be set to nothing


class EmploymentIn(RequestModel):
    hire_date: PlausibleDay
    annual_leave_days: AnnualLeaveDays = LEGAL_ANNUAL_LEAVE_DAYS


class EmployeeIn(RequestModel):
    """A person who joins, with the employment that begins."""

    given_name: Name
    family_name: Name
    national_id: Annotated[str, StringConstraints(min_length=1, max_length=24)]
    email: Email
    user_id: UserId | None = None
    team: Slug
    employment: EmploymentIn


class EmployeePatch(RequestModel):
    """Only what is to change."""

    given_name: Annotated[Name | None, NotNull] = None
    family_name: Annotated[Name | None, NotNull] = None
    email: Annotated[Email | None, NotNull] = None
    team: Annotated[Slug | None, NotNull] = None
    user_id: UserId | None = None


class DepartureIn(RequestModel):
    leave_date: Annotated[PlausibleDay, Field(description="The last day of the employment")]
    reason: Annotated[LeavingReason, Field(strict=False)]


class EmploymentOut(ResponseModel):
    """`leaving_reason` is null for those who may not read personal data."""

    id: UUID
    hire_date: date
    leave_date: date | None
    leaving_reason: LeavingReason | None
    annual_leave_days: int


class PersonalOut(ResponseModel):
    given_name: str
    family_name: str
    national_id: str
    email: str
    user_id: str | None


class EmployeeOut(ResponseModel):
    """`personal` is null for those who may not read it; one's own data may always be read."""

    id: UUID
    version: int
    team: str
    employments: list[EmploymentOut]
    personal: PersonalOut | None


def present_employee(employee: Employee, reader: Principal) -> EmployeeOut:
    """Return what `reader` may see. A person may see their own data (GDPR art. 15)."""
    may_read = reader.allows(READ_PERSONAL) or employee.user_id == reader.id
    return EmployeeOut(
        id=employee.id,
        version=employee.version,
        team=employee.team,
        employments=[_present_employment(employment, may_read) for employment in employee.employments],
        personal=PersonalOut.model_validate(employee) if may_read else None,
    )


def _present_employment(employment: Employment, may_read: bool) -> EmploymentOut:
    reason = employment.leaving_reason
    return EmploymentOut(
        id=employment.id,
        hire_date=employment.hire_date,
        leave_date=employment.leave_date,
        leaving_reason=LeavingReason(reason) if reason and may_read else None,
        annual_leave_days=employment.annual_leave_days,
    )
