"""Which sequence of activities each case has: read for `variants` alone, exactly, from the operations.

Operations are put in order once, by a number made of their case, which sorts several times quicker than its name does.
How far back they have to be read would be told by the case that began first, and one that waited for months makes that
most of the history: so the earliest hundredth of the cases is looked up case by case, as are all where they are few.

The cases that end in the second half of the period are left to a parallel worker; where none is free, one process does
both halves.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.indicators.selection import OF_OPERATIONS, Selection, key_of
from services.analytics.indicators.sums import Key
from services.analytics.indicators.zones import AFTER_ALL, BEFORE_ALL

LOOKED_UP = 10_000  # so many are few
EARLIEST = 0.01
SAME_CASE = "o.tenant_id = c.tenant_id AND o.process = c.process AND o.case_id = c.case_id"
# No scan of a half is shared: the rows of both would go through one process to be put in order there.
_WHOLE_SCANS = text("SELECT set_config('min_parallel_table_scan_size', '715827882', true)")
_CASE = "tenant_id, process, case_id, last_at"
_PATH = "array_agg(activity ORDER BY finished_at, seq)"


def of_case(columns: str, own: str = "", table: str = "operation") -> str:
    """Return the operations (or observations) of a case `c`, as a subquery that reads them through the index of cases.

    Of a tenant that its statistics do not know yet the planner expects one row, and would as soon read all operations of
    the tenant for each case, since they are in the order wanted. OFFSET keeps order, and joins, out of it.
    """
    return f"(SELECT {columns} FROM {table} AS o WHERE {SAME_CASE}{own} OFFSET 0)"  # noqa: S608 - names of columns; values are bound


@dataclass(frozen=True, slots=True)
class Halves:
    """Where the cases that end in a period are cut in two, and since when those of each half begin that are not looked up."""

    middle: datetime
    first: datetime
    second: datetime


async def count_variants(session: AsyncSession, selection: Selection, chosen: str) -> dict[Key | None, int]:
    """Return how many sequences there are in the whole (None) and in each group that has cases. `chosen` selects cases `c`."""
    halves = None if selection.as_of else await read_halves(session, selection, chosen)
    statement, parameters = variants_statement(selection, chosen, halves)
    return {
        None if row.whole else key_of(row, selection): row.variants
        for row in await session.execute(statement, parameters)
    }


async def read_halves(session: AsyncSession, selection: Selection, chosen: str) -> Halves:
    """Return the halves of a period; where there are few cases, all of both are looked up."""
    await session.execute(_WHOLE_SCANS)
    begin, end = selection.begin, selection.end
    if begin is None or end is None:
        ends = text(f"SELECT min(last_at) AS first, max(last_at) AS last FROM case_state AS c WHERE true{chosen}")  # noqa: S608 - names of columns; values are bound
        found = (await session.execute(ends, selection.parameters)).one()
        begin, end = begin or found.first or BEFORE_ALL, end or found.last or AFTER_ALL
    middle = begin + (end - begin) / 2
    earliest = f"percentile_disc({EARLIEST}) WITHIN GROUP (ORDER BY first_at) FILTER (WHERE last_at"
    statement = text(f"""
        SELECT count(*) AS cases, {earliest} < :middle) AS first, {earliest} >= :middle) AS second
        FROM case_state AS c WHERE true{chosen}""")  # noqa: S608 - as above
    found = (await session.execute(statement, selection.parameters | {"middle": middle})).one()
    if found.cases <= LOOKED_UP:
        return Halves(middle, AFTER_ALL, AFTER_ALL)
    return Halves(middle, found.first or AFTER_ALL, found.second or AFTER_ALL)


def variants_statement(selection: Selection, chosen: str, halves: Halves | None) -> tuple[TextClause, dict[str, Any]]:
    """Return the statement that counts the sequences of the cases `c` that are chosen, whole and by group.

    A sequence is compared as a whole, not by a digest. A case without operations has none. Without halves, which would
    each make all facts known then anew, all is read in one pass.
    """
    named, names, members = case_groups(selection)
    listed = names and f"{names}, "

    def told(*parts: str) -> str:
        return " UNION ALL ".join(
            f"SELECT DISTINCT {listed}path FROM (SELECT {named}path FROM ({part}) AS c {members}) AS named"  # noqa: S608 - as above
            for part in parts
        )

    parameters = dict(selection.parameters)
    process = selection.conditions("process")
    if halves is None:
        until = " AND finished_at < :end" if selection.end else ""
        parts = {"passed": told(_in_one_pass(f"true{until}{process}", f"true{chosen}"))}
    else:
        parameters |= {"middle": halves.middle, "first": halves.first, "second": halves.second}
        end = "finished_at < :end" if selection.end else "true"
        passes = [
            _in_one_pass(
                f"finished_at >= :first AND finished_at < :middle{process}",
                f"first_at >= :first AND last_at < :middle{chosen}",
            ),
            _in_one_pass(
                f"finished_at >= :second AND {end}{process}", f"first_at >= :second AND last_at >= :middle{chosen}"
            ),
        ]
        # Beside cases that are looked up no half would be left to a worker: these are a part of their own.
        parts = {"passed": told(*passes), "looked_up": told(_case_by_case(chosen))}
        if min(halves.first, halves.second) == AFTER_ALL:
            parts.pop("passed")
    together = " UNION ALL ".join(f"SELECT * FROM {name}" for name in parts)  # noqa: S608 - as above
    by_group = f"SELECT {listed}false AS whole, count(DISTINCT path) AS variants FROM told GROUP BY {names} UNION ALL"  # noqa: S608 - as above
    statement = text(f"""
        WITH {"".join(f"{name} AS MATERIALIZED ({part}), " for name, part in parts.items())}
             told AS MATERIALIZED ({together})
        {by_group if names else ""}
        SELECT {"NULL, " * len(selection.group_by)}true AS whole, count(DISTINCT path) AS variants FROM told""")  # noqa: S608 - as above
    return statement, parameters


def _in_one_pass(operations: str, cases: str) -> str:
    """Return cases `c`, each with the sequence of its operations; conditions say which of both are read.

    Of a tenant that its statistics do not know yet the planner expects one case, and a nested loop would go through all
    cases for each of them. A full join, of which only what both sides have is kept, has no nested loop: neither
    condition on it may be one that NULL fails, or the planner would make an inner join of it.

    Its case is named by one side alone. USING would make coalesce(both) of it, which row-level security lets near no
    index: what is looked up by case then would read all operations of the tenant for each.
    """
    return f"""
        SELECT chosen.*, path
        FROM (SELECT process, case_id, {_PATH} AS path
              FROM (SELECT hashtextextended(case_id, hashtext(process)) AS place, process, case_id, activity, finished_at, seq
                    FROM operation WHERE {operations}
                    ORDER BY place, process, case_id, finished_at, seq) AS ordered
              GROUP BY place, process, case_id) AS passed
        FULL JOIN (SELECT {_CASE}, true AS is_chosen FROM case_state AS c WHERE {cases}) AS chosen
            ON passed.process = chosen.process AND passed.case_id = chosen.case_id
        WHERE coalesce(is_chosen, false) AND coalesce(cardinality(path), 0) > 0"""  # noqa: S608 - as above


def _case_by_case(chosen: str) -> str:
    return f"""
        SELECT * FROM (SELECT {_CASE}, (SELECT {_PATH} FROM {of_case("activity, finished_at, seq")} AS o) AS path
                       FROM case_state AS c
                       WHERE first_at < CASE WHEN last_at < :middle THEN cast(:first AS timestamptz) ELSE :second END{chosen}
                       OFFSET 0) AS each
        WHERE path IS NOT NULL"""  # noqa: S608 - as above


def case_groups(selection: Selection) -> tuple[str, str, str]:
    """Return the group expressions over cases `c` with their names, the names alone, and a join.

    The join brings what only operations of a case have: a case stands in each group in which it has one.
    """
    per_operation = [name for name in selection.group_by if name in OF_OPERATIONS]
    keys = [
        f"m.{name}" if name in OF_OPERATIONS else key
        for name, key in zip(selection.group_by, selection.keys("c.last_at"), strict=True)
    ]
    named = "".join(f"{'c.process' if key == 'process' else key} AS g{i}, " for i, key in enumerate(keys))
    names = ", ".join(f"g{i}" for i in range(len(keys)))
    columns = ", ".join(per_operation)
    members = f"(SELECT DISTINCT {columns} FROM {of_case(columns, selection.conditions(*OF_OPERATIONS))} AS o)"  # noqa: S608 - as above
    return named, names, f"CROSS JOIN LATERAL {members} AS m" if per_operation else ""
