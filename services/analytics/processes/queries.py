"""Edges, variants and manual work of a process: one statement each. Row-level security holds them to the tenant.

Sequences are those of whole cases: a filter or a period chooses among edges and cases, and never makes two operations
neighbours that were not.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.indicators.queries import operations_statement
from services.analytics.indicators.selection import OF_OPERATIONS, Selection
from services.analytics.indicators.sequences import of_case
from services.analytics.indicators.sums import OperationSums
from services.analytics.operations.requester import is_requesters
from services.analytics.processes.rules import Manual, rank
from services.analytics.processes.schemas import MAX_SHOWN

MICROSECONDS = "(extract(epoch FROM {span}) * 1000000)::bigint"
_MEDIAN = "percentile_cont(0.5) WITHIN GROUP (ORDER BY {value} / 1e6::float8)"
_ORDERS = {"wait": "wait_us DESC NULLS LAST, elapsed_us DESC", "elapsed": "elapsed_us DESC, wait_us DESC NULLS LAST"}
# Of every case the operations are read once and grouped with their case. A join would do, but for a tenant that the
# table's statistics do not know yet the planner expects one row, and reads all operations again for every case.
# For the same reason a filter does not look for an operation of each case (EXISTS), but counts those in the group.
_EVERY_PATH = """
    SELECT case_id, max(first_at) AS first_at, max(last_at) AS last_at,
           array_agg(activity ORDER BY finished_at, seq) FILTER (WHERE activity IS NOT NULL) AS activities
    FROM (
        SELECT case_id, first_at, last_at, NULL AS activity, NULL AS team, NULL AS actor_kind,
               NULL::timestamptz AS finished_at, NULL::bigint AS seq
        FROM chosen
        UNION ALL
        SELECT case_id, NULL, NULL, activity, team, actor_kind, finished_at, seq FROM operation WHERE process = :process
    ) AS part
    GROUP BY case_id HAVING count(first_at) > 0 AND count(activity) FILTER (WHERE true{own}) > 0"""
_ITS_OPERATIONS = (
    f"CROSS JOIN LATERAL {of_case('case_id, activity, team, actor_kind, started_at, finished_at, estimated, seq')} AS o"
)
_FEW_PATHS = f"""
    SELECT c.case_id, c.first_at, c.last_at, array_agg(o.activity ORDER BY o.finished_at, o.seq) AS activities
    FROM chosen AS c {_ITS_OPERATIONS}
    GROUP BY c.case_id, c.first_at, c.last_at HAVING count(*) FILTER (WHERE true{{own}}) > 0"""  # noqa: S608 - as above


def _alive(selection: Selection) -> tuple[str, str]:
    """Return the cases alive in the period as a CTE, and what to read operations from; every case where none is set."""
    begin = " AND last_at >= :begin" if selection.begin else ""
    end = " AND first_at < :end" if selection.end else ""
    if not begin and not end:
        return "", "operation AS o WHERE process = :process"
    columns = "tenant_id, process, case_id"
    cases = f"alive AS MATERIALIZED (SELECT {columns} FROM case_state WHERE process = :process{begin}{end}), "  # noqa: S608 - as above
    return cases, f"alive AS c {_ITS_OPERATIONS}"


async def read_edges(session: AsyncSession, selection: Selection, order: str, top: int) -> list[Row[Any]]:
    """Return the first `top` edges; every row says how many edges and steps there are in all."""
    alive, operations = _alive(selection)
    statement = text(f"""
        WITH {alive}step AS (
            SELECT o.case_id, activity, team, actor_kind, finished_at,
                   CASE WHEN NOT estimated THEN started_at END AS begun_at,
                   lag(activity) OVER of_case AS source, lag(finished_at) OVER of_case AS left_at
            FROM {operations}
            WINDOW of_case AS (PARTITION BY o.case_id ORDER BY finished_at, seq)
        ), edge AS (
            SELECT source, activity AS target, case_id, begun_at < left_at AS overlapping,
                   CASE WHEN begun_at < left_at THEN 0 ELSE {MICROSECONDS.format(span="begun_at - left_at")} END AS wait_us,
                   {MICROSECONDS.format(span="finished_at - left_at")} AS elapsed_us
            FROM step
            WHERE source IS NOT NULL{selection.conditions(*OF_OPERATIONS)}{selection.within("finished_at")}
        ), summed AS (
            SELECT source, target, count(*) AS n, count(DISTINCT case_id) AS cases,
                   count(wait_us) AS wait_n, sum(wait_us) AS wait_us, count(*) FILTER (WHERE overlapping) AS overlap_n,
                   {_MEDIAN.format(value="wait_us")} AS wait_median,
                   sum(elapsed_us) AS elapsed_us, {_MEDIAN.format(value="elapsed_us")} AS elapsed_median
            FROM edge GROUP BY source, target
        )
        SELECT *, count(*) OVER () AS edges, sum(n) OVER () AS steps FROM summed
        ORDER BY {_ORDERS[order]}, source COLLATE "C", target COLLATE "C" LIMIT :top""")  # noqa: S608 - as above
    return list((await session.execute(statement, {**selection.parameters, "top": top})).all())


async def read_variants(
    session: AsyncSession, selection: Selection, after: tuple[int, UUID] | None, limit: int
) -> list[Row[Any]]:
    """Return variants after a place in the order of cases and id.

    Every row says how many variants and cases there are in all; where there is none, a row without id does.
    """
    place = {"cases": after[0], "id": after[1]} if after else {}
    period = selection.within("last_at")
    path = (_FEW_PATHS if period else _EVERY_PATH).format(own=selection.conditions(*OF_OPERATIONS))
    statement = text(f"""
        WITH chosen AS MATERIALIZED (
            SELECT c.* FROM case_state AS c WHERE process = :process AND operations > 0{period}
        ), path AS ({path}), variant AS MATERIALIZED (
            SELECT md5(activities::text)::uuid AS id, activities[1 : {MAX_SHOWN}] AS activities,
                   cardinality(activities) AS length, count(*) AS cases,
                   sum({MICROSECONDS.format(span="last_at - first_at")}) AS duration_us,
                   {_MEDIAN.format(value=MICROSECONDS.format(span="last_at - first_at"))} AS median,
                   min(first_at) AS first_at, max(last_at) AS last_at
            FROM path GROUP BY path.activities
        ), page AS (
            SELECT * FROM variant {"WHERE (cases, id) < (:cases, :id)" if after else ""}
            ORDER BY cases DESC, id DESC LIMIT :limit
        )
        SELECT whole.variants, whole.every, page.*
        FROM (SELECT count(*) AS variants, coalesce(sum(cases), 0)::bigint AS every FROM variant) AS whole
        LEFT JOIN page ON true ORDER BY page.cases DESC, page.id DESC""")  # noqa: S608 - as above
    parameters = {**selection.parameters, **place, "limit": limit}
    return list((await session.execute(statement, parameters)).all())


async def read_manual_work(session: AsyncSession, selection: Selection) -> list[Manual]:
    """Return what people did, by activity and most hours first, from roll-ups; the requester's own is left out."""
    statement, parameters = operations_statement(selection)
    sums: dict[str, OperationSums] = {}
    for row in await session.execute(statement, parameters):
        values = {name: value or 0 if name != "paid_in" else value for name, value in row._mapping.items()}  # noqa: SLF001 - SQLAlchemy's public name for a row by column
        sums.setdefault(row.g0, OperationSums()).add(values)
    return rank(
        Manual(name, each.n, each.touch_n, each.touch_us) for name, each in sums.items() if not is_requesters(name)
    )
