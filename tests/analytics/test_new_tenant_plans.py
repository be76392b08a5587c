"""No question reads all operations of a tenant for each of its cases before statistics know the tenant."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import event as listeners
from sqlalchemy import text

from services.analytics.indicators.sequences import LOOKED_UP
from tests.analytics.explaining import OF_CASES
from tests.analytics.test_process_edges import nodes_of
from tests.fixtures.services import Harness

OPERATIONS, CASES = 3_000, 600
_FILL = text(f"""
INSERT INTO operation (tenant_id, id, process, activity, case_id, actor_kind, actor_id, team, requested_at, started_at,
                       finished_at, touch_us, wait_us, lead_us, estimated, outcome, currency, known_at)
SELECT :tenant, gen_random_uuid(), 'p', 'A' || n % 7, 'c' || n % {CASES}, 'person', 'x', 'T' || n % 4, at, at, at, 0, 0, 0,
       false, 'done', '', at
FROM (SELECT n, timestamptz '2026-01-01' + n * interval '1 hour' AS at FROM generate_series(1, :n) AS n) AS made""")
_CASES = text("""
INSERT INTO case_state (tenant_id, process, case_id, first_at, last_at, operations, events, person_n, automation_n,
                        defect_n, rework_n, activities)
SELECT tenant_id, process, case_id, min(started_at), max(finished_at), count(*), 2 * count(*), count(*), 0, 0, 0,
       array_agg(DISTINCT activity ORDER BY activity)
FROM operation WHERE tenant_id = :tenant GROUP BY 1, 2, 3""")
NEW = "t-of-no-statistics"


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def _filled(analytics: Harness) -> None:
    async def fill(tenant: str, n: int) -> None:
        async with analytics.runtime.worker.session(None) as session:
            await session.execute(_FILL, {"tenant": tenant, "n": n})
            await session.execute(_CASES, {"tenant": tenant})
            await session.commit()

    await fill("o-known-to-statistics", 20_000)
    connection = await asyncpg.connect(analytics.runtime.url)
    await connection.execute("ANALYZE analytics.operation; ANALYZE analytics.case_state")
    await connection.close()
    await fill(NEW, OPERATIONS)


@contextmanager
def noted(analytics: Harness) -> Iterator[list[Any]]:
    asked: list[Any] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        asked.append((statement, parameters))

    engine = analytics.runtime.database.engine.sync_engine
    listeners.listen(engine, "before_cursor_execute", note)
    yield asked
    listeners.remove(engine, "before_cursor_execute", note)


async def most_rows(analytics: Harness, statements: list[Any]) -> int:
    """Carry out an answer's statements again; return through how many rows all steps of the worst of them went."""
    most = 0
    async with analytics.runtime.database.transaction(NEW) as session:
        connection = await session.connection()
        for statement, parameters in statements:
            if "operation" not in statement:
                if "set_config" in statement or statement.startswith("SET"):
                    await connection.exec_driver_sql(statement, parameters)
                continue
            explained = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
            found = explained.scalar_one()
            plan = (found if isinstance(found, list) else msgspec.json.decode(found))[0]["Plan"]
            most = max(most, sum(map(_rows_of, nodes_of(plan))))
    return most


def _rows_of(node: dict[str, Any]) -> int:
    names = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter", "Rows Removed by Index Recheck")
    return int(sum(node.get(name, 0) for name in names) * node["Actual Loops"])


PERIODS: tuple[dict[str, str], ...] = ({}, {"from": "2026-01-01", "to": "2027-01-01"})
FILTERS: tuple[dict[str, str], ...] = ({}, {"activity": "A3"}, {"team": "T1", "actor_kind": "person"})
MOMENTS: tuple[dict[str, str], ...] = ({}, {"as_of": datetime(2026, 6, 1, tzinfo=UTC).isoformat()})
GROUPS: tuple[dict[str, Any], ...] = ({}, {"group_by": ["team"]}, {"group_by": ["activity", "month"]})
QUESTIONS: dict[str, list[dict[str, Any]]] = {
    **{f"processes/p/{what}": [*PERIODS] for what in ("edges", "variants")},
    **{f"processes/p/{what}": [{"idle": 3_000, **during} for during in PERIODS] for what in ("cases", "queues")},
    "kpis": [
        {"exact": "true", **during, **group, **moment} for during in PERIODS for group in GROUPS for moment in MOMENTS
    ],
    **{f"kpis/{kpi}/explanation": [{**PERIODS[1], **moment} for moment in MOMENTS] for kpi in OF_CASES[:2]},
    "kpis/no_touch_rate/explanation": [
        {"from": "2026-03-01", "compare_to_to": "2026-03-01", "by": by, **moment}
        for by in ("activity", "team", "process")
        for moment in MOMENTS
    ],
}


@pytest.mark.parametrize("looked_up", [0, LOOKED_UP])
@pytest.mark.parametrize("what", QUESTIONS)
async def test_no_case_reads_all_operations(
    analytics: Harness, what: str, looked_up: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each row may go through some dozen steps of the plan, but not once for every case."""
    monkeypatch.setattr("services.analytics.indicators.sequences.LOOKED_UP", looked_up)
    for asked in QUESTIONS[what]:
        for filters in FILTERS:
            with noted(analytics) as statements:
                async with analytics.client(NEW, "viewer") as client:
                    answered = await client.get(f"/analytics/{what}", params={**asked, **filters})
            assert answered.status_code == 200, answered.text
            rows = await most_rows(analytics, statements)
            assert OPERATIONS / 100 < rows < CASES / 15 * OPERATIONS, (asked, filters)
