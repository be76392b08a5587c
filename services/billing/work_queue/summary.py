"""The queue in figures, for whoever has to see that nothing is left lying."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.work_queue import draft_items, listing
from services.billing.work_queue.models import WorkAssignment
from services.billing.work_queue.rules import Reason
from services.billing.work_queue.schemas import HolderCountOut, ReasonCountOut, SummaryOut
from shared import clock

_MOST_HOLDERS = 100


async def summarise(session: AsyncSession) -> SummaryOut:
    """Count what waits at this moment."""
    now = clock.now()
    c = union_all(*(_counted_of(kind, now) for kind in (listing, draft_items))).subquery().c
    n, overdue = func.count().label("n"), func.count().filter(c.overdue).label("late")
    by_reason = select(
        c.reason, n, overdue, func.count().filter(c.holder.is_(None)).label("free"), func.min(c.since).label("oldest")
    ).group_by(c.reason)
    found = {row.reason: row for row in await session.execute(by_reason)}
    by_holder = select(c.holder, n, overdue).where(c.holder.is_not(None)).group_by(c.holder)
    holders = await session.execute(by_holder.order_by(n.desc(), c.holder).limit(_MOST_HOLDERS))
    reasons = [_counted(reason, found.get(reason)) for reason in Reason]
    return SummaryOut(
        items=sum(each.items for each in reasons),
        unassigned=sum(each.unassigned for each in reasons),
        overdue=sum(each.overdue for each in reasons),
        waiting_since=min((each.waiting_since for each in reasons if each.waiting_since), default=None),
        reasons=reasons,
        holders=[HolderCountOut(assignee=row.holder, items=row.n, overdue=row.late) for row in holders],
    )


def _counted_of(kind: Any, now: datetime) -> Select[Any]:
    overdue, holder = (now.date() > kind.DUE).label("overdue"), WorkAssignment.assignee.label("holder")
    reason, since = kind.REASON.label("reason"), kind.WAITING_SINCE.label("since")
    query: Select[Any] = kind.waiting(reason, since, overdue, holder, now=now)
    return query


def _counted(reason: Reason, row: Any) -> ReasonCountOut:
    if row is None:
        return ReasonCountOut(reason=reason, items=0, unassigned=0, overdue=0, waiting_since=None)
    return ReasonCountOut(reason=reason, items=row.n, unassigned=row.free, overdue=row.late, waiting_since=row.oldest)
