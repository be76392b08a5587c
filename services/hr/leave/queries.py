"""Reads of leave. Row-level security keeps them to the caller's tenant."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from services.hr.employees.models import Employee
from services.hr.leave import rules
from services.hr.leave.models import OPEN, LeaveKind, LeaveRequest, LeaveStatus
from services.hr.leave.schemas import LeaveRequestOut, present_request
from shared.auth import Principal
from shared.errors import NotFound
from shared.pagination import Page, PageRequest, fetch_page

_WITH_EMPLOYEE = joinedload(LeaveRequest.employee, innerjoin=True)


async def get_request(session: AsyncSession, leave_request_id: UUID, *, lock: bool = False) -> LeaveRequest:
    """Return one request, locked for a change when asked. Raises NotFound, also for another tenant's."""
    query = select(LeaveRequest).where(LeaveRequest.id == leave_request_id).options(_WITH_EMPLOYEE)
    request = (await session.scalars(query.with_for_update(of=LeaveRequest) if lock else query)).one_or_none()
    if request is None:
        raise NotFound
    return request


async def list_requests(
    session: AsyncSession,
    page: PageRequest,
    reader: Principal,
    *,
    employee_id: UUID | None,
    status: LeaveStatus | None,
    on: date | None,
) -> Page[LeaveRequestOut]:
    query = select(LeaveRequest).options(_WITH_EMPLOYEE)
    if employee_id is not None:
        query = query.where(LeaveRequest.employee_id == employee_id)
    if status is not None:
        query = query.where(LeaveRequest.status == status)
    if on is not None:
        query = query.where(LeaveRequest.first_day <= on, LeaveRequest.last_day >= on)
    return await fetch_page(session, query, LeaveRequest.id, page, lambda request: present_request(request, reader))


async def find_overlapping(session: AsyncSession, employee_id: UUID, first: date, last: date) -> Sequence[UUID]:
    """Return the ids of a person's open leave on any day from `first` to `last`, the earliest first."""
    query = select(LeaveRequest.id).where(
        LeaveRequest.employee_id == employee_id,
        LeaveRequest.status.in_(OPEN),
        LeaveRequest.first_day <= last,
        LeaveRequest.last_day >= first,
    )
    return (await session.scalars(query.order_by(LeaveRequest.first_day))).all()


async def lock_open_after(session: AsyncSession, employee_id: UUID, day: date) -> Sequence[LeaveRequest]:
    """Return a person's open leave that goes on after `day`, locked, the earliest first."""
    query = select(LeaveRequest).where(
        LeaveRequest.employee_id == employee_id, LeaveRequest.status.in_(OPEN), LeaveRequest.last_day > day
    )
    return (await session.scalars(query.order_by(LeaveRequest.first_day).with_for_update())).all()


async def compute_balances(session: AsyncSession, employee: Employee, years: range) -> list[rules.Balance]:
    """Return a person's holiday balance of each year. `employee` comes with the employments."""
    query = select(LeaveRequest.first_day, LeaveRequest.last_day, LeaveRequest.status).where(
        LeaveRequest.employee_id == employee.id,
        LeaveRequest.kind == LeaveKind.HOLIDAY,
        LeaveRequest.status.in_(OPEN),
        LeaveRequest.first_day <= date(years[-1], 12, 31),
        LeaveRequest.last_day >= date(years[0], 1, 1),
    )
    rows = (await session.execute(query)).all()
    holidays = [rules.Holiday(first, last, status == LeaveStatus.REQUESTED) for first, last, status in rows]
    employments = employments_of(employee)
    return [rules.compute_balance(employments, holidays, year) for year in years]


def employments_of(employee: Employee) -> list[rules.Employed]:
    return [rules.Employed(item.hire_date, item.leave_date, item.annual_leave_days) for item in employee.employments]
