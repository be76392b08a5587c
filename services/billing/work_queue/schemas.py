"""What comes in and goes out of the work queue."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from services.billing.decisions.rules import Outcome, right_of
from services.billing.holds.models import HoldKind
from services.billing.invoices.rules import Totals
from services.billing.reasons import Reason as Why
from services.billing.work_queue import rules
from services.billing.work_queue.models import Ending
from services.billing.work_queue.rules import DueSource, Reason, SubjectKind
from shared.money import CurrencyCode, DecimalString
from shared.pagination import DEFAULT_LIMIT, MAX_LIMIT
from shared.schemas import PlausibleDay, RequestModel, ResponseModel, whole_number
from shared.validation import value_error

Person = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"\S")]


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
    """Which items are listed; all that wait without a filter. A hold's kind implies an exception.

    No draft has a hold, a role that the policy asks, or a supplier by its id.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: SubjectKind | None = None
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
    """Whom the policy asks, as its rule says it.

    `scope` is what the token of whoever decides has to grant, this or of a higher level; null where no role is asked, or one
    of those who are has given the first of two approvals.
    """

    rule: str | None
    role: str | None
    level: int | None
    scope: str | None


class ReturnedOut(ResponseModel):
    """The last time it was returned to the queue."""

    returned_by: str
    returned_at: datetime
    note: str


class WorkItemSupplierOut(ResponseModel):
    """Who sent it; of a draft the name alone, as it was read or given."""

    id: UUID | None
    name: str | None


class WorkItemOut(ResponseModel):
    """What waits for people. `subject` tells what `id` is the id of, and `path` where it is read.

    `waiting_since` is what the wait of the next step is measured from. Number, amount, currency and due date are null where
    a draft does not say them yet.
    """

    subject: SubjectKind
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
    number: str | None
    gross: Decimal | None
    currency: str | None
    due_date: date | None
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
    return WorkItemOut(
        subject=row.subject,
        id=row.id,
        path=f"/billing/{row.subject}s/{row.id}",
        reason=row.reason,
        holds=row.holds,
        waiting_since=row.waiting_since,
        due_by=row.due_by,
        due_by_source=row.due_by_source,
        is_overdue=row.due_by < today,
        assignment=None if row.assigned_at is None else present_assignment(row),
        returned=None if row.returned is None else ReturnedOut.model_validate(row.returned),
        asked=None if asked is None else _asked(row.rule, msgspec.convert(asked, Outcome), is_answered=row.is_answered),
        supplier=WorkItemSupplierOut(id=row.supplier_id, name=row.supplier_name),
        number=row.number,
        gross=_rounded(row),
        currency=row.currency,
        due_date=row.due_date,
        approvals_given=row.approvals,
    )


def _asked(rule: str | None, outcome: Outcome, *, is_answered: bool) -> AskedOut:
    role, level = outcome.role, outcome.level
    scope = None if role is None or is_answered else right_of(role, level or 1)
    return AskedOut(rule=rule, role=role, level=level, scope=scope)


def _rounded(row: Any) -> Decimal | None:
    gross: Decimal | None = row.gross
    if gross is None or row.subject == SubjectKind.DRAFT:
        return gross  # as it was read or given
    return Totals(Decimal(0), Decimal(0), gross).rounded(row.currency).gross


def present_assignment(row: Any) -> AssignmentOut:
    return AssignmentOut(
        assignee=row.assignee,
        assigned_by=row.assigned_by,
        assigned_at=row.assigned_at,
        reason=row.given_because,
        claimed_at=row.claimed_at,
        lapses_at=rules.lapses_at(row.claimed_at, row.worked_until),
    )
