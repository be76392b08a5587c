"""What a process is asked is answered case by case also before statistics know its tenant."""

import re
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.indicators.selection import Selection
from services.analytics.processes.queries import read_edges, read_variants
from tests.fixtures.services import Harness

_FILL = text("""
INSERT INTO operation (tenant_id, id, process, activity, case_id, actor_kind, actor_id, team, started_at, finished_at,
                       estimated, outcome, currency, known_at)
SELECT :tenant, gen_random_uuid(), 'p', 'A' || n % 7, 'c' || n / 5, 'person', 'x', 'T' || n % 4, at, at,
       false, 'done', '', at
FROM (SELECT n, timestamptz '2026-01-01' + n * interval '1 min' AS at FROM generate_series(0, 19999) AS n) AS made""")
_CASES = text("""
INSERT INTO case_state (tenant_id, process, case_id, first_at, last_at, operations, events, person_n, automation_n,
                        defect_n, rework_n)
SELECT tenant_id, process, case_id, min(started_at), max(finished_at), count(*), 2 * count(*), count(*), 0, 0, 0
FROM operation WHERE tenant_id = :tenant GROUP BY 1, 2, 3""")


class Explaining:
    """A session whose statements are explained instead of carried out."""

    def __init__(self, session: AsyncSession) -> None:
        self._session, self.plan = session, ""

    async def execute(self, statement: TextClause, values: Any) -> Any:
        found = await self._session.execute(text(f"EXPLAIN {statement.text}"), values)
        self.plan = "\n".join(row[0] for row in found)
        return found


@pytest.mark.parametrize("filters", [{}, {"activity": "A3"}, {"team": "T1", "actor_kind": "person"}])
async def test_no_case_reads_all_operations_before_statistics_know_the_tenant(
    analytics: Harness, tenant: str, other_tenant: str, filters: dict[str, str]
) -> None:
    async with analytics.runtime.worker.session(None) as session:
        for statement in (_FILL, _CASES):
            await session.execute(statement, {"tenant": other_tenant})
        await session.commit()
    connection = await asyncpg.connect(analytics.runtime.url)
    await connection.execute("ANALYZE analytics.operation; ANALYZE analytics.case_state")
    await connection.close()
    asked: dict[str, Any] = {"activity": None, "team": None, "actor_kind": None, **filters}
    period = {"begin": datetime(2026, 1, 1, tzinfo=UTC), "end": datetime(2027, 1, 1, tzinfo=UTC)}
    for during in (period, {"begin": None, "end": None}):
        selection = Selection(process="p", group_by=(), details=True, exact=True, **during, **asked)
        for read in (read_edges, read_variants):
            async with analytics.runtime.database.session(tenant) as session:
                explaining: Any = Explaining(session)
                if read is read_edges:
                    await read_edges(explaining, selection, "wait", 20)
                else:
                    await read_variants(explaining, selection, None, 50)
            by_case = re.search(r"Index Cond: .*\(case_id = c(_1)?\.case_id\)", explaining.plan) is not None
            joined = "Join Filter" in explaining.plan or "SubPlan" in explaining.plan
            assert (by_case, joined) == (during is period, False), explaining.plan
