"""Exact percentiles of durations without putting all of them in order.

Histograms tell in which buckets the ranks lie. One pass over the facts counts what is below, in and between these
buckets, and keeps the few durations in them, which alone are sorted. Every count is of the facts themselves: histograms
only say where to look, and where they are wrong (facts that a consumer of an older version stored) a rank is not found.
"""

from collections.abc import Iterable
from math import ceil, floor
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.indicators.selection import Selection
from services.analytics.indicators.sums import PERCENTILES, Quantiles, Times
from services.analytics.operations.histograms import DURATIONS, GAMMA, OPERATION_KEY

MOST = 10_000_000  # durations: all of them could be alike, and what is kept is kept in memory
_NOWHERE = [2**62]  # no duration is as long: none is kept, and none found
_MICROSECONDS = 1e6
_MARGIN = 1e-9  # more than any two logarithms differ by
# Where an operation's durations lie, in one number, whose values the planner expects to be few: it hashes, and does not sort.
_BITS, _MASK = 5, 31
_UNKNOWN = 30  # of a duration; eight buckets at most make sixteen edges, and what is kept has an odd number


def is_looked_for(selection: Selection) -> bool:
    """Tell whether there is one whole, of which the histogram of all keys knows the most."""
    chosen = any(getattr(selection, name) is not None for name in OPERATION_KEY)
    return selection.by_whole_days and not (selection.group_by or chosen or selection.working or selection.as_of)


def edges_of(buckets: Iterable[int]) -> list[int]:
    """Return the ascending bounds of the durations in buckets: from the first until before the second, and so on."""
    edges: list[int] = []
    for bucket in sorted(set(buckets)):
        low = floor(GAMMA ** (bucket - 2) * (1 - _MARGIN)) if bucket else 0
        high = ceil(GAMMA ** (bucket - 1) * (1 + _MARGIN)) + 1 if bucket else 1
        if edges and low <= edges[-1]:
            edges[-1] = high
        else:
            edges += [low, high]
    return edges


async def find_times(session: AsyncSession, selection: Selection, ranks: Iterable[Row[Any]]) -> Times | None:
    """Return the percentiles, given what the histograms say of the ranks; None where they do not lead to them."""
    edges = dict.fromkeys(DURATIONS, _NOWHERE)
    for row in ranks:
        if row.total > MOST:
            return None
        edges[DURATIONS[row.number]] = edges_of([*row.lower, *row.upper])
    found: dict[str, Quantiles] = {}
    for row in await session.execute(_statement(selection), {**selection.parameters, **edges}):
        if None in (*row.lower, *row.upper):
            return None
        levels = zip(PERCENTILES, row.lower, row.upper, strict=True)
        values = [
            _between(share * (row.total - 1), low / _MICROSECONDS, high / _MICROSECONDS) for share, low, high in levels
        ]
        found[DURATIONS[row.number]] = Quantiles.of(values, row.highest / _MICROSECONDS)
    return Times(**found)


def _between(rank: float, low: float, high: float) -> float:
    """Interpolate as `percentile_cont` does, to the bit."""
    return low + (rank - floor(rank)) * (high - low)


def _each(row: str, between: str = ", ") -> str:
    return between.join(row.format(n=n, name=name, shift=n * _BITS, mask=_MASK) for n, name in enumerate(DURATIONS))


def _statement(selection: Selection) -> TextClause:
    """Return the statement.

    OFFSET keeps each place from being computed once for each mention. Written as a text it is a constant from the start;
    a number would be cast first, and the planner gives no parallel workers to what might leave out rows.
    """
    ranks = {
        name: ", ".join(
            f"min(us) FILTER (WHERE below + place = {name}({share} * (total - 1)))" for share in PERCENTILES
        )
        for name in ("floor", "ceil")
    }
    slot = f"(coalesce(width_bucket({{name}}_us, cast(:{{name}} AS bigint[])), {_UNKNOWN}) << {{shift}})"
    place = _each(slot, " | ")
    kept = _each("SELECT {n} AS number, place >> {shift} & {mask} AS slot, unnest(v{n}) AS us", " UNION ALL ")
    return text(f"""
        WITH placed AS (
            SELECT {", ".join(f"{name}_us" for name in DURATIONS)}, {place} AS place
            FROM operation WHERE true{selection.within("finished_at")} OFFSET '0'
        ), met AS MATERIALIZED (
            SELECT place, count(*) AS n,
                   {_each("max({name}_us) AS m{n}, array_agg({name}_us) FILTER (WHERE place >> {shift} & 1 = 1) AS v{n}")}
            FROM placed GROUP BY place
        ), slot AS (
            SELECT number, slot, sum(n) AS n, max(highest) AS highest
            FROM met CROSS JOIN LATERAL (VALUES {_each("({n}, place >> {shift} & {mask}, m{n})")}) AS of (number, slot, highest)
            WHERE slot <> {_UNKNOWN} GROUP BY number, slot
        ), counted AS (
            SELECT number, slot, (sum(n) OVER (PARTITION BY number ORDER BY slot) - n)::bigint AS below,
                   (sum(n) OVER (PARTITION BY number))::float8 AS total, max(highest) OVER (PARTITION BY number) AS highest
            FROM slot
        ), kept AS (
            SELECT number, slot, us, row_number() OVER (PARTITION BY number, slot ORDER BY us) - 1 AS place
            FROM met CROSS JOIN LATERAL ({kept}) AS of
        )
        SELECT number, total, highest, ARRAY[{ranks["floor"]}] AS lower, ARRAY[{ranks["ceil"]}] AS upper
        FROM counted LEFT JOIN kept USING (number, slot) GROUP BY number, total, highest""")  # noqa: S608 - names of columns; values are bound
