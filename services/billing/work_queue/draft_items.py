"""Drafts as items of the queue: what is open waits, and says what was read surely or given by a person."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Numeric,
    Select,
    case,
    cast,
    false,
    func,
    literal,
    literal_column,
    null,
    select,
)

from services.billing.drafts.models import DraftState, InvoiceDraft
from services.billing.work_queue import terms
from services.billing.work_queue.rules import Reason, SubjectKind
from services.billing.work_queue.schemas import QueueQuery
from services.billing.work_queue.terms import A, D

_W = InvoiceDraft


def _said(name: str) -> ColumnElement[str]:
    """Return a field as `completed` has it: null where it was not read, or in more than one way."""
    return case((_W.given.has_key(name), _W.given[name].astext), else_=_W.reading[(name, "seen", "value")].astext)


_GROSS = cast(_said("gross"), Numeric)
_DUE_DATE = cast(_said("due_date"), Date)
DUE, _DUE_SOURCE = terms.due_of(_W.received_at, _DUE_DATE)
REASON: ColumnElement[str] = literal_column(f"'{Reason.TO_COMPLETE}'")
WAITING_SINCE: ColumnElement[datetime] = func.greatest(_W.received_at, terms.worked_until(_W))


def waiting(*columns: Any, now: datetime) -> Select[Any]:
    query = select(*columns).select_from(_W).outerjoin(D, D.invoice_id == _W.id)
    return query.outerjoin(A, terms.held_by(_W.id, now)).where(_W.state == DraftState.OPEN)


def items(now: datetime) -> Select[Any]:
    """Return the query of drafts with the columns that invoices have."""
    return waiting(
        literal_column(f"'{SubjectKind.DRAFT}'").label("subject"),
        _W.id,
        null().label("supplier_id"),
        _said("supplier_name").label("supplier_name"),
        _said("number").label("number"),
        _GROSS.label("gross"),
        _said("currency").label("currency"),
        _DUE_DATE.label("due_date"),
        literal_column("0").label("approvals"),
        *terms.ASSIGNED,
        DUE.label("due_by"),
        _DUE_SOURCE.label("due_by_source"),
        REASON.label("reason"),
        literal_column("'{}'").label("holds"),
        WAITING_SINCE.label("waiting_since"),
        terms.returned(_W).label("returned"),
        null().label("asked"),
        null().label("rule"),
        false().label("is_answered"),
        now=now,
    )


def conditions(asked: QueueQuery, person: str, today: date) -> list[ColumnElement[bool]]:
    """Return what is asked of drafts; none has holds, a policy's question or a supplier that is settled."""
    wanted: list[tuple[object, ColumnElement[bool]]] = [
        *terms.of_anything(asked, person, today, DUE),
        (asked.subject, literal(asked.subject == SubjectKind.DRAFT)),
        (asked.reason, literal(asked.reason == Reason.TO_COMPLETE)),
        *((value, false()) for value in (asked.hold, asked.role, asked.supplier_id)),
        (asked.currency, _said("currency") == asked.currency),
        (asked.gross_from, Decimal(asked.gross_from or 0) <= _GROSS),
        (asked.gross_to, Decimal(asked.gross_to or 0) >= _GROSS),
    ]
    return [condition for value, condition in wanted if value is not None]
