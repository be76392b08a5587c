"""The queue as it is read: invoices that wait, with what else is known of each, in one statement."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    String,
    and_,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.decisions.models import InvoiceDecision
from services.billing.holds.models import InvoiceHold
from services.billing.invoices.models import InvoiceApproval, InvoiceStatus, SupplierInvoice
from services.billing.work_queue import rules
from services.billing.work_queue.cursors import decode_place, encode_place
from services.billing.work_queue.models import Ending, WorkAssignment, WorkDeadline
from services.billing.work_queue.rules import DueSource, Reason
from services.billing.work_queue.schemas import QueueQuery, WorkItemOut, present_item
from shared import clock
from shared.errors import NotFound
from shared.pagination import Page

_I, _H, _A, _D = SupplierInvoice, InvoiceHold, WorkAssignment, WorkDeadline


def _number(value: int) -> ColumnElement[int]:
    return literal_column(str(value), Integer)  # part of the statement: days are subtracted from dates by their type


_ARRIVED = func.date(func.timezone("UTC", _I.registered_at), type_=Date)
_BEFORE_PAYMENT: ColumnElement[date] = _I.due_date.op("-", return_type=Date())(_number(rules.DAYS_BEFORE_PAYMENT))
_DEFAULT_DUE: ColumnElement[date] = func.greatest(
    _ARRIVED.op("+", return_type=Date())(_number(rules.LEAST_DAYS)),
    func.least(_BEFORE_PAYMENT, _ARRIVED.op("+", return_type=Date())(_number(rules.MOST_DAYS))),
    type_=Date,
)
DUE: ColumnElement[date] = func.coalesce(_D.due_by, _DEFAULT_DUE, type_=Date)
_DUE_SOURCE = case(
    (_D.due_by.is_not(None), DueSource.PERSON.value),
    (_DEFAULT_DUE == _BEFORE_PAYMENT, DueSource.PAYMENT.value),
    else_=DueSource.ARRIVAL.value,
)
_IS_HELD = exists().where(_H.invoice_id == _I.id, _H.released_at.is_(None)).correlate(_I)
_APPROVAL = case((_I.approvals > 0, Reason.SECOND_APPROVAL.value), else_=Reason.TO_APPROVE.value)
REASON: ColumnElement[str] = case(
    (_I.status == InvoiceStatus.VALIDATED, _APPROVAL),
    (_IS_HELD, Reason.EXCEPTION.value),
    else_=Reason.TO_VALIDATE.value,
)
_HOLDS = (
    select(func.coalesce(func.array_agg(_H.kind.distinct(), type_=ARRAY(String)), literal_column("'{}'")))
    .where(_H.invoice_id == _I.id, _H.released_at.is_(None))
    .correlate(_I)
    .scalar_subquery()
)


def _of_holds(moment: Any, *conditions: ColumnElement[bool]) -> ColumnElement[datetime]:
    return select(moment).where(_H.invoice_id == _I.id, *conditions).correlate(_I).scalar_subquery()


_APPROVED_AT = (
    select(func.max(InvoiceApproval.approved_at))
    .where(InvoiceApproval.invoice_id == _I.id)
    .correlate(_I)
    .scalar_subquery()
)
_OTHERS = WorkAssignment.__table__.alias("earlier")
_WORKED_UNTIL = (
    select(func.max(_OTHERS.c.worked_until)).where(_OTHERS.c.invoice_id == _I.id).correlate(_I).scalar_subquery()
)
WAITING_SINCE: ColumnElement[datetime] = func.greatest(
    case(
        (_I.status == InvoiceStatus.VALIDATED, func.coalesce(_APPROVED_AT, _I.status_since)),
        (_IS_HELD, _of_holds(func.min(_H.raised_at), _H.released_at.is_(None))),
        else_=func.greatest(_I.status_since, _of_holds(func.max(_H.released_at))),
    ),
    _WORKED_UNTIL,
)
_RETURNED = (
    select(
        func.jsonb_build_object(
            "returned_by", _OTHERS.c.assignee, "returned_at", _OTHERS.c.ended_at, "note", _OTHERS.c.note
        )
    )
    .where(_OTHERS.c.invoice_id == _I.id, _OTHERS.c.ending == Ending.RETURNED)
    .order_by(_OTHERS.c.id.desc())
    .limit(1)
    .correlate(_I)
    .scalar_subquery()
)


def _last_decision(column: Any) -> Any:
    query = select(column).where(InvoiceDecision.invoice_id == _I.id)
    return query.order_by(InvoiceDecision.id.desc()).limit(1).correlate(_I).scalar_subquery()


_ASKED = _last_decision(InvoiceDecision.outcome)


def waiting(*columns: Any, now: datetime) -> Select[Any]:
    """Return the query of what waits, each with the assignment that stands at this moment, if one does."""
    last = func.coalesce(_A.worked_until, _A.claimed_at)
    lasting = or_(last.is_(None), last > now - rules.CLAIM_LASTS)
    return (
        select(*columns)
        .select_from(_I)
        .outerjoin(_D, _D.invoice_id == _I.id)
        .outerjoin(_A, and_(_A.invoice_id == _I.id, _A.ended_at.is_(None), lasting))
        .where(_I.status.in_(rules.WAITING))
    )


def _items(now: datetime) -> Select[Any]:
    plain = (_I.id, _I.supplier_id, _I.supplier_name, _I.number, _I.gross, _I.currency, _I.due_date, _I.approvals)
    return waiting(
        *plain,
        _A,
        DUE.label("due_by"),
        _DUE_SOURCE.label("due_by_source"),
        REASON.label("reason"),
        _HOLDS.label("holds"),
        WAITING_SINCE.label("waiting_since"),
        _RETURNED.label("returned"),
        _ASKED.label("asked"),
        _last_decision(InvoiceDecision.rule).label("rule"),
        now=now,
    )


async def list_items(session: AsyncSession, asked: QueueQuery, person: str) -> Page[WorkItemOut]:
    """Return a page of what waits, the earliest due first."""
    now = clock.now()
    query = _items(now).where(*_conditions(asked, person, now.date()))
    if asked.cursor is not None:
        query = query.where(tuple_(DUE, _I.id) > tuple_(*decode_place(asked.cursor)))
    rows = (await session.execute(query.order_by(DUE, _I.id).limit(asked.limit + 1))).all()
    shown = rows[: asked.limit]
    cursor = encode_place(shown[-1].due_by, shown[-1].id) if len(rows) > asked.limit else None
    return Page(items=[present_item(row, now.date()) for row in shown], next_cursor=cursor)


async def get_item(session: AsyncSession, invoice_id: UUID) -> WorkItemOut:
    """Return one item. Raises NotFound, also for an invoice that waits no more."""
    now = clock.now()
    row = (await session.execute(_items(now).where(_I.id == invoice_id))).one_or_none()
    if row is None:
        raise NotFound
    return present_item(row, now.date())


def _conditions(asked: QueueQuery, person: str, today: date) -> list[ColumnElement[bool]]:
    of_kind = exists().where(_H.invoice_id == _I.id, _H.released_at.is_(None), _H.kind == asked.hold).correlate(_I)
    wanted: list[tuple[object, ColumnElement[bool]]] = [
        (asked.reason, REASON.in_([asked.reason])),
        (asked.hold, of_kind),
        (asked.mine or None, _A.assignee == person),
        (asked.unassigned or None, _A.id.is_(None)),
        (asked.assignee, _A.assignee == asked.assignee),
        (asked.role, _ASKED["role"].astext == asked.role),
        (asked.overdue, (today > DUE) if asked.overdue else (today <= DUE)),
        (asked.supplier_id, _I.supplier_id == asked.supplier_id),
        (asked.currency, _I.currency == asked.currency),
    ]
    chosen = [condition for value, condition in wanted if value is not None]
    return [*chosen, *_amounts(asked)]


def _amounts(asked: QueueQuery) -> list[ColumnElement[bool]]:
    least, most = asked.gross_from, asked.gross_to
    above = [] if least is None else [_I.gross >= Decimal(least)]
    return above if most is None else [*above, _I.gross <= Decimal(most)]
