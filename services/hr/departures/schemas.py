"""What a departure answers."""

from uuid import UUID

from shared.schemas import ResponseModel


class DepartureOut(ResponseModel):
    """The leave that was cancelled because it begins after the last day, and that which ends on it now."""

    cancelled_leave_requests: list[UUID]
    shortened_leave_requests: list[UUID]
