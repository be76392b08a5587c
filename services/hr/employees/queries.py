"""Reads of employees. Row-level security keeps them to the caller's tenant."""

from datetime import date
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from services.hr.employees.models import Employee, Employment
from services.hr.employees.schemas import EmployeeOut, present_employee
from shared.auth import Principal
from shared.errors import NotFound
from shared.pagination import Page, PageRequest, fetch_page


async def get_employee(session: AsyncSession, employee_id: UUID, *, lock: bool = False) -> Employee:
    """Return one employee with the employments, locked for a change when asked.

    The lock also stands for the person's leave balance. Raises NotFound, also for another tenant's.
    """
    query = select(Employee).where(Employee.id == employee_id).options(selectinload(Employee.employments))
    employee = (await session.scalars(query.with_for_update() if lock else query)).one_or_none()
    if employee is None:
        raise NotFound
    return employee


async def find_by_national_id(session: AsyncSession, national_id: str) -> UUID | None:
    return await session.scalar(select(Employee.id).where(Employee.national_id == national_id))


async def find_by_user(session: AsyncSession, user_id: str | None) -> UUID | None:
    return await session.scalar(select(Employee.id).where(Employee.user_id == user_id))


async def list_employees(
    session: AsyncSession, page: PageRequest, reader: Principal, team: str | None, employed_on: date | None
) -> Page[EmployeeOut]:
    query = select(Employee).options(selectinload(Employee.employments))
    if team is not None:
        query = query.where(Employee.team == team)
    if employed_on is not None:
        ended = or_(Employment.leave_date.is_(None), Employment.leave_date >= employed_on)
        query = query.where(Employee.employments.any((Employment.hire_date <= employed_on) & ended))
    return await fetch_page(session, query, Employee.id, page, lambda employee: present_employee(employee, reader))
