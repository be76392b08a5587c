"""Events that HR publishes. Of a person they carry the id alone; the kind of a leave may be health data and stays in HR."""

from datetime import date
from typing import ClassVar
from uuid import UUID

from shared.events import EventData


class _EmployeeEvent(EventData, frozen=True, kw_only=True):
    topic: ClassVar[str] = "hr.employees"

    employee_id: UUID


class EmployeeJoined(_EmployeeEvent, frozen=True, kw_only=True):
    """Someone is employed from `hire_date` on, for the first time or again."""

    type: ClassVar[str] = "hr.employee.joined.v1"

    team: str
    hire_date: date


class EmployeeChanged(_EmployeeEvent, frozen=True, kw_only=True):
    """Values on file were changed; `fields` names them, the values stay in HR."""

    type: ClassVar[str] = "hr.employee.changed.v1"

    fields: list[str]


class EmployeeLeft(_EmployeeEvent, frozen=True, kw_only=True):
    """The employment ends; `leave_date` is its last day. The reason stays in HR."""

    type: ClassVar[str] = "hr.employee.left.v1"

    leave_date: date


class _LeaveEvent(EventData, frozen=True, kw_only=True):
    topic: ClassVar[str] = "hr.leave-requests"

    leave_request_id: UUID
    employee_id: UUID


class LeaveRequested(_LeaveEvent, frozen=True, kw_only=True):
    """Leave is asked for, from `first_day` to `last_day`, both included."""

    type: ClassVar[str] = "hr.leave-request.requested.v1"

    first_day: date
    last_day: date


class LeaveApproved(_LeaveEvent, frozen=True, kw_only=True):
    """The leave is granted."""

    type: ClassVar[str] = "hr.leave-request.approved.v1"


class LeaveRejected(_LeaveEvent, frozen=True, kw_only=True):
    """The leave is not granted; the reason's text stays in HR."""

    type: ClassVar[str] = "hr.leave-request.rejected.v1"


class LeaveCancelled(_LeaveEvent, frozen=True, kw_only=True):
    """The leave is given up before it starts, or falls away with the employment."""

    type: ClassVar[str] = "hr.leave-request.cancelled.v1"


class LeaveShortened(_LeaveEvent, frozen=True, kw_only=True):
    """The leave ends with the employment, on `last_day`."""

    type: ClassVar[str] = "hr.leave-request.shortened.v1"

    last_day: date
