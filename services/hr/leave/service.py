"""Use cases of leave; the only writer of its table."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value

from services.hr.employees.models import Employee
from services.hr.employees.queries import get_employee
from services.hr.leave import queries, rules
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
from services.hr.leave.models import OPEN, LeaveKind, LeaveRequest, LeaveStatus
from services.hr.leave.schemas import LeaveRequestIn
from shared import outbox
from shared.auth import Principal
from shared.contracts import hr as events
from shared.events import Actor, Outcome, Work
from shared.ids import uuid7
from shared.work import Effort

PROCESS = "leave-management"
_AUTOMATION = Actor(kind="automation", id="hr")


@dataclass(frozen=True, slots=True)
class EndedLeave:
    """What became of open leave when the employment ended."""

    cancelled: list[UUID]
    shortened: list[UUID]


async def request_leave(session: AsyncSession, received: LeaveRequestIn, by: Principal, effort: Effort) -> LeaveRequest:
    """Ask for leave. Holidays wait for the lock of the employee, so that the balance holds between concurrent requests.

    Raises InvalidPeriod, NotFound, OutsideEmployment, OverlappingLeave, BalanceExceeded.
    """
    first, last = received.first_day, received.last_day
    if not 1 <= rules.count_days(first, last) <= rules.MAX_LEAVE_DAYS:
        raise InvalidPeriod(longest=rules.MAX_LEAVE_DAYS)
    employee = await get_employee(session, received.employee_id, lock=True)
    if not rules.is_employed_throughout(queries.employments_of(employee), first, last):
        raise OutsideEmployment(first_day=first.isoformat(), last_day=last.isoformat())
    request = await _insert(session, received, by, effort)
    set_committed_value(request, "employee", employee)
    if received.kind is LeaveKind.HOLIDAY:
        await _check_balance(session, employee, request)
    event = events.LeaveRequested(leave_request_id=request.id, employee_id=employee.id, first_day=first, last_day=last)
    outbox.record(session, event, subject=request.id, work=effort.on(PROCESS, "request-leave", request.id))
    return request


async def _insert(session: AsyncSession, received: LeaveRequestIn, by: Principal, effort: Effort) -> LeaveRequest:
    """Write the request, unless the exclusion constraint finds other open leave on one of its days."""
    values = {
        "id": uuid7(),
        "version": 1,
        **received.model_dump(),
        "status": LeaveStatus.REQUESTED,
        "requested_by": by.id,
        "requested_at": effort.finished_at,
    }
    statement = insert(LeaveRequest).values(values).on_conflict_do_nothing().returning(LeaveRequest)
    request = (await session.scalars(statement)).one_or_none()
    if request is None:
        existing = await queries.find_overlapping(session, received.employee_id, received.first_day, received.last_day)
        raise OverlappingLeave(existing_ids=[str(item) for item in existing])
    return request


async def _check_balance(session: AsyncSession, employee: Employee, request: LeaveRequest) -> None:
    """Refuse holidays beyond a year's balance; the request itself is counted already."""
    asked = rules.split_by_year(request.first_day, request.last_day)
    for balance in await queries.compute_balances(session, employee, range(min(asked), max(asked) + 1)):
        if balance.left < 0:
            days = asked[balance.year]
            raise BalanceExceeded(year=balance.year, available=str(balance.left + days), asked=days)


async def approve_leave(session: AsyncSession, request: LeaveRequest, by: Principal, effort: Effort) -> None:
    """Grant the leave. Raises OwnLeave for the one who asked and the one it is for."""
    work = _decide(request, LeaveStatus.APPROVED, "approval", by, effort)
    event = events.LeaveApproved(leave_request_id=request.id, employee_id=request.employee_id)
    outbox.record(session, event, subject=request.id, work=work)


async def reject_leave(
    session: AsyncSession, request: LeaveRequest, reason: str, by: Principal, effort: Effort
) -> None:
    """Refuse the leave with a reason. A normal decision: its outcome is done, not an error."""
    work = _decide(request, LeaveStatus.REJECTED, "rejection", by, effort)
    request.decision_reason = reason
    event = events.LeaveRejected(leave_request_id=request.id, employee_id=request.employee_id)
    outbox.record(session, event, subject=request.id, work=work)


def _decide(request: LeaveRequest, status: LeaveStatus, step: str, by: Principal, effort: Effort) -> Work:
    _require(request, step, LeaveStatus.REQUESTED)
    if by.id in {request.requested_by, request.employee.user_id}:
        raise OwnLeave
    request.status, request.decided_by, request.decided_at = status, by.id, effort.finished_at
    return effort.on(PROCESS, "decide-leave", request.id, requested_at=request.requested_at)


async def cancel_leave(
    session: AsyncSession, request: LeaveRequest, by: Principal, today: date, effort: Effort
) -> None:
    """Give up leave before its first day. Raises NotYourLeave, LeaveStarted."""
    _require(request, "cancellation", *OPEN)
    if by.id not in {request.requested_by, request.employee.user_id}:
        raise NotYourLeave
    if request.first_day <= today:
        raise LeaveStarted(first_day=request.first_day.isoformat())
    _cancel(session, request, effort.on(PROCESS, "cancel-leave", request.id, outcome=Outcome.CANCELLED))


async def end_leave_after(session: AsyncSession, employee_id: UUID, leave_date: date, effort: Effort) -> EndedLeave:
    """End open leave with the employment: what begins after its last day is cancelled, the rest ends on that day."""
    ended = EndedLeave([], [])
    for request in await queries.lock_open_after(session, employee_id, leave_date):
        if request.first_day > leave_date:
            _cancel(session, request, _automatic(request, "cancel-leave", Outcome.CANCELLED, effort))
            ended.cancelled.append(request.id)
        else:
            request.last_day = leave_date
            event = events.LeaveShortened(leave_request_id=request.id, employee_id=employee_id, last_day=leave_date)
            work = _automatic(request, "shorten-leave", Outcome.DONE, effort)
            outbox.record(session, event, subject=request.id, work=work)
            ended.shortened.append(request.id)
    return ended


def _cancel(session: AsyncSession, request: LeaveRequest, work: Work) -> None:
    request.status = LeaveStatus.CANCELLED
    event = events.LeaveCancelled(leave_request_id=request.id, employee_id=request.employee_id)
    outbox.record(session, event, subject=request.id, work=work)


def _automatic(request: LeaveRequest, activity: str, outcome: Outcome, effort: Effort) -> Work:
    """Return the work block of what follows by itself: no person spent time on it."""
    at = effort.finished_at
    return Work(
        process=PROCESS,
        activity=activity,
        case=str(request.id),
        actor=_AUTOMATION,
        started_at=at,
        finished_at=at,
        outcome=outcome,
    )


def _require(request: LeaveRequest, step: str, *needed: LeaveStatus) -> None:
    if request.status not in needed:
        raise IllegalLeaveTransition(state=request.status, step=step, needed=" / ".join(needed))
