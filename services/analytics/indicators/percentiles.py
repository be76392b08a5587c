"""Percentiles of touch, wait and lead times: within 1 % from histograms, or exactly from facts. One statement either way."""

from math import floor
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.indicators.exact_times import find_times, is_looked_for
from services.analytics.indicators.selection import TIME_UNITS, Selection, Split, aliases, bounds, key_of, round_days
from services.analytics.indicators.sums import PERCENTILES, Key, Quantiles, Times
from services.analytics.indicators.zones import AFTER_ALL
from services.analytics.operations.histograms import (
    ALL_KEYS,
    COUNTS,
    DURATIONS,
    FIRST_BUCKET,
    KEY,
    MOMENT,
    NUMBER,
    OPERATION_KEY,
    bucket,
    day_number,
    first_place,
    kept_of_place,
    representative,
    rows_of_keys,
)

INTERPOLATED = f"percentile_cont(ARRAY{list(PERCENTILES)}) WITHIN GROUP (ORDER BY {{value}})"
_US = 1_000_000


async def read_times(session: AsyncSession, selection: Selection) -> list[tuple[Key | None, Times]]:
    """Return the percentiles of the whole (None) and of each group in which something was measured."""
    if selection.percentiles is None:
        return []
    if selection.percentiles == "rollup":
        return await _read_histograms(session, selection)
    if is_looked_for(selection):
        ranks = (await session.execute(*histogram_statement(selection))).all()
        if (times := await find_times(session, selection, ranks)) is not None:
            return [(None, times)]
    return await _read_facts(session, selection)


async def _read_facts(session: AsyncSession, selection: Selection) -> list[tuple[Key | None, Times]]:
    groups, names = aliases(selection.keys("finished_at"))
    sets = f"GROUP BY GROUPING SETS (({names}), ())" if names else ""
    known = ", ".join(f"{name}_us / 1e6::float8 AS {name}" for name in DURATIONS)
    figures = ", ".join(f"{INTERPOLATED.format(value=name)} AS {name}, max({name}) AS {name}_max" for name in DURATIONS)
    statement = text(f"""
        SELECT {names and f"{names}, "}{f"grouping({names})" if names else "1"} AS whole, {figures}
        FROM (SELECT {groups}{known} FROM operation
              WHERE true{selection.conditions(*OPERATION_KEY)}{selection.within("finished_at")}) AS measured
        {sets}""")  # noqa: S608 - names of columns; values are bound
    return [
        (
            None if row.whole else key_of(row, selection),
            Times(*(Quantiles.of(row._mapping[name], row._mapping[f"{name}_max"]) for name in DURATIONS)),  # noqa: SLF001 - SQLAlchemy's public name for a row by column
        )
        for row in await session.execute(statement, selection.parameters)
    ]


async def _read_histograms(session: AsyncSession, selection: Selection) -> list[tuple[Key | None, Times]]:
    found: dict[Key | None, dict[str, Quantiles]] = {}
    for key, number, quantiles in await read_ranked(session, histogram_statement(selection), selection):
        found.setdefault(key, {})[DURATIONS[number]] = quantiles
    return [(key, Times(**times)) for key, times in found.items()]


async def read_ranked(
    session: AsyncSession, statement: tuple[TextClause, dict[str, Any]], selection: Selection
) -> list[tuple[Key | None, int, Quantiles]]:
    """Return what a statement made by `ranked` finds: of the whole (None) and each group, by number of the duration."""
    return [
        (
            None if row.whole else key_of(row, selection),
            row.number,
            Quantiles.of(_interpolate(int(row.total), row.lower, row.upper), representative(row.highest) / _US),
        )
        for row in await session.execute(*statement)
    ]


def _interpolate(n: int, lower: list[int], upper: list[int]) -> list[float]:
    """Return the percentiles in seconds, from the buckets in which the ranks below and above each of them lie.

    Between two durations that are each known within 1 %, what is interpolated is known within 1 % too.
    """
    values = []
    for share, below, above in zip(PERCENTILES, lower, upper, strict=True):
        rank = share * (n - 1)
        low, high = representative(below), representative(above)
        values.append((low + (rank - floor(rank)) * (high - low)) / _US)
    return values


def histogram_statement(selection: Selection) -> tuple[TextClause, dict[str, Any]]:
    """Return the statement that sums histograms (and facts where the period cuts a day) and finds the ranks."""
    parameters = dict(selection.parameters)
    groups, names = aliases(selection.keys("moment"))
    split = round_days(selection)
    cells = _edges(split, selection, parameters)
    if split.whole or not cells:
        cells.append(_whole_days(split, selection, parameters, groups, names))
    return ranked(" UNION ALL ".join(cells), names), parameters


def ranked(cells: str, names: str) -> TextClause:
    """Return the statement that finds the ranks in cells: number of the duration, bucket and count, by named groups."""
    listed = names and f"{names}, "
    return text(
        _RANKED.format(
            cells=cells,
            names=listed,
            whole=f"grouping({names})" if names else "1",
            sets=f"GROUPING SETS (({listed}number, bucket), (number, bucket))" if names else "number, bucket",
        )
    )


def _whole_days(split: Split, selection: Selection, parameters: dict[str, Any], groups: str, names: str) -> str:
    """Return the cells of whole days. Rows are added up by number before any of them gets a name, and before cells are made."""
    chosen = selection.conditions(*OPERATION_KEY)
    by_key = not set(OPERATION_KEY).isdisjoint(selection.group_by)
    if by_key and not chosen:
        rows = f"SELECT * FROM rollup_histogram WHERE {_within(split, parameters)}"  # noqa: S608 - as above
    else:
        rows = rows_of_keys(f"SELECT id FROM rollup_key WHERE true{chosen}" if chosen else f"SELECT {ALL_KEYS} AS id")  # noqa: S608 - as above
        parameters["first_day"], parameters["last_day"] = map(day_number, split.whole or (AFTER_ALL, None))
    kept = kept_of_place(day=not TIME_UNITS.isdisjoint(selection.group_by), key=by_key)
    sums = ", ".join(f"sum({n}) AS {n}" for n in COUNTS)
    blocks = f"SELECT place & ({kept})::bigint AS place, {sums} FROM ({rows}) AS chosen GROUP BY 1"  # noqa: S608 - as above
    if names:
        blocks = f"""
              SELECT {groups}place & {kept_of_place(day=False, key=False)} AS place, {sums}
              FROM (SELECT *, {MOMENT} AS moment FROM ({blocks}) AS summed
                    {f"JOIN rollup_key ON id = {KEY}" if by_key else ""}) AS named
              GROUP BY {names}, place & {kept_of_place(day=False, key=False)}"""  # noqa: S608 - as above
    each = ", ".join(f"({cell}, {n})" for cell, n in enumerate(COUNTS))
    return f"""
        SELECT {names and f"{names}, "}{NUMBER} AS number, {FIRST_BUCKET} + cell AS bucket, n
        FROM ({blocks}) AS block CROSS JOIN LATERAL (VALUES {each}) AS one (cell, n) WHERE n > 0"""  # noqa: S608 - as above


def _within(split: Split, parameters: dict[str, Any]) -> str:
    """Return the condition on places of whole days."""
    where = "true" if split.whole else "false"
    for name, sign, moment in zip(("first", "last"), (">=", "<"), split.whole or (None, None), strict=True):
        if moment is not None:
            where += f" AND place {sign} :{name}"
            parameters[name] = first_place(moment.date())
    return where


def _edges(split: Split, selection: Selection, parameters: dict[str, Any]) -> list[str]:
    """Return the cells of what only facts answer: each is read once, and its durations are counted one after the other."""
    groups, names = aliases(selection.keys("finished_at"))
    listed, chosen = names and f"{names}, ", selection.conditions(*OPERATION_KEY)
    edges = [
        f"SELECT {groups}{sign}::bigint AS n, touch_us, wait_us, lead_us FROM operation "  # noqa: S608 - as above
        f"WHERE {bounds('finished_at', edge, parameters)}{chosen}"
        for sign, edge in split.signed
    ]
    counted = " UNION ALL ".join(
        f"SELECT {listed}{number} AS number, {bucket(f'{name}_us')} AS bucket, sum(n) AS n "  # noqa: S608 - as above
        f"FROM edge WHERE {name}_us IS NOT NULL GROUP BY {listed}bucket"
        for number, name in enumerate(DURATIONS)
    )
    return [f"(WITH edge AS MATERIALIZED ({' UNION ALL '.join(edges)}) {counted})"] if edges else []


def _ranks(rounding: str) -> str:
    """Return the buckets in which the duration of each percentile's rank (from 0) lies: the first with more up to it."""
    found = (f"buckets[1 + width_bucket({rounding}({share} * (total - 1)), upto)]" for share in PERCENTILES)
    return f"ARRAY[{', '.join(found)}]"


_RANKED = f"""
WITH cell AS ({{cells}}), counted AS (
    SELECT {{names}}{{whole}} AS whole, number, bucket, sum(n::float8) AS n FROM cell GROUP BY {{sets}} HAVING sum(n::float8) > 0
), ranked AS (
    SELECT {{names}}whole, number, bucket,
           sum(n) OVER (PARTITION BY {{names}}whole, number ORDER BY bucket ROWS UNBOUNDED PRECEDING) AS upto
    FROM counted
), listed AS (
    SELECT {{names}}whole, number, max(upto) AS total, max(bucket) AS highest,
           array_agg(bucket ORDER BY bucket) AS buckets, array_agg(upto ORDER BY bucket) AS upto
    FROM ranked GROUP BY {{names}}whole, number
)
SELECT {{names}}whole, number, total, highest, {_ranks("floor")} AS lower, {_ranks("ceil")} AS upper FROM listed
"""  # noqa: S608 - as above
