"""HR, as the kernel runs it."""

from pathlib import Path

from services.hr.departures.routes import router as departures
from services.hr.employees.routes import router as employees
from services.hr.leave.routes import router as leave
from services.hr.settings import HrSettings
from services.hr.tables import HrTable
from shared.app import Service
from shared.contracts import hr as events

SERVICE = Service(
    name="hr",
    summary="Employees who join, change and leave; their leave and what is left of it.",
    settings=HrSettings,
    metadata=HrTable.metadata,
    migrations=Path(__file__).with_name("migrations"),
    routers=[employees, departures, leave],
    events=[
        events.EmployeeJoined,
        events.EmployeeChanged,
        events.EmployeeLeft,
        events.LeaveRequested,
        events.LeaveApproved,
        events.LeaveRejected,
        events.LeaveCancelled,
        events.LeaveShortened,
    ],
)
