"""The figures behind the indicators: one statement each for operations, touch times, cases and answers.

The number of statements does not depend on the number of groups, and none returns more than MAX_GROUPS of them and
one, which tells that there are too many. Row-level security holds every statement to the caller's tenant.
"""

from collections.abc import Collection
from typing import Any, Literal, get_args

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.indicators.cases import read_cases
from services.analytics.indicators.percentiles import read_times
from services.analytics.indicators.selection import (
    MAX_GROUPS,
    MIDNIGHT,
    OF_OPERATIONS_ONLY,
    Selection,
    aliases,
    bounds,
    key_of,
    pieces_of,
)
from services.analytics.indicators.sums import CaseSums, Figures, Key, SurveySums
from services.analytics.indicators.working_times import read_working_times
from services.analytics.operations.measures import AGGREGATES, COLUMNS, DAY_OF_HOUR, HOUR, KEY, MEASURES

_KEY = ", ".join(KEY)
_SIGNED = {1: COLUMNS, -1: ", ".join(f"-{column} AS {column}" for column in MEASURES)}
_SIGNED_FACTS = {1: AGGREGATES, -1: ", ".join(f"-({aggregate}) AS {column}" for column, aggregate in MEASURES.items())}
FILTERS = ("process", "activity", "team", "actor_kind")


class FiguresByGroup:
    """The whole and its groups, by key in the order of `group_by`."""

    def __init__(self, selection: Selection) -> None:
        self._readings = selection.percentiles, selection.case_percentiles
        self._no_cases = CaseSums(variants=0 if selection.counts_variants else None)
        self.whole = self._empty()
        self.groups: dict[Key, Figures] = {}

    def of(self, key: Key | None) -> Figures:
        return self.whole if key is None else self.groups.setdefault(key, self._empty())

    def _empty(self) -> Figures:
        return Figures(*self._readings, cases=self._no_cases)


Part = Literal["operations", "times", "cases", "answers"]
PARTS: tuple[Part, ...] = get_args(Part)
_OF_CASES = frozenset({"case_throughput_time", "case_rework_rate", "no_touch_rate", "first_pass_yield"})


def part_of(kpi: str) -> Part:
    """Return which part an indicator's value comes from."""
    return "answers" if kpi == "internal_satisfaction" else "cases" if kpi in _OF_CASES else "operations"


async def read_figures(session: AsyncSession, selection: Selection, parts: Collection[Part] = PARTS) -> FiguresByGroup:
    """Return the figures of a selection, or only some parts. Without `details` there are sums alone.

    More than MAX_GROUPS groups end the reading: then the figures are not whole, and the caller has to refuse.
    """
    figures = FiguresByGroup(selection)
    for part, read in zip(PARTS, (_read_operations, _read_times, _read_cases, _read_answers), strict=True):
        if part in parts and len(figures.groups) <= MAX_GROUPS:
            await read(session, selection, figures)
    return figures


def operations_statement(selection: Selection) -> tuple[TextClause, dict[str, Any]]:
    """Return the statement that sums days (with or without hours where the period cuts one, facts where it cuts those).

    What it sums it prices.
    """
    pieces = pieces_of(selection)
    where = selection.conditions(*FILTERS)
    parameters = dict(selection.parameters)
    cut = "finished_at" if selection.by_local_time else HOUR
    parts = [
        f"SELECT {MIDNIGHT} AS hour, day, {_KEY}, {COLUMNS} FROM rollup_day "  # noqa: S608 - names of columns; values are bound
        f"WHERE {bounds('day', period, parameters, dates=True)}{where}"
        for period in pieces.days
    ]
    parts += [
        f"SELECT hour, {DAY_OF_HOUR} AS day, {_KEY}, {_SIGNED[sign]} FROM rollup_hour "  # noqa: S608 - as above
        f"WHERE {bounds('hour', period, parameters)}{where}"
        for sign, period in pieces.hours
    ]
    parts += [
        f"SELECT {cut} AS hour, ({cut} AT TIME ZONE 'UTC')::date AS day, {_KEY}, {_SIGNED_FACTS[sign]} FROM operation "  # noqa: S608 - as above
        f"WHERE {bounds('finished_at', period, parameters)}{where} GROUP BY 1, 2, 3, 4, 5, 6, 7"
        for sign, period in pieces.edges
    ]
    if not parts:
        parts.append(f"SELECT hour, NULL::date AS day, {_KEY}, {COLUMNS} FROM rollup_hour WHERE false")  # noqa: S608 - as above
    groups, names = aliases(selection.keys("hour"))
    few = f"JOIN (SELECT DISTINCT {names} FROM daily LIMIT {MAX_GROUPS + 1}) AS few USING ({names})" if names else ""  # noqa: S608 - as above
    return text(
        _PRICED.format(parts=" UNION ALL ".join(parts), groups=groups, names=names and f"{names}, ", few=few)
    ), parameters


def prices(of: str, day: str) -> str:
    """Return the joins that find the cost model, the rate and the fixed cost for rows of `of` without measured cost."""
    return f"""
LEFT JOIN cost_model AS model ON {of}.currency = ''
LEFT JOIN LATERAL (
    SELECT amount, hourly_rate.team AS rate_team, valid_from AS rate_from
    FROM hourly_rate WHERE {of}.currency = '' AND {of}.actor_kind = 'person'
      AND hourly_rate.team IN ({of}.team, '') AND valid_from <= {day}
    ORDER BY hourly_rate.team = {of}.team DESC, valid_from DESC LIMIT 1) AS rate ON true
LEFT JOIN LATERAL (
    SELECT amount, valid_from AS fixed_from FROM fixed_cost WHERE {of}.currency = ''
      AND fixed_cost.process = {of}.process AND fixed_cost.activity = {of}.activity
      AND fixed_cost.actor_kind IN ({of}.actor_kind, '') AND valid_from <= {day}
    ORDER BY fixed_cost.actor_kind = {of}.actor_kind DESC, valid_from DESC LIMIT 1) AS fixed ON true"""  # noqa: S608 - names of columns; values are bound


# Between two days on which some rate or fixed cost begins, all prices stay: rows are summed before they are priced.
# What is taken away again to the last operation makes no row. Parts bring the day beside the hour: to make it of each
# midnight took a tenth of the statement.
_STEP = """width_bucket(day, (SELECT array_agg(valid_from ORDER BY valid_from) FROM (
        SELECT valid_from FROM hourly_rate UNION SELECT valid_from FROM fixed_cost) AS dated))"""
_PRICES_OF_DAYS = prices("daily", "daily.day")
_SUMMED = ", ".join(f"sum({column}) AS {column}" for column in COLUMNS.split(", "))
_PRICED = f"""
WITH part AS ({{parts}}), daily AS (
    SELECT {{groups}}{_KEY}, min(day) AS day, {_SUMMED} FROM part
    GROUP BY {{names}}{_KEY}, {_STEP} HAVING sum(n) > 0
)
SELECT {{names}}coalesce(nullif(daily.currency, ''), model.currency, '') AS paid_in, {_SUMMED},
       sum(n) FILTER (WHERE actor_kind = 'automation') AS automation_n,
       sum(CASE WHEN fixed.amount IS NOT NULL THEN n WHEN rate.amount IS NOT NULL THEN touch_n ELSE 0 END) AS modelled_n,
       sum(fixed.amount * n) AS fixed_sum, sum(rate.amount * touch_us) AS hourly_us
FROM daily {{few}}{_PRICES_OF_DAYS}
GROUP BY {{names}}paid_in
"""  # noqa: S608 - as above


async def _read_operations(session: AsyncSession, selection: Selection, figures: FiguresByGroup) -> None:
    statement, parameters = operations_statement(selection)
    for row in await session.execute(statement, parameters):
        values = {name: value or 0 if name != "paid_in" else value for name, value in row._mapping.items()}  # noqa: SLF001 - as above
        figures.whole.operations.add(values)
        if selection.group_by:
            figures.of(key_of(row, selection)).operations.add(values)


async def _read_times(session: AsyncSession, selection: Selection, figures: FiguresByGroup) -> None:
    """Read percentiles; whatever has some has operations, so that the number of groups is known by now."""
    if selection.working:
        for key, times, sums in await read_working_times(session, selection):
            figures.of(key).times = times
            figures.of(key).operations.measure_anew(sums)
        return
    for key, times in await read_times(session, selection):
        figures.of(key).times = times


async def _read_cases(session: AsyncSession, selection: Selection, figures: FiguresByGroup) -> None:
    for key, cases in await read_cases(session, selection):
        figures.of(key).cases = cases


async def _read_answers(session: AsyncSession, selection: Selection, figures: FiguresByGroup) -> None:
    """Survey answers know process and team alone: by activity or kind of actor there are none."""
    nowhere = selection.activity is not None or selection.actor_kind is not None
    groupable = not OF_OPERATIONS_ONLY & set(selection.group_by)
    groups, names = aliases(selection.keys("answered_at")) if groupable else ("", "")
    sets = f"GROUP BY GROUPING SETS (({names}), ())" if names else ""
    statement = text(f"""
        SELECT {names and f"{names}, "}{f"grouping({names})" if names else "1"} AS whole,
               count(*) AS answers, count(*) FILTER (WHERE score >= 4) AS satisfied, coalesce(sum(score), 0) AS score_sum
        FROM (SELECT {groups}score FROM survey_response
              WHERE {"false" if nowhere else "true"}{selection.conditions("process", "team")}
              {selection.within("answered_at")}) AS answered
        {sets}
        LIMIT {MAX_GROUPS + 2}""")  # noqa: S608 - as above
    for row in await session.execute(statement, selection.parameters):
        survey = SurveySums(row.answers, row.satisfied, int(row.score_sum))
        figures.of(None if row.whole else key_of(row, selection)).survey = survey
