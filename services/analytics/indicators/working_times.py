"""Waits and lead times in working time: sums and percentiles from facts, in one statement."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.calendars.measuring import microseconds, open_before, place
from services.analytics.indicators.percentiles import INTERPOLATED
from services.analytics.indicators.selection import Selection, aliases, key_of
from services.analytics.indicators.sums import Key, Quantiles, Times
from services.analytics.operations.histograms import DURATIONS, OPERATION_KEY

_SUMS = ("wait_n", "wait_us", "lead_n", "lead_us")


async def read_working_times(
    session: AsyncSession, selection: Selection
) -> list[tuple[Key | None, Times, Mapping[str, int]]]:
    """Return percentiles (without `details` none) and sums of the whole (None) and of each group with an operation.

    Touch times are as measured: work is work, also at night.
    """
    rows = await session.execute(working_times_statement(selection), selection.parameters)
    return [_read(row, selection) for row in rows]


def _read(row: Any, selection: Selection) -> tuple[Key | None, Times, Mapping[str, int]]:
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row by column
    times = Times(*(Quantiles.of(values[name], values[f"{name}_max"]) for name in DURATIONS))
    sums = {name: int(values[name]) for name in _SUMS}
    return (None if row.whole else key_of(row, selection)), times, sums


def working_times_statement(selection: Selection) -> TextClause:
    """Return the statement. Moments are counted back from the finish by the durations that are known of an operation.

    OFFSET 0 keeps the planner from computing a moment and its place once for each mention.
    """
    groups, names = aliases(selection.keys("finished_at"))
    listed = names and f"{names}, "
    finished, requested, started = (
        open_before(f"{name}_at", f"{name}_place") for name in ("finished", "requested", "started")
    )
    moments = ("finished_at", "requested_at", "started_at")
    places = ", ".join(f"{place(name)} AS {name.removesuffix('_at')}_place" for name in moments)
    figures = ", ".join(
        f"{INTERPOLATED.format(value=f'{name}_us / 1e6::float8') if selection.details else 'NULL::float8[]'} AS {name}, "
        f"max({name}_us) / 1e6::float8 AS {name}_max"
        for name in DURATIONS
    )
    return text(f"""
        SELECT {listed}{f"grouping({names})" if names else "1"} AS whole, {figures},
               count(wait_us) AS wait_n, coalesce(sum(wait_us), 0) AS wait_us,
               count(lead_us) AS lead_n, coalesce(sum(lead_us), 0) AS lead_us
        FROM (SELECT {listed}touch_us, started - requested AS wait_us, finished - requested AS lead_us
              FROM (SELECT {listed}touch_us, {finished} AS finished, {requested} AS requested, {started} AS started
                    FROM (SELECT *, {places}
                          FROM (SELECT *, finished_at - lead_us AS requested_at, finished_at - lead_us + wait_us AS started_at
                                FROM (SELECT {groups}touch_us, wait_us, lead_us, {microseconds("finished_at")} AS finished_at
                                      FROM operation
                                      WHERE true{selection.conditions(*OPERATION_KEY)}{selection.within("finished_at")}
                                      OFFSET 0) AS chosen OFFSET 0) AS moved OFFSET 0) AS placed OFFSET 0) AS opened) AS measured
        {f"GROUP BY GROUPING SETS (({names}), ())" if names else ""}""")  # noqa: S608 - names of columns; values are bound
