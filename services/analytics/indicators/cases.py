"""Figures over cases: sums and percentiles from roll-ups by day, or from the cases themselves.

Roll-ups know the UTC day of a case's last moment and its process; what is asked by more than these is read from cases.
"""

from dataclasses import replace
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.indicators.percentiles import INTERPOLATED, ranked, read_ranked
from services.analytics.indicators.selection import (
    MAX_GROUPS,
    MIDNIGHT,
    OF_OPERATIONS,
    TIME_UNITS,
    Selection,
    aliases,
    bounds,
    key_of,
    round_days,
)
from services.analytics.indicators.sequences import case_groups, count_variants, of_case
from services.analytics.indicators.sums import CaseSums, Key, Quantiles
from services.analytics.operations.case_rollups import CASE_BUCKET, CASE_DURATION, CASE_MEASURES
from services.analytics.operations.histograms import COUNTS

_MEASURES = ", ".join(CASE_MEASURES)
_TERMS = ", ".join(f"{{sign}} * ({term}) AS {column}" for column, term in CASE_MEASURES.items())
_TOTALS = ", ".join(f"coalesce(sum({column}), 0) AS {column}" for column in CASE_MEASURES)


async def read_cases(session: AsyncSession, selection: Selection) -> list[tuple[Key | None, CaseSums]]:
    """Return the figures of the whole (None) and of each group; more than MAX_GROUPS of these have no percentiles."""
    by_day = selection.cases_by_day
    statement, parameters = case_sums_statement(selection) if by_day else cases_statement(selection)
    found = {
        (None if row.whole else key_of(row, selection)): _sums_of(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row by column
        for row in await session.execute(statement, parameters)
    }
    if selection.case_percentiles == "rollup" and len(found) <= MAX_GROUPS + 1:
        for key, _, quantiles in await read_ranked(session, case_ranks_statement(selection), selection):
            found[key] = replace(found[key], quantiles=quantiles)
    if selection.counts_variants and len(found) <= MAX_GROUPS + 1:
        variants = await count_variants(session, selection, cases_chosen(selection))
        found = {key: replace(sums, variants=variants.get(key, 0)) for key, sums in found.items()}
    return list(found.items())


def _sums_of(values: Any) -> CaseSums:
    sums = {name: int(values[name]) for name in CASE_MEASURES}
    quantiles = Quantiles.of(values.get("percentiles"), values.get("highest"))
    return CaseSums(**sums, quantiles=quantiles)


def case_sums_statement(selection: Selection) -> tuple[TextClause, dict[str, Any]]:
    """Return the statement that sums roll-ups of whole days, and cases where the period cuts a day.

    A row of zeros is left by cases that moved to another day: it makes no group.
    """
    parameters = dict(selection.parameters)
    groups, names = aliases(selection.keys("last_at"))
    split, chosen = round_days(selection), selection.conditions("process")
    parts = [
        f"SELECT last_at, process, {_TERMS.format(sign=sign)} FROM case_state "  # noqa: S608 - names of columns; values are bound
        f"WHERE {bounds('last_at', edge, parameters)}{chosen}"
        for sign, edge in split.signed
    ]
    days = "false" if split.whole is None else bounds("day", split.whole, parameters, dates=True)
    parts.append(
        f"SELECT {MIDNIGHT} AS last_at, process, {_MEASURES} FROM rollup_case WHERE cases > 0 AND {days}{chosen}"  # noqa: S608 - as above
    )
    return text(f"""
        SELECT {names and f"{names}, "}{f"grouping({names})" if names else "1"} AS whole, {_TOTALS}
        FROM (SELECT {groups}{_MEASURES} FROM ({" UNION ALL ".join(parts)}) AS part) AS told
        {f"GROUP BY GROUPING SETS (({names}), ()) HAVING sum(cases) > 0 OR grouping({names}) > 0 ORDER BY whole DESC" if names else ""}
        LIMIT {MAX_GROUPS + 2}"""), parameters  # noqa: S608 - as above


def case_ranks_statement(selection: Selection) -> tuple[TextClause, dict[str, Any]]:
    """Return the statement that sums histograms of whole days, and cases where the period cuts a day, and finds the ranks."""
    parameters = dict(selection.parameters)
    groups, names = aliases(selection.keys("last_at"))
    by_day, by_process = not TIME_UNITS.isdisjoint(selection.group_by), "process" in selection.group_by
    kept = ", ".join(["block", *(["day"] if by_day else []), *(["process"] if by_process else [])])
    told = f"{MIDNIGHT if by_day else 'NULL::timestamptz'} AS last_at, {'process' if by_process else 'NULL'} AS process"
    # Rows are added up before they are taken apart: that is an eighth of the work.
    sums = ", ".join(f"sum({n}) AS {n}" for n in COUNTS)
    each = ", ".join(f"(block * {len(COUNTS)} + {cell}, {n})" for cell, n in enumerate(COUNTS))
    split, chosen = round_days(selection), selection.conditions("process")
    parts = [
        f"SELECT last_at, process, {CASE_BUCKET} AS bucket, {sign}::bigint AS n FROM case_state "  # noqa: S608 - as above
        f"CROSS JOIN LATERAL (SELECT {CASE_DURATION} AS duration_us) AS took "
        f"WHERE {bounds('last_at', edge, parameters)}{chosen}"
        for sign, edge in split.signed
    ]
    days = "false" if split.whole is None else bounds("day", split.whole, parameters, dates=True)
    parts.append(
        f"SELECT {told}, bucket, n FROM (SELECT {kept}, {sums} FROM rollup_case_histogram WHERE {days}{chosen} "  # noqa: S608 - as above
        f"GROUP BY {kept}) AS summed CROSS JOIN LATERAL (VALUES {each}) AS one (bucket, n) WHERE n > 0"
    )
    cells = " UNION ALL ".join(parts)
    return ranked(f"SELECT {groups}0 AS number, bucket, n FROM ({cells}) AS part", names), parameters  # noqa: S608 - as above


_CASE_FIGURES = """
    count(*) AS cases, coalesce(sum(events), 0) AS events, coalesce(sum(duration_us), 0) AS duration_us,
    coalesce(sum(operations), 0) AS operations,
    count(*) FILTER (WHERE operations > 0) AS worked,
    count(*) FILTER (WHERE person_n + automation_n > 0) AS handled,
    count(*) FILTER (WHERE person_n = 0 AND automation_n > 0) AS no_touch,
    count(*) FILTER (WHERE rework_n > 0) AS rework_cases, coalesce(sum(rework_n), 0) AS rework_events,
    count(*) FILTER (WHERE operations > 0 AND rework_n = 0 AND defect_n = 0) AS first_pass,
    {percentiles} AS percentiles, max(duration_us) / 1e6::float8 AS highest"""


def cases_chosen(selection: Selection) -> str:
    """Return the conditions on `case_state AS c` that select its cases."""
    return f"{selection.conditions('process')}{selection.within('last_at')}{holding(selection)}"


def holding(selection: Selection) -> str:
    """Return the condition that a case `c` holds an operation of the selection, if it chooses among operations."""
    own = selection.conditions(*OF_OPERATIONS)
    return f" AND EXISTS {of_case('', own)}" if own else ""


def cases_statement(selection: Selection) -> tuple[TextClause, dict[str, Any]]:
    """Return the statement over the cases themselves, whole and by group.

    A case is in the period of its last moment, and in a selection by activity, team or kind of actor when it
    holds such an operation; so it may stand in several groups, once in each.
    """
    percentiles = INTERPOLATED.format(value="duration_us / 1e6::float8") if selection.details else "NULL::float8[]"
    figures = _CASE_FIGURES.format(percentiles=percentiles)
    named, names, members = case_groups(selection)
    groups = f"""
        , member AS (SELECT {named}c.* FROM chosen AS c {members})
        (SELECT {names}, false AS whole, {figures} FROM member GROUP BY {names} LIMIT {MAX_GROUPS + 1})
        UNION ALL"""  # noqa: S608 - as above
    statement = text(f"""
        WITH chosen AS (
            SELECT c.*, {selection.case_duration} AS duration_us FROM case_state AS c WHERE true{cases_chosen(selection)}
            OFFSET 0
        ){groups if names else ""}
        SELECT {"NULL, " * len(selection.group_by)}true AS whole, {figures} FROM chosen""")  # noqa: S608 - as above
    return statement, selection.parameters
