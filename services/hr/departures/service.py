"""The leaver's use case: it ends an employment and what depends on it."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.hr.employees.errors import AlreadyLeft, LeaveDateBeforeHire
from services.hr.employees.models import Employee
from services.hr.employees.schemas import DepartureIn
from services.hr.employees.service import PROCESS
from services.hr.leave.service import EndedLeave, end_leave_after
from shared import outbox
from shared.contracts import hr as events
from shared.work import Effort


async def register_leaver(
    session: AsyncSession, employee: Employee, departure: DepartureIn, effort: Effort
) -> EndedLeave:
    """End the open employment of a locked employee; leave after its last day is cancelled or ends with it.

    Raises AlreadyLeft, LeaveDateBeforeHire.
    """
    employment = employee.employments[-1]
    if employment.leave_date is not None:
        raise AlreadyLeft(leave_date=employment.leave_date.isoformat())
    if departure.leave_date < employment.hire_date:
        raise LeaveDateBeforeHire(
            leave_date=departure.leave_date.isoformat(), hire_date=employment.hire_date.isoformat()
        )
    employment.leave_date, employment.leaving_reason = departure.leave_date, departure.reason
    employee.changed_at = effort.finished_at
    event = events.EmployeeLeft(employee_id=employee.id, leave_date=departure.leave_date)
    outbox.record(session, event, subject=employee.id, work=effort.on(PROCESS, "register-leaver", employee.id))
    return await end_leave_after(session, employee.id, departure.leave_date, effort)
