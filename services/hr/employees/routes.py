"""HTTP of employees."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.hr.employees import queries, service
from services.hr.employees.errors import (
    AnnualLeaveBelowMinimum,
    DuplicateEmployee,
    InvalidNationalId,
    OwnUser,
    StillEmployed,
    UserTaken,
)
from services.hr.employees.models import Employee
from services.hr.employees.schemas import EmployeeIn, EmployeeOut, EmployeePatch, EmploymentIn, present_employee
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import NotFound, problems
from shared.etag import row_to_change, set_etag
from shared.idempotency import Idempotent
from shared.pagination import Page, PageOf
from shared.routing import ServiceRoute
from shared.schemas import Day
from shared.work import HumanWork

router = APIRouter(prefix="/hr/employees", tags=["employees"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("hr.employees:read")]
CanWrite = Annotated[Principal, requires("hr.employees:write")]

CurrentEmployee = Annotated[Employee, row_to_change(queries.get_employee, "employee_id")]
EditedEmployee = Annotated[Employee, row_to_change(queries.get_employee, "employee_id", edit=True)]


@router.post(
    "",
    status_code=201,
    dependencies=[Idempotent],
    responses=problems(InvalidNationalId, AnnualLeaveBelowMinimum, DuplicateEmployee, UserTaken),
)
async def register(
    received: EmployeeIn, response: Response, session: Session, by: CanWrite, work: HumanWork
) -> EmployeeOut:
    """Register a joiner: a person and the employment that begins. A national id is taken once."""
    employee = await service.register_joiner(session, received, work)
    set_etag(response, employee.version)
    response.headers["Location"] = f"/hr/employees/{employee.id}"
    return present_employee(employee, by)


@router.get("")
async def list_all(
    session: ReadSession,
    by: CanRead,
    page: PageOf,
    team: Annotated[str | None, Query(max_length=64)] = None,
    employed_on: Day | None = None,
) -> Page[EmployeeOut]:
    """List employees, newest first; personal data only with the scope hr.employees:read-personal."""
    return await queries.list_employees(session, page, by, team, employed_on)


@router.get("/{employee_id}", responses=problems(NotFound))
async def get(employee_id: UUID, response: Response, session: ReadSession, by: CanRead) -> EmployeeOut:
    """Return one employee with the ETag; personal data only with the scope hr.employees:read-personal."""
    employee = await queries.get_employee(session, employee_id)
    set_etag(response, employee.version)
    return present_employee(employee, by)


@router.patch("/{employee_id}", responses=problems(UserTaken, OwnUser))
async def change(
    employee: EditedEmployee, patch: EmployeePatch, session: Session, by: CanWrite, work: HumanWork
) -> EmployeeOut:
    """Change name, email, team or user; needs If-Match."""
    await service.change_employee(session, employee, patch, by, work)
    return present_employee(employee, by)


@router.post(
    "/{employee_id}/employments",
    status_code=201,
    dependencies=[Idempotent],
    responses=problems(StillEmployed, AnnualLeaveBelowMinimum),
)
async def register_return(
    employee: CurrentEmployee, received: EmploymentIn, session: Session, by: CanWrite, work: HumanWork
) -> EmployeeOut:
    """Register the return of a person who left: a further employment."""
    await service.register_return(session, employee, received, work)
    return present_employee(employee, by)
