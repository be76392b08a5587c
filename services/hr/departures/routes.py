"""HTTP of departures."""

from fastapi import APIRouter

from services.hr.departures import service
from services.hr.departures.schemas import DepartureOut
from services.hr.employees.errors import AlreadyLeft, LeaveDateBeforeHire
from services.hr.employees.routes import CanWrite, CurrentEmployee
from services.hr.employees.schemas import DepartureIn
from shared.db import Session
from shared.errors import problems
from shared.idempotency import Idempotent
from shared.routing import ServiceRoute
from shared.work import HumanWork

router = APIRouter(prefix="/hr/employees", tags=["employees"], route_class=ServiceRoute)


@router.post(
    "/{employee_id}/departure",
    dependencies=[Idempotent],
    responses=problems(AlreadyLeft, LeaveDateBeforeHire),
)
async def depart(
    employee: CurrentEmployee, departure: DepartureIn, session: Session, _by: CanWrite, work: HumanWork
) -> DepartureOut:
    """Register a leaver. Leave that begins after the last day is cancelled; leave across it ends on it."""
    ended = await service.register_leaver(session, employee, departure, work)
    return DepartureOut(cancelled_leave_requests=ended.cancelled, shortened_leave_requests=ended.shortened)
