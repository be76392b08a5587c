"""What comes in and goes out of the work queue."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from services.billing.holds.models import HoldKind
from services.billing.invoices.rules import Totals
from services.billing.reasons import Reason as Why
from services.billing.work_queue import rules
from services.billing.work_queue.models import Ending, WorkAssignment
from services.billing.work_queue.rules import DueSource, Reason
from shared.money import CurrencyCode, DecimalString
from shared.pagination import DEFAULT_LIMIT, MAX_LIMIT
from shared.schemas import PlausibleDay, RequestModel, ResponseModel, whole_number
from shared.validation import value_error

Person = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class ReturnIn(RequestModel):
    """What the next one should know."""

    note: Why


class ReassignmentIn(RequestModel):
    """Who takes it on, by the subject of their token, and why; nobody named is the caller, who takes it over."""

    to: Person | None = None
    reason: Why


class DueIn(RequestModel):
    """The day by which it is to be decided; null goes back to the day that follows from the invoice's dates."""

    due_by: PlausibleDay | None


class QueueQuery(BaseModel):
    """Which items are listed; all that wait without a filter. A hold's kind implies an exception."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Reason | None = None
    hold: HoldKind | None = None
    mine: bool = Field(default=False, description="Only what is with the caller")
    unassigned: bool = Field(default=False, description="Only what is with nobody")
    assignee: Person | None = Field(default=None, description="Only what is with this person, by the token's subject")
    role: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        default=None, description="Only what the policy asks this role about"
    )
    overdue: bool | None = Field(default=None, description="Only what was due before today (UTC), or only the rest")
    supplier_id: UUID | None = None
    currency: CurrencyCode | None = None
    gross_from: DecimalString | None = Field(default=None, description="Needs `currency`")
    gross_to: DecimalString | None = Field(default=None, description="Needs `currency`")
    cursor: str | None = Field(default=None, max_length=200, description="`next_cursor` of the page before")
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT), BeforeValidator(whole_number)] = DEFAULT_LIMIT

    @model_validator(mode="after")
    def _amounts_of_one_currency(self) -> Self:
        if self.currency is None and not self.gross_from is self.gross_to is None:
            raise value_error("amount_without_currency", "an amount needs `currency`", "un importe requiere `currency`")
        return self


class AssignmentOut(ResponseModel):
    """With whom it is. `claimed_at` is null until that person begins; a claim ends by itself at `lapses_at`."""

    assignee: str
    assigned_by: str
    assigned_at: datetime
    reason: str | None
    claimed_at: datetime | None
    lapses_at: datetime | None


class AskedOut(ResponseModel):
    """Whom the policy asks, as its rule says it."""

    rule: str | None
    role: str | None
    level: int | None


class ReturnedOut(ResponseModel):
    """The last time it was returned to the queue."""

    returned_by: str
    returned_at: datetime
    note: str


class WorkItemSupplierOut(ResponseModel):
    id: UUID
    name: str


class WorkItemOut(ResponseModel):
    """What waits for people. `subject` tells what `id` is the id of, and `path` where it is read.

    `waiting_since` is what the wait of the next step is measured from.
    """

    subject: Literal["invoice"]
    id: UUID
    path: str
    reason: Reason
    holds: list[HoldKind]
    waiting_since: datetime
    due_by: date
    due_by_source: DueSource
    is_overdue: bool
    assignment: AssignmentOut | None
    returned: ReturnedOut | None
    asked: AskedOut | None
    supplier: WorkItemSupplierOut
    number: str
    gross: Decimal
    currency: str
    due_date: date
    approvals_given: int


class HistoryOut(ResponseModel):
    """Who had it, since when, and how that ended; `worked_until` is the end of the last step within the claim."""

    id: UUID
    assignee: str
    assigned_by: str
    assigned_at: datetime
    reason: str | None
    claimed_at: datetime | None
    worked_until: datetime | None
    ended_at: datetime | None
    ending: Ending | None
    note: str | None


class ReasonCountOut(ResponseModel):
    """How many wait for one reason, and since when the oldest does; null where none waits."""

    reason: Reason
    items: int
    unassigned: int
    overdue: int
    waiting_since: datetime | None


class HolderCountOut(ResponseModel):
    assignee: str
    items: int
    overdue: int


class SummaryOut(ResponseModel):
    """What waits at this moment: by reason, and with whom; of people those with most items, 100 at most."""

    items: int
    unassigned: int
    overdue: int
    waiting_since: datetime | None
    reasons: list[ReasonCountOut]
    holders: list[HolderCountOut]


def present_item(row: Any, today: date) -> WorkItemOut:
    asked = row.asked if row.asked and row.asked["kind"] == "ask" else None
    shown = Totals(Decimal(0), Decimal(0), row.gross).rounded(row.currency)
    return WorkItemOut(
        subject="invoice",
        id=row.id,
        path=f"/billing/invoices/{row.id}",
        reason=row.reason,
        holds=row.holds,
        waiting_since=row.waiting_since,
        due_by=row.due_by,
        due_by_source=row.due_by_source,
        is_overdue=row.due_by < today,
        assignment=None if row.WorkAssignment is None else present_assignment(row.WorkAssignment),
        returned=None if row.returned is None else ReturnedOut.model_validate(row.returned),
        asked=None if asked is None else AskedOut(rule=row.rule, role=asked.get("role"), level=asked.get("level")),
        supplier=WorkItemSupplierOut(id=row.supplier_id, name=row.supplier_name),
        number=row.number,
        gross=shown.gross,
        currency=row.currency,
        due_date=row.due_date,
        approvals_given=row.approvals,
    )


def present_assignment(assignment: WorkAssignment) -> AssignmentOut:
    kept = ("assignee", "assigned_by", "assigned_at", "reason", "claimed_at")
    lapses_at = rules.lapses_at(assignment.claimed_at, assignment.worked_until)
    return AssignmentOut.model_validate({name: getattr(assignment, name) for name in kept} | {"lapses_at": lapses_at})
