"""What questions read of tables, and what of it parallel workers can take over: seen in PostgreSQL's plans."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.indicators import sequences
from services.analytics.indicators.cases import cases_chosen
from services.analytics.indicators.percentiles import histogram_statement
from services.analytics.indicators.selection import Selection
from services.analytics.indicators.sequences import read_halves, variants_statement
from tests.analytics.feeding import MINUTE, T0, answer, feed, operation
from tests.fixtures.services import Harness

# So few rows are left to workers only if that costs nothing.
CHEAP = {"parallel_setup_cost": "0", "parallel_tuple_cost": "0", "min_parallel_table_scan_size": "0"}
MONTH = Selection(begin=T0 - timedelta(days=15), end=T0 + timedelta(days=15), exact=True)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


async def configure(session: AsyncSession, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        await session.execute(text("SELECT set_config(:name, :value, true)"), {"name": name, "value": value})


async def explain(session: AsyncSession, statement: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    explained = (await session.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"), parameters)).scalar_one()
    return list(nodes(explained[0]["Plan"]))


async def test_half_of_the_cases_is_left_to_a_worker(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequences, "LOOKED_UP", 0)
    await feed(analytics, [operation(tenant, f"c{n}", minutes=3, finished_at=T0 + n * MINUTE) for n in range(40)])
    async with analytics.runtime.database.session(tenant) as session:
        await configure(session, CHEAP)
        halves = await read_halves(session, MONTH, cases_chosen(MONTH))
        statement, parameters = variants_statement(MONTH, cases_chosen(MONTH), halves)
        cases = await explain(session, statement.text, parameters)
    shared = next(node for node in cases if node["Node Type"] == "Append" and node["Parallel Aware"])
    assert len(shared["Plans"]) == 2


async def test_a_filter_reads_the_rows_of_its_keys_alone(analytics: Harness, tenant: str) -> None:
    work = [operation(tenant, f"c{n}", f"a{n % 9}", minutes=3, finished_at=T0 + n * MINUTE) for n in range(36)]
    await feed(analytics, work)
    async with analytics.runtime.database.session(tenant) as session:
        await configure(
            session, {"enable_seqscan": "off", "enable_bitmapscan": "off"}
        )  # as good for a table of one page
        statement, parameters = histogram_statement(Selection(activity="a1"))
        plan = await explain(session, statement.text, parameters)
        counted = (await session.execute(text("SELECT count(*) FROM rollup_histogram"))).scalar_one()
    read = [node for node in plan if "place >=" in node.get("Index Cond", "")]  # beside the first and the last of all
    rows = sum(node["Actual Rows"] * node["Actual Loops"] for node in read)
    assert rows == 1, "the row of the key"
    assert counted == 10


async def test_answers_are_counted_from_their_index(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [answer(tenant, 4, at=T0 + n * MINUTE) for n in range(20)])
    async with analytics.runtime.database.session(tenant) as session:
        await configure(session, dict.fromkeys(("enable_seqscan", "enable_bitmapscan"), "off"))
        statement = (
            "SELECT sum(score) FROM survey_response WHERE process = 'p' AND team = 'ap' AND answered_at >= :begin"
        )
        plan = await explain(session, statement, {"begin": T0})
    assert [node["Node Type"] for node in plan] == ["Aggregate", "Index Only Scan"]
