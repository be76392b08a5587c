"""Which sequence of activities each case has: read for `variants` alone, exactly, from the operations.

Operations are put in order once, by a number made of their case, which sorts several times quicker than its name does.
How far back they have to be read would be told by the case that began first, and one that waited for months makes that
most of the history: so the earliest hundredth of the cases is looked up case by case, as are all where they are few.

Half of the cases is left to a parallel worker, by that number; where none is free, one process does both halves.
"""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.indicators.selection import Selection
from services.analytics.indicators.zones import AFTER_ALL, BEFORE_ALL

LOOKED_UP = 10_000  # so many are few
EARLIEST = 0.01
SAME_CASE = "o.tenant_id = c.tenant_id AND o.process = c.process AND o.case_id = c.case_id"
HALVES = (0, 1)
_PLACE = "hashtextextended(case_id, hashtext(process))"
# Of what is read in halves no scan is shared: the planner, which expects few rows of half a scan, would gather them all in
# one process to group them there.
_WHOLE_SCANS = "set_config('min_parallel_table_scan_size', '715827882', true)"
_PATH = "array_agg(activity ORDER BY finished_at, seq)"


async def bind_sequences(session: AsyncSession, selection: Selection, chosen: str) -> dict[str, Any]:
    """Return what `told_apart` needs to know: from when on a case begins that is not looked up. `chosen` selects cases `c`."""
    if selection.as_of is not None:  # cases are folded from all that was known: to ask twice would take twice as long
        return {"since": BEFORE_ALL}
    statement = text(f"""
        SELECT count(*) AS cases, percentile_disc({EARLIEST}) WITHIN GROUP (ORDER BY first_at) AS since, {_WHOLE_SCANS}
        FROM case_state AS c WHERE true{chosen}""")  # noqa: S608 - names of columns; values are bound
    found = (await session.execute(statement, selection.parameters)).one()
    return {"since": AFTER_ALL if found.cases <= LOOKED_UP else found.since}


def told_apart(selection: Selection, since: Any) -> str:
    """Return the parts of a statement that give each case of its part `picked` the number of its variant, as `chosen`.

    A sequence is compared as a whole, not by a digest. A case without operations has none. Of a tenant that its statistics
    do not know yet the planner expects one case, and a nested loop would go through all cases for each of them: a full join,
    which has no nested loop, and of which the rows picked are kept, is never one.
    """
    until = " AND finished_at < :end" if selection.end else ""
    chosen = f"finished_at >= :since{until}{selection.conditions('process')}"
    # Of the past, each half would make all facts known then anew.
    halves = ["true"] if selection.as_of else [f"{_PLACE} & 1 = {half}" for half in HALVES]
    in_order = " UNION ALL ".join(
        f"""
        SELECT process, case_id, false AS early, {_PATH} AS activities
        FROM (SELECT {_PLACE} AS place, process, case_id, activity, finished_at, seq
              FROM operation WHERE {chosen} AND {half}
              ORDER BY place, process, case_id, finished_at, seq) AS ordered
        GROUP BY place, process, case_id"""  # noqa: S608 - as above
        for half in halves
    )
    in_one_pass = since < AFTER_ALL
    return f"""
    {f", passed AS MATERIALIZED ({in_order})" if in_one_pass else ""}, path AS MATERIALIZED (
        SELECT process, case_id, true AS early, (SELECT {_PATH} FROM operation AS o WHERE {SAME_CASE}) AS activities
        FROM picked AS c WHERE first_at < :since{" UNION ALL SELECT * FROM passed" if in_one_pass else ""}
    ), told AS MATERIALIZED (
        SELECT unnest(processes) AS process, unnest(case_ids) AS case_id, unnest(earlies) AS early, variant
        FROM (SELECT row_number() OVER () AS variant, array_agg(process) AS processes, array_agg(case_id) AS case_ids,
                     array_agg(early) AS earlies
              FROM path WHERE activities IS NOT NULL GROUP BY activities) AS alike
    ), chosen AS MATERIALIZED (
        SELECT found.*, told.variant
        FROM (SELECT *, true AS is_picked FROM picked) AS found FULL JOIN told
          ON (told.process, told.case_id, told.early) = (found.process, found.case_id, found.first_at < :since)
        WHERE coalesce(is_picked, false)
    )"""  # noqa: S608 - as above
