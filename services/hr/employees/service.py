"""Use cases of employees; the only writer of their tables, with departures."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.hr.employees import queries, rules
from services.hr.employees.errors import (
    AnnualLeaveBelowMinimum,
    DuplicateEmployee,
    InvalidNationalId,
    OwnUser,
    StillEmployed,
    UserTaken,
)
from services.hr.employees.models import Employee, Employment
from services.hr.employees.schemas import EmployeeIn, EmployeePatch, EmploymentIn
from shared import outbox
from shared.auth import Principal
from shared.contracts import hr as events
from shared.ids import uuid7
from shared.work import Effort

PROCESS = "hr-administration"


async def register_joiner(session: AsyncSession, received: EmployeeIn, effort: Effort) -> Employee:
    """Put a person and the employment that begins on file.

    Raises InvalidNationalId, AnnualLeaveBelowMinimum, DuplicateEmployee or UserTaken (also between
    concurrent requests).
    """
    national_id = rules.normalise_national_id(received.national_id)
    if not rules.is_national_id(national_id):
        raise InvalidNationalId
    employee = Employee(
        id=uuid7(),
        given_name=received.given_name,
        family_name=received.family_name,
        national_id=national_id,
        email=received.email,
        user_id=received.user_id,
        team=received.team,
        changed_at=effort.finished_at,
        employments=[_begin_employment(received.employment)],
    )
    try:
        async with session.begin_nested():
            session.add(employee)
    except IntegrityError as error:
        await _refuse_taken(session, national_id, received.user_id, error)
    _record_joined(session, employee, effort)
    return employee


async def register_return(
    session: AsyncSession, employee: Employee, received: EmploymentIn, effort: Effort
) -> Employment:
    """Begin a further employment of a person who left. Raises StillEmployed, AnnualLeaveBelowMinimum."""
    last = employee.employments[-1].leave_date
    if last is None or received.hire_date <= last:
        raise StillEmployed(until=None if last is None else last.isoformat())
    employment = _begin_employment(received)
    employee.employments.append(employment)
    employee.changed_at = effort.finished_at
    await session.flush()
    _record_joined(session, employee, effort)
    return employment


async def change_employee(
    session: AsyncSession, employee: Employee, patch: EmployeePatch, by: Principal, effort: Effort
) -> None:
    """Change what `patch` names. Raises UserTaken, or OwnUser when someone would change which user they are."""
    given = patch.model_dump(exclude_unset=True)
    changes = {name: value for name, value in given.items() if value != getattr(employee, name)}
    if not changes:
        return
    if "user_id" in changes and by.id in {employee.user_id, changes["user_id"]}:
        raise OwnUser
    await _apply(session, employee, {**changes, "changed_at": effort.finished_at})
    event = events.EmployeeChanged(employee_id=employee.id, fields=sorted(changes))
    outbox.record(session, event, subject=employee.id, work=effort.on(PROCESS, "change-employee", employee.id))


async def _apply(session: AsyncSession, employee: Employee, values: Mapping[str, Any]) -> None:
    try:
        async with session.begin_nested():
            for name, value in values.items():
                setattr(employee, name, value)
    except IntegrityError as error:
        await _refuse_taken(session, None, values.get("user_id"), error)


def _begin_employment(received: EmploymentIn) -> Employment:
    minimum = rules.LEGAL_ANNUAL_LEAVE_DAYS
    if received.annual_leave_days < minimum:
        raise AnnualLeaveBelowMinimum(days=received.annual_leave_days, minimum=minimum)
    return Employment(id=uuid7(), hire_date=received.hire_date, annual_leave_days=received.annual_leave_days)


def _record_joined(session: AsyncSession, employee: Employee, effort: Effort) -> None:
    hire_date = employee.employments[-1].hire_date
    event = events.EmployeeJoined(employee_id=employee.id, team=employee.team, hire_date=hire_date)
    outbox.record(session, event, subject=employee.id, work=effort.on(PROCESS, "register-joiner", employee.id))


async def _refuse_taken(
    session: AsyncSession, national_id: str | None, user_id: str | None, error: IntegrityError
) -> None:
    """Say which unique value the database found taken; anything else is raised as it is."""
    if national_id and (existing := await queries.find_by_national_id(session, national_id)):
        raise DuplicateEmployee(existing_id=str(existing)) from error
    if user_id and (existing := await queries.find_by_user(session, user_id)):
        raise UserTaken(existing_id=str(existing)) from error
    raise error
