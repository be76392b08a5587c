"""The queue as it is read: invoices and drafts that wait, with what else is known of each, in one statement."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    case,
    exists,
    func,
    literal,
    literal_column,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.decisions.models import InvoiceDecision
from services.billing.drafts.models import InvoiceDraft
from services.billing.holds.models import InvoiceHold
from services.billing.invoices.models import InvoiceApproval, InvoiceStatus, SupplierInvoice
from services.billing.work_queue import draft_items, rules, terms
from services.billing.work_queue.cursors import decode_place, encode_place
from services.billing.work_queue.rules import Reason, SubjectKind
from services.billing.work_queue.schemas import QueueQuery, WorkItemOut, present_item
from services.billing.work_queue.terms import A, D
from shared import clock
from shared.errors import NotFound
from shared.pagination import Page

_I, _H = SupplierInvoice, InvoiceHold
DUE, _DUE_SOURCE = terms.due_of(_I.registered_at, _I.due_date)
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
WAITING_SINCE: ColumnElement[datetime] = func.greatest(
    case(
        (_I.status == InvoiceStatus.VALIDATED, func.coalesce(_APPROVED_AT, _I.status_since)),
        (_IS_HELD, _of_holds(func.min(_H.raised_at), _H.released_at.is_(None))),
        else_=_I.status_since,
    ),
    _of_holds(func.max(_H.released_at)),
    terms.worked_until(_I),
)


def _last_decision(column: Any) -> Any:
    query = select(column).where(InvoiceDecision.invoice_id == _I.id)
    return query.order_by(InvoiceDecision.id.desc()).limit(1).correlate(_I).scalar_subquery()


_IS_ANSWERED = exists().where(InvoiceApproval.invoice_id == _I.id, InvoiceApproval.answers).correlate(_I)
_ASKED = _last_decision(InvoiceDecision.outcome)


def waiting(*columns: Any, now: datetime) -> Select[Any]:
    """Return the query of invoices that wait, each with the assignment that stands at this moment, if one does."""
    query = select(*columns).select_from(_I).outerjoin(D, D.invoice_id == _I.id)
    return query.outerjoin(A, terms.held_by(_I.id, now)).where(_I.status.in_(rules.WAITING))


def _invoices(now: datetime) -> Select[Any]:
    plain = (_I.id, _I.supplier_id, _I.supplier_name, _I.number, _I.gross, _I.currency, _I.due_date, _I.approvals)
    return waiting(
        literal_column(f"'{SubjectKind.INVOICE}'", String).label("subject"),
        *plain,
        *terms.ASSIGNED,
        DUE.label("due_by"),
        _DUE_SOURCE.label("due_by_source"),
        REASON.label("reason"),
        _HOLDS.label("holds"),
        WAITING_SINCE.label("waiting_since"),
        terms.returned(_I).label("returned"),
        _ASKED.label("asked"),
        _last_decision(InvoiceDecision.rule).label("rule"),
        _IS_ANSWERED.label("is_answered"),
        now=now,
    )


async def list_items(session: AsyncSession, asked: QueueQuery, person: str) -> Page[WorkItemOut]:
    """Return a page of what waits, the earliest due first."""
    now, most = clock.now(), asked.limit + 1
    invoices = _invoices(now).where(*_conditions(asked, person, now.date()))
    drafts = draft_items.items(now).where(*draft_items.conditions(asked, person, now.date()))
    if asked.cursor is not None:
        place = tuple_(*decode_place(asked.cursor))
        invoices = invoices.where(tuple_(DUE, _I.id) > place)
        drafts = drafts.where(tuple_(draft_items.DUE, InvoiceDraft.id) > place)
    # Each kind is cut before they are merged: what costs more than its place is read of a page alone.
    found = union_all(
        invoices.order_by(DUE, _I.id).limit(most), drafts.order_by(draft_items.DUE, InvoiceDraft.id).limit(most)
    ).subquery()
    rows = (await session.execute(select(found).order_by(found.c.due_by, found.c.id).limit(most))).all()
    shown = rows[: asked.limit]
    cursor = encode_place(shown[-1].due_by, shown[-1].id) if len(rows) > asked.limit else None
    return Page(items=[present_item(row, now.date()) for row in shown], next_cursor=cursor)


async def get_item(session: AsyncSession, item_id: UUID) -> WorkItemOut:
    """Return one item. Raises NotFound, also for what waits no more."""
    now = clock.now()
    found = union_all(
        _invoices(now).where(_I.id == item_id), draft_items.items(now).where(InvoiceDraft.id == item_id)
    ).subquery()
    row = (await session.execute(select(found))).one_or_none()
    if row is None:
        raise NotFound
    return present_item(row, now.date())


def _conditions(asked: QueueQuery, person: str, today: date) -> list[ColumnElement[bool]]:
    of_kind = exists().where(_H.invoice_id == _I.id, _H.released_at.is_(None), _H.kind == asked.hold).correlate(_I)
    wanted = [
        *terms.of_anything(asked, person, today, DUE),
        (asked.subject, literal(asked.subject == SubjectKind.INVOICE)),
        (asked.reason, REASON.in_([asked.reason])),
        (asked.hold, of_kind),
        (asked.role, _ASKED["role"].astext == asked.role),
        (asked.supplier_id, _I.supplier_id == asked.supplier_id),
        (asked.currency, _I.currency == asked.currency),
    ]
    chosen = [condition for value, condition in wanted if value is not None]
    return [*chosen, *_amounts(asked)]


def _amounts(asked: QueueQuery) -> list[ColumnElement[bool]]:
    least, most = asked.gross_from, asked.gross_to
    above = [] if least is None else [_I.gross >= Decimal(least)]
    return above if most is None else [*above, _I.gross <= Decimal(most)]
