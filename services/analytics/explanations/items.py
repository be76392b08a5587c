"""From rows to the items of a page."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from hashlib import blake2b
from typing import Any, TypeVar
from uuid import UUID

from services.analytics.cursors import Moment, Name, cut_page, decode_place
from services.analytics.explanations.comparison import Share, round_value
from services.analytics.explanations.definition import FORMULAS
from services.analytics.explanations.queries import MAX_EVENT_IDS, ItemList, Place
from services.analytics.explanations.rules import Sums
from services.analytics.explanations.schemas import CaseOut, Contributions, CostOut, FixedOut, OperationOut, RateOut
from services.analytics.indicators.definitions import KpiId
from shared.pagination import InvalidCursor, Page

Item = TypeVar("Item")


def place_after(items: ItemList, cursor: str | None) -> Place | None:
    """Return the place where a page begins. Raises InvalidCursor, also for a cursor of another list."""
    if cursor is None:
        return None
    place = tuple[str, Moment, Name, Name] if items.of_cases else tuple[str, Moment, UUID]
    mark, *after = decode_place(cursor, place)
    if mark != _mark(items):
        raise InvalidCursor
    found: Place = (after[0], after[1], after[2]) if items.of_cases else (after[0], after[1])
    return found


def _mark(items: ItemList) -> str:
    """Return what tells this list from those of other indicators, filters, periods and currencies."""
    return blake2b(f"{items.kpi} {items.unit} {items.selection}".encode(), digest_size=6).hexdigest()


def page_of(items: ItemList, rows: Sequence[Any], limit: int, present: Callable[[KpiId, Any], Item]) -> Page[Item]:
    """Return the page of `rows`, of which one more than `limit` says that there is another page."""
    mark = _mark(items)

    def place(row: Any) -> Sequence[object]:
        key = (row.process, row.case_id) if items.of_cases else (row.id,)
        return (mark, getattr(row, items.moment), *key)

    shown, next_cursor = cut_page(rows, limit, place)
    return Page(items=[present(items.kpi, row) for row in shown], next_cursor=next_cursor)


def _contributions(kpi: KpiId, row: Any) -> Contributions:
    return {name: getattr(row, name) for name in FORMULAS[kpi].terms}


def present_case(kpi: KpiId, row: Any) -> CaseOut:
    return CaseOut(
        process=row.process,
        case=row.case_id,
        first_at=row.first_at,
        last_at=row.last_at,
        operations=row.operations,
        event_ids=row.event_ids[:MAX_EVENT_IDS],
        more_events=len(row.event_ids) > MAX_EVENT_IDS,
        contributes=_contributions(kpi, row),
    )


def present_operation(kpi: KpiId, row: Any) -> OperationOut:
    contributes = _contributions(kpi, row)
    return OperationOut(
        id=row.id,
        process=row.process,
        case=row.case_id,
        activity=row.activity,
        team=row.team or None,
        actor_kind=row.actor_kind,
        finished_at=row.finished_at,
        outcome=row.outcome,
        corrected=row.corrected,
        contributes=contributes,
        cost=_cost(row, contributes) if kpi == "cost_per_operation" else None,
    )


def _cost(row: Any, contributes: Contributions) -> CostOut:
    terms = {name: Decimal(value) for name, value in contributes.items()}
    share: Share = Sums(terms, 1).share("cost_per_operation")
    # A rate prices nothing where no touch time was measured.
    rated = row.rate_amount is not None and row.measured_us is not None
    return CostOut(
        source="modelled" if row.cost is None else "measured",
        currency=row.paid_in,
        amount=round_value(Fraction(share.numerator)),
        touch_us=row.measured_us,
        hourly_rate=_rate(row) if rated else None,
        fixed_cost=None
        if row.fixed_amount is None
        else FixedOut(valid_from=row.fixed_from, amount=f"{row.fixed_amount:f}"),
    )


def _rate(row: Any) -> RateOut:
    return RateOut(team=row.rate_team or None, valid_from=row.rate_from, amount=f"{row.rate_amount:f}")
