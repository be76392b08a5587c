"""What the query says alike of everything that waits: the day due, who has it, what earlier work left."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, and_, case, func, literal_column, or_, select

from services.billing.work_queue import rules
from services.billing.work_queue.models import Ending, WorkAssignment, WorkDeadline
from services.billing.work_queue.rules import DueSource
from services.billing.work_queue.schemas import QueueQuery

A, D = WorkAssignment, WorkDeadline
_OTHERS = WorkAssignment.__table__.alias("earlier")
ASSIGNED = (A.assignee, A.assigned_by, A.assigned_at, A.reason.label("given_because"), A.claimed_at, A.worked_until)


def _number(value: int) -> ColumnElement[int]:
    return literal_column(str(value), Integer)  # part of the statement: days are subtracted from dates by their type


def due_of(arrived_at: Any, due_date: Any) -> tuple[ColumnElement[date], ColumnElement[str]]:
    """Return the day by which something is to be decided, and where it comes from; also without a day of payment."""
    arrived = func.date(func.timezone("UTC", arrived_at), type_=Date)
    before_payment: ColumnElement[date] = due_date.op("-", return_type=Date())(_number(rules.DAYS_BEFORE_PAYMENT))
    default: ColumnElement[date] = func.greatest(
        arrived.op("+", return_type=Date())(_number(rules.LEAST_DAYS)),
        func.least(before_payment, arrived.op("+", return_type=Date())(_number(rules.MOST_DAYS))),
        type_=Date,
    )
    source = case(
        (D.due_by.is_not(None), DueSource.PERSON.value),
        (default == before_payment, DueSource.PAYMENT.value),
        else_=DueSource.ARRIVAL.value,
    )
    return func.coalesce(D.due_by, default, type_=Date), source


def held_by(item_id: Any, now: datetime) -> ColumnElement[bool]:
    """Return the condition of the assignment that stands at this moment."""
    last = func.coalesce(A.worked_until, A.claimed_at)
    lasting = or_(last.is_(None), last > now - rules.CLAIM_LASTS)
    return and_(A.invoice_id == item_id, A.ended_at.is_(None), lasting)


def worked_until(of: Any) -> ColumnElement[datetime]:
    latest = select(func.max(_OTHERS.c.worked_until)).where(_OTHERS.c.invoice_id == of.id)
    return latest.correlate(of).scalar_subquery()


def returned(of: Any) -> ColumnElement[Any]:
    told = func.jsonb_build_object(
        "returned_by", _OTHERS.c.assignee, "returned_at", _OTHERS.c.ended_at, "note", _OTHERS.c.note
    )
    query = select(told).where(_OTHERS.c.invoice_id == of.id, _OTHERS.c.ending == Ending.RETURNED)
    return query.order_by(_OTHERS.c.id.desc()).limit(1).correlate(of).scalar_subquery()


def of_anything(
    asked: QueueQuery, person: str, today: date, due: ColumnElement[date]
) -> list[tuple[object, ColumnElement[bool]]]:
    """Return what is asked of items whatever they are about; a condition counts if the value before it is not None."""
    return [
        (asked.mine or None, A.assignee == person),
        (asked.unassigned or None, A.id.is_(None)),
        (asked.assignee, A.assignee == asked.assignee),
        (asked.overdue, (today > due) if asked.overdue else (today <= due)),
    ]
