"""The figures behind the indicators: one statement each for operations, touch times, cases and answers.

The number of statements does not depend on the number of groups, and none returns more than MAX_GROUPS of them and
one, which tells that there are too many. Row-level security holds every statement to the caller's tenant.
"""

from collections.abc import Collection
from typing import Any, Literal, get_args

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.indicators.percentiles import INTERPOLATED, read_times
from services.analytics.indicators.selection import (
    OF_OPERATIONS_ONLY,
    Reading,
    Selection,
    aliases,
    key_of,
    split_for_groups,
)
from services.analytics.indicators.sums import CaseSums, Figures, Key, Quantiles, SurveySums
from services.analytics.indicators.working_times import read_working_times
from services.analytics.operations.measures import AGGREGATES, COLUMNS, HOUR, KEY

MAX_GROUPS = 2_000
_KEY = ", ".join(KEY)
FILTERS = ("process", "activity", "team", "actor_kind")
_OF_OPERATIONS = FILTERS[1:]


class FiguresByGroup:
    """The whole and its groups, by key in the order of `group_by`."""

    def __init__(self, percentiles: Reading | None = None) -> None:
        self.whole = Figures(percentiles)
        self.groups: dict[Key, Figures] = {}
        self._percentiles = percentiles

    def of(self, key: Key | None) -> Figures:
        return self.whole if key is None else self.groups.setdefault(key, Figures(self._percentiles))


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
    figures = FiguresByGroup(selection.percentiles)
    for part, read in zip(PARTS, (_read_operations, _read_times, _read_cases, _read_answers), strict=True):
        if part in parts and len(figures.groups) <= MAX_GROUPS:
            await read(session, selection, figures)
    return figures


def operations_statement(selection: Selection) -> tuple[TextClause, dict[str, Any]]:
    """Return the statement that sums roll-ups (and facts where the period cuts an hour) and prices them."""
    split = split_for_groups(selection)
    where = selection.conditions(*FILTERS)
    parameters = dict(selection.parameters)
    cut = "finished_at" if selection.by_local_time else HOUR
    parts = []
    if split.whole is not None:
        bounds = ""
        for name, sign, moment in zip(("first", "last"), (">=", "<"), split.whole, strict=True):
            if moment is not None:
                bounds += f" AND hour {sign} :{name}"
                parameters[name] = moment
        parts.append(f"SELECT hour, {_KEY}, {COLUMNS} FROM rollup_hour WHERE true{bounds}{where}")  # noqa: S608 - names of columns; values are bound
    for i, (begin, end) in enumerate(split.edges):
        parameters |= {f"begin{i}": begin, f"end{i}": end}
        parts.append(
            f"SELECT {cut} AS hour, {_KEY}, {AGGREGATES} FROM operation "  # noqa: S608 - as above
            f"WHERE finished_at >= :begin{i} AND finished_at < :end{i}{where} GROUP BY 1, 2, 3, 4, 5, 6"
        )
    if not parts:
        parts.append(f"SELECT hour, {_KEY}, {COLUMNS} FROM rollup_hour WHERE false")  # noqa: S608 - as above
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


# Rates are dated by day, so rows are summed by day before they are priced.
_PRICES_OF_DAYS = prices("daily", "daily.day")
_SUMMED = ", ".join(f"sum({column}) AS {column}" for column in COLUMNS.split(", "))
_PRICED = f"""
WITH part AS ({{parts}}), daily AS (
    SELECT {{groups}}{_KEY}, (hour AT TIME ZONE 'UTC')::date AS day, {_SUMMED} FROM part
    GROUP BY {{names}}{_KEY}, day
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
    for row in await session.execute(cases_statement(selection), selection.parameters):
        figures.of(None if row.whole else key_of(row, selection)).cases = CaseSums(
            cases=row.cases,
            events=int(row.events),
            duration_us=int(row.duration_us),
            operations=int(row.operations),
            worked=row.worked,
            handled=row.handled,
            no_touch=row.no_touch,
            rework_cases=row.rework_cases,
            rework_events=int(row.rework_events),
            first_pass=row.first_pass,
            variants=row.variants,
            quantiles=Quantiles.of(row.percentiles, row.highest),
        )


SAME_CASE = "o.tenant_id = c.tenant_id AND o.process = c.process AND o.case_id = c.case_id"
_CASE_FIGURES = """
    count(*) AS cases, coalesce(sum(events), 0) AS events, coalesce(sum(duration_us), 0) AS duration_us,
    coalesce(sum(operations), 0) AS operations,
    count(*) FILTER (WHERE operations > 0) AS worked,
    count(*) FILTER (WHERE person_n + automation_n > 0) AS handled,
    count(*) FILTER (WHERE person_n = 0 AND automation_n > 0) AS no_touch,
    count(*) FILTER (WHERE rework_n > 0) AS rework_cases, coalesce(sum(rework_n), 0) AS rework_events,
    count(*) FILTER (WHERE operations > 0 AND rework_n = 0 AND defect_n = 0) AS first_pass,
    {variants} AS variants, {percentiles} AS percentiles, max(duration_us) / 1e6::float8 AS highest"""


_PATH = f"(SELECT md5(array_agg(activity ORDER BY finished_at, seq)::text) FROM operation AS o WHERE {SAME_CASE})"  # noqa: S608 - as above


def cases_chosen(selection: Selection) -> str:
    """Return the conditions on `case_state AS c` that select its cases."""
    own = selection.conditions(*_OF_OPERATIONS)
    holds = f" AND EXISTS (SELECT FROM operation AS o WHERE {SAME_CASE}{own})" if own else ""
    return f"{selection.conditions('process')}{selection.within('last_at')}{holds}"


def cases_statement(selection: Selection) -> TextClause:
    """Return the statement over cases, whole and by group.

    A case is in the period of its last moment, and in a selection by activity, team or kind of actor when it
    holds such an operation; so it may stand in several groups, once in each.
    """
    own = selection.conditions(*_OF_OPERATIONS)
    figures = _CASE_FIGURES.format(
        variants="count(DISTINCT path)" if selection.counts_variants else "NULL::bigint",
        percentiles=INTERPOLATED.format(value="duration_us / 1e6::float8") if selection.details else "NULL::float8[]",
    )
    return text(f"""
        WITH chosen AS MATERIALIZED (
            SELECT c.*, {selection.case_duration} AS duration_us,
                   {_PATH if selection.counts_variants else "NULL::text"} AS path
            FROM case_state AS c WHERE true{cases_chosen(selection)}
        )
        {_grouped_cases(selection, own, figures) if selection.group_by else ""}
        SELECT {"NULL, " * len(selection.group_by)}true AS whole, {figures} FROM chosen""")  # noqa: S608 - as above


def _grouped_cases(selection: Selection, own: str, figures: str) -> str:
    """Return the part over groups, ending where the part over the whole begins."""
    per_operation = [name for name in selection.group_by if name in _OF_OPERATIONS]
    keys = [
        f"m.{name}" if name in _OF_OPERATIONS else key
        for name, key in zip(selection.group_by, selection.keys("c.last_at"), strict=True)
    ]
    named = "".join(f"{'c.process' if key == 'process' else key} AS g{i}, " for i, key in enumerate(keys))
    names = ", ".join(f"g{i}" for i in range(len(keys)))
    columns = ", ".join(per_operation)
    members = f"(SELECT DISTINCT {columns} FROM operation AS o WHERE {SAME_CASE}{own})"  # noqa: S608 - as above
    return f"""
        , member AS (SELECT {named}c.* FROM chosen AS c {f"CROSS JOIN LATERAL {members} AS m" if columns else ""})
        (SELECT {names}, false AS whole, {figures} FROM member GROUP BY {names} LIMIT {MAX_GROUPS + 1})
        UNION ALL"""  # noqa: S608 - as above


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
