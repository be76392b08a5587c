"""HTTP of leave."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.hr.employees.queries import get_employee
from services.hr.leave import queries, service
from services.hr.leave.errors import (
    BalanceExceeded,
    IllegalLeaveTransition,
    InvalidPeriod,
    LeaveStarted,
    NotYourLeave,
    OutsideEmployment,
    OverlappingLeave,
    OwnLeave,
)
from services.hr.leave.models import LeaveRequest, LeaveStatus
from services.hr.leave.schemas import (
    LeaveBalanceOut,
    LeaveRejectionIn,
    LeaveRequestIn,
    LeaveRequestOut,
    present_balance,
    present_request,
)
from services.hr.today import Today
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import NotFound, problems
from shared.etag import row_to_change, set_etag
from shared.idempotency import Idempotent
from shared.pagination import Page, PageOf
from shared.routing import ServiceRoute
from shared.schemas import Day
from shared.work import HumanWork

router = APIRouter(prefix="/hr", tags=["leave"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("hr.leave-requests:read")]
CanWrite = Annotated[Principal, requires("hr.leave-requests:write")]
CanApprove = Annotated[Principal, requires("hr.leave-requests:approve")]

CurrentRequest = Annotated[LeaveRequest, row_to_change(queries.get_request, "leave_request_id")]
DECISION_REFUSALS = problems(IllegalLeaveTransition, OwnLeave)


@router.post(
    "/leave-requests",
    status_code=201,
    dependencies=[Idempotent],
    responses=problems(InvalidPeriod, NotFound, OutsideEmployment, OverlappingLeave, BalanceExceeded),
)
async def request_leave(
    received: LeaveRequestIn, response: Response, session: Session, by: CanWrite, work: HumanWork
) -> LeaveRequestOut:
    """Ask for leave, for oneself or another. Open leave never overlaps; holidays stay within each year's balance."""
    request = await service.request_leave(session, received, by, work)
    set_etag(response, request.version)
    response.headers["Location"] = f"/hr/leave-requests/{request.id}"
    return present_request(request, by)


@router.get("/leave-requests")
async def list_all(
    session: ReadSession,
    by: CanRead,
    page: PageOf,
    employee_id: UUID | None = None,
    status: LeaveStatus | None = None,
    on: Annotated[Day | None, Query(description="A day that the leave covers")] = None,
) -> Page[LeaveRequestOut]:
    """List leave, newest request first; its kind only with the scope hr.leave-requests:read-personal."""
    return await queries.list_requests(session, page, by, employee_id=employee_id, status=status, on=on)


@router.get("/leave-requests/{leave_request_id}", responses=problems(NotFound))
async def get(leave_request_id: UUID, response: Response, session: ReadSession, by: CanRead) -> LeaveRequestOut:
    """Return one request with its ETag; its kind only with the scope hr.leave-requests:read-personal."""
    request = await queries.get_request(session, leave_request_id)
    set_etag(response, request.version)
    return present_request(request, by)


@router.post(
    "/leave-requests/{leave_request_id}/approval",
    status_code=204,
    dependencies=[Idempotent],
    responses=DECISION_REFUSALS,
)
async def approve(request: CurrentRequest, session: Session, by: CanApprove, work: HumanWork) -> None:
    """Grant the leave; neither by the one who asked nor by the one it is for."""
    await service.approve_leave(session, request, by, work)


@router.post(
    "/leave-requests/{leave_request_id}/rejection",
    status_code=204,
    dependencies=[Idempotent],
    responses=DECISION_REFUSALS,
)
async def reject(
    request: CurrentRequest, rejection: LeaveRejectionIn, session: Session, by: CanApprove, work: HumanWork
) -> None:
    """Refuse the leave with a reason; neither by the one who asked nor by the one it is for."""
    await service.reject_leave(session, request, rejection.reason, by, work)


@router.post(
    "/leave-requests/{leave_request_id}/cancellation",
    status_code=204,
    dependencies=[Idempotent],
    responses=problems(IllegalLeaveTransition, NotYourLeave, LeaveStarted),
)
async def cancel(request: CurrentRequest, session: Session, by: CanWrite, today: Today, work: HumanWork) -> None:
    """Give up leave, decided or not, before its first day; by the one who asked or the one it is for."""
    await service.cancel_leave(session, request, by, today, work)


@router.get("/employees/{employee_id}/leave-balance", responses=problems(NotFound))
async def get_balance(
    employee_id: UUID,
    session: ReadSession,
    _by: CanRead,
    today: Today,
    year: Annotated[int | None, Query(ge=1900, le=2999, description="Default: the present year")] = None,
) -> LeaveBalanceOut:
    """Return the holidays of one calendar year: the prorated entitlement, what is taken, pending and left."""
    employee = await get_employee(session, employee_id)
    asked = today.year if year is None else year
    (balance,) = await queries.compute_balances(session, employee, range(asked, asked + 1))
    return present_balance(employee.id, balance)
