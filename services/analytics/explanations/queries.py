"""The items behind a value: one statement for a page of them, one for the digest of all, one for shares of cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.explanations.comparison import Share
from services.analytics.explanations.definition import FORMULAS
from services.analytics.explanations.request import By
from services.analytics.indicators.cases import cases_chosen
from services.analytics.indicators.definitions import KpiId
from services.analytics.indicators.queries import FILTERS, prices
from services.analytics.indicators.selection import OF_OPERATIONS_ONLY, Selection
from services.analytics.indicators.sequences import of_case

MAX_EVENT_IDS = 100  # of one case on a page


@dataclass(frozen=True, slots=True)
class _Items:
    """`chosen` says which of the selection count; `terms` what each contributes, by the names of the formula."""

    chosen: str
    terms: Mapping[str, str] = field(default_factory=dict)


_PRICED = "(o.cost IS NOT NULL OR fixed.amount IS NOT NULL OR rate.amount * o.touch_us IS NOT NULL)"
_OPERATIONS: dict[KpiId, _Items] = {
    "processing_time": _Items("touch_us IS NOT NULL", {"touch_us": "touch_us"}),
    "error_rate": _Items("true", {"defects": "(corrected OR outcome IN ('error', 'rework'))::int"}),
    "automation_level": _Items("true", {"automation": "(actor_kind = 'automation')::int"}),
    "cost_per_operation": _Items(
        f"{_PRICED} AND coalesce(nullif(o.currency, ''), model.currency) = :unit",
        {
            "measured_cost": "coalesce(o.cost, 0)",
            "fixed_cost": "coalesce(fixed.amount, 0)",
            "hourly_cost_us": "coalesce(rate.amount * o.touch_us, 0)",
        },
    ),
}
_CASES: dict[KpiId, _Items] = {
    "case_throughput_time": _Items("true", {"duration_us": "{case_duration}"}),  # as the selection measures it
    "case_rework_rate": _Items("operations > 0", {"rework_cases": "(rework_n > 0)::int"}),
    "no_touch_rate": _Items("person_n + automation_n > 0", {"no_touch_cases": "(person_n = 0)::int"}),
    "first_pass_yield": _Items("operations > 0", {"first_pass_cases": "(rework_n = 0 AND defect_n = 0)::int"}),
}
_ITEMS = _OPERATIONS | _CASES
_COST_COLUMNS = (
    "o.cost, coalesce(nullif(o.currency, ''), model.currency) AS paid_in, rate.amount AS rate_amount, rate_team, "
    "rate_from, fixed.amount AS fixed_amount, fixed_from"
)
_EVENT_IDS = f"""(SELECT array_agg(id ORDER BY at, id) FROM (
    SELECT * FROM {of_case("id, finished_at AS at")} AS o
    UNION ALL SELECT * FROM {of_case("id, at", table="observation")} AS o
    ORDER BY at, id LIMIT {MAX_EVENT_IDS + 1}) AS seen) AS event_ids"""  # noqa: S608 - names of this module

# How each kind of item is ordered, and named in the digest. "C" is the order of code points.
_OPERATION_KEY, _CASE_KEY = ("id",), ('process COLLATE "C"', 'case_id COLLATE "C"')


Place = tuple[datetime, str, str] | tuple[datetime, UUID]  # of an item: its moment and key


@dataclass(frozen=True, slots=True)
class ItemList:
    """The items of an indicator in a selection, in the order of their moment and key."""

    kpi: KpiId
    selection: Selection
    unit: str | None

    @property
    def of_cases(self) -> bool:
        return self.kpi in _CASES

    @property
    def moment(self) -> str:
        return "last_at" if self.of_cases else "finished_at"

    @property
    def key(self) -> tuple[str, ...]:
        return _CASE_KEY if self.of_cases else _OPERATION_KEY

    @property
    def order(self) -> str:
        return ", ".join((self.moment, *self.key))

    @property
    def contributions(self) -> dict[str, str]:
        """The expression of each contribution, by its name."""
        measures = {"case_duration": self.selection.case_duration}
        return {name: term.format_map(measures) for name, term in _ITEMS[self.kpi].terms.items()}

    @property
    def terms(self) -> str:
        """The contributions as text, each under its name, without zeros that say nothing."""
        terms = self.contributions
        return ", ".join(f"trim_scale(({term})::numeric)::text AS {name}" for name, term in terms.items())

    @property
    def source(self) -> str:
        chosen = _ITEMS[self.kpi].chosen
        if self.of_cases:
            return f"case_state AS c WHERE {chosen}{cases_chosen(self.selection)}"
        joins = prices("o", "(o.finished_at AT TIME ZONE 'UTC')::date") if self.kpi == "cost_per_operation" else ""
        where = f"{self.selection.conditions(*FILTERS)}{self.selection.within('finished_at')}"
        return f"operation AS o {joins} WHERE {chosen}{where}"

    @property
    def parameters(self) -> dict[str, Any]:
        return {**self.selection.parameters, "unit": self.unit or ""}


async def read_page(session: AsyncSession, items: ItemList, after: Place | None, limit: int) -> Sequence[Any]:
    """Return up to `limit` rows and one, which tells that there are more."""
    if items.of_cases:
        columns = f"process, case_id, first_at, last_at, operations, {_EVENT_IDS}"
    else:
        costs = f", {_COST_COLUMNS}" if items.kpi == "cost_per_operation" else ""
        columns = (
            "id, process, case_id, activity, team, actor_kind, finished_at, outcome, corrected, "
            f"o.touch_us AS measured_us{costs}"
        )
    parameters = items.parameters | {"limit": limit + 1}
    behind = ""
    if after is not None:
        moment, *key = after
        names = [f"after{place}" for place in range(len(key))]
        parameters |= {"after": moment, **dict(zip(names, key, strict=True))}
        types = "text" if items.of_cases else "uuid"
        bound = "".join(f", cast(:{name} AS {types})" for name in names)
        # The first condition alone can be looked up in the index of every kind of item.
        behind = f" AND {items.moment} >= :after AND ({items.order}) > (:after{bound})"
    statement = text(f"""
        SELECT {columns}, {items.terms} FROM {items.source}{behind}
        ORDER BY {items.order} LIMIT :limit""")  # noqa: S608 - names of columns; values are bound
    return (await session.execute(statement, parameters)).all()


async def read_withdrawn(session: AsyncSession, items: ItemList) -> int:
    """Return how many operations, or answers, of the selection were withdrawn."""
    selection = items.selection
    if FORMULAS[items.kpi].over == "answers":
        if selection.conditions(*OF_OPERATIONS_ONLY):
            return 0
        source = f"withdrawn_survey_response WHERE true{selection.within('answered_at')}"
        chosen = selection.conditions("process", "team")
    else:
        source = f"withdrawn_operation WHERE true{selection.within('finished_at')}"
        chosen = selection.conditions(*FILTERS)
    statement = text(f"SELECT count(*) FROM {source}{chosen}")  # noqa: S608 - names of columns; values are bound
    return int((await session.execute(statement, items.parameters)).scalar_one())


async def read_digest(session: AsyncSession, items: ItemList) -> tuple[str, int]:
    """Return the digest of all items and their number, hour by hour, so that only an hour is held at once.

    A line is the JSON array of an item's key and contributions, as listed; lines of an hour (UTC) are in the order of
    the list, joined by newlines, and hashed; the hours' hashes, in order, are joined and hashed again.
    """
    key = "process, case_id" if items.of_cases else "id"
    names = ", ".join(FORMULAS[items.kpi].terms)
    statement = text(f"""
        WITH item AS (SELECT {key}, {items.moment}, {items.terms} FROM {items.source}),
        hourly AS (
            SELECT date_trunc('hour', {items.moment}, 'UTC') AS hour, count(*) AS n,
                   {_sha256(f"json_build_array({key}, {names})::text", items.order)} AS digest
            FROM item GROUP BY 1
        )
        SELECT coalesce({_sha256("digest", "hour")}, encode(sha256(''), 'hex')) AS digest, coalesce(sum(n), 0) AS n
        FROM hourly""")  # noqa: S608 - as above
    row = (await session.execute(statement, items.parameters)).one()
    return row.digest, int(row.n)


def _sha256(line: str, order: str) -> str:
    return f"encode(sha256(convert_to(string_agg({line}, E'\\n' ORDER BY {order}), 'UTF8')), 'hex')"


async def read_case_shares(session: AsyncSession, items: ItemList, by: By) -> dict[str | None, Share]:
    """Return what the groups contribute to an indicator of cases, each case divided by its selected operations."""
    (term,) = items.contributions.values()
    (divisor,) = FORMULAS[items.kpi].terms.values()
    own = items.selection.conditions(*FILTERS[1:])
    parts = (
        f"(SELECT {by} AS part, count(*) AS k, sum(count(*)) OVER () AS whole FROM {of_case(by, own)} AS o GROUP BY 1)"  # noqa: S608 - as above
    )
    joined = "" if by == "process" else f"LEFT JOIN LATERAL {parts} AS m ON true"
    columns = (
        "process AS part, 1 AS k, 1 AS whole"
        if by == "process"
        else "part, coalesce(k, 1) AS k, coalesce(whole, 1) AS whole"
    )
    statement = text(f"""
        WITH chosen AS (SELECT tenant_id, process, case_id, {term} AS term FROM {items.source})
        SELECT part, whole, sum(k * term) AS numerator, sum(k) AS n
        FROM (SELECT term, {columns} FROM chosen AS c {joined}) AS divided GROUP BY 1, 2""")  # noqa: S608 - as above
    shares: dict[str | None, Share] = {}
    for row in await session.execute(statement, items.parameters):
        whole, group = int(row.whole), row.part or None
        share = Share(Fraction(int(row.numerator), whole * divisor), Fraction(int(row.n), whole))
        shares[group] = shares.get(group, Share()) + share
    return shares
