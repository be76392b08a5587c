"""The views of `bi_v1` as a BI tool meets them: by a login of its own, which tries everything it may."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from services.analytics.bands.defaults import DEFAULTS
from services.analytics.indicators.definitions import DEFINITIONS
from shared.db import asyncpg_url
from shared.migrations import configuration, migrate
from tests.analytics.feeding import MINUTE, T0, answer, feed, kpis, operation, withdrawal
from tests.fixtures.services import Harness, create_database

README = Path(__file__).parents[2] / "services/analytics/README.md"
VIEWS = ("operations", "rollup_hours", "cases", "kpi_definitions", "kpi_bands")


def example(login: str, tenant: str) -> str:
    """Return what the README tells an administrator to carry out, for another login and tenant."""
    (block,) = re.findall(r"```sql\n(CREATE ROLE acme_bi.+?)```", README.read_text(), re.DOTALL)
    return str(block).replace("acme_bi", login).replace("'acme'", f"'{tenant}'")


@pytest_asyncio.fixture(loop_scope="session")
async def administrator(analytics: Harness) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(asyncpg_url(analytics.runtime.url))
    yield connection
    await connection.close()


@asynccontextmanager
async def logged_in(
    analytics: Harness, administrator: asyncpg.Connection, tenant: str | None
) -> AsyncIterator[asyncpg.Connection]:
    """Make a login as the README says, and connect as a BI tool would; without a tenant it is bound to none."""
    login = f"bi_{uuid4().hex[:12]}"
    await administrator.execute(example(login, tenant or "nobody"))
    if tenant is None:
        await administrator.execute("DELETE FROM bi.login_tenant WHERE login = $1", login)
    url = make_url(analytics.runtime.url).set(drivername="postgresql", username=login, password="change-me")
    connection = await asyncpg.connect(url.render_as_string(hide_password=False))
    try:
        yield connection
    finally:
        await connection.close()
        await administrator.execute(f"DELETE FROM bi.login_tenant WHERE login = '{login}'; DROP ROLE {login}")


async def read(connection: asyncpg.Connection, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.fetch(query)]


def some_work(tenant: str) -> Sequence[Any]:
    return [
        operation(tenant, "c1", "check", minutes=10, cost={"amount": "2.5", "currency": "EUR"}, team="ap"),
        operation(tenant, "c1", "check", minutes=20, finished_at=T0 + 60 * MINUTE, outcome="rework"),
        operation(tenant, "c2", "check", minutes=None, kind="automation"),
        answer(tenant, 5),
    ]


async def test_the_views_give_the_indicators(
    analytics: Harness, administrator: asyncpg.Connection, tenant: str
) -> None:
    mistake = operation(tenant, "c3", minutes=99, outcome="error")
    await feed(analytics, [*some_work(tenant), mistake])
    await feed(analytics, [withdrawal(tenant, mistake.id)])
    shown = await kpis(analytics, tenant)
    async with logged_in(analytics, administrator, tenant) as bi:
        formulas = dict(await read(bi, "SELECT kpi, formula FROM bi_v1.kpi_definitions WHERE formula IS NOT NULL"))
        assert len(formulas) == 8
        (sums,) = await read(
            bi,
            "SELECT sum(touch_seconds) / sum(touch_count), sum(defect_count) / sum(operation_count), "
            "sum(cost_sum) / sum(cost_count), sum(operation_count) FILTER (WHERE actor_kind = 'automation') "
            "/ sum(operation_count) FROM bi_v1.rollup_hours",
        )
        (cases,) = await read(
            bi,
            "SELECT avg(throughput_seconds), avg(is_rework::int), avg(is_no_touch::int), avg(is_first_pass::int) "
            "FROM bi_v1.cases",
        )
        assert await read(bi, "SELECT sum(touch_seconds), count(*) FROM bi_v1.operations") == [(1800, 3)]
    names = ("processing_time", "error_rate", "cost_per_operation", "automation_level", "case_throughput_time",
             "case_rework_rate", "no_touch_rate", "first_pass_yield")  # fmt: skip
    assert [float(value) for value in (*sums, *cases)] == pytest.approx([shown[name]["value"] for name in names])


async def test_a_login_reads_its_tenant_whatever_it_sets(
    analytics: Harness, administrator: asyncpg.Connection, tenant: str, other_tenant: str
) -> None:
    await feed(analytics, [*some_work(tenant), operation(other_tenant, "secret")])
    attacks = (
        f"SET trastienda.tenant = '{other_tenant}'",
        f"SELECT set_config('trastienda.tenant', '{other_tenant}', false)",
        "SET ROLE trastienda_bi",
        "SET row_security = off",
        "SET search_path = analytics, bi_v1",
    )
    async with logged_in(analytics, administrator, tenant) as bi:
        for attack in attacks:
            await bi.execute(attack)
            if attack.endswith("off"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await read(bi, "SELECT * FROM bi_v1.cases")
                await bi.execute("SET row_security = on")
            assert await read(bi, "SELECT case_id FROM bi_v1.cases ORDER BY 1") == [("c1",), ("c2",)], attack


async def test_a_function_of_its_own_sees_no_other_row(
    analytics: Harness, administrator: asyncpg.Connection, tenant: str, other_tenant: str
) -> None:
    await feed(analytics, [*some_work(tenant), operation(other_tenant, "secret")])
    told: list[str] = []
    async with logged_in(analytics, administrator, tenant) as bi:
        bi.add_log_listener(lambda _connection, message: told.append(message.message))
        await bi.execute(
            "CREATE FUNCTION pg_temp.tell(text) RETURNS bool LANGUAGE plpgsql COST 0.0000001 "
            "AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$"
        )
        for view in ("operations", "cases"):
            assert len(await read(bi, f"SELECT * FROM bi_v1.{view} WHERE pg_temp.tell(case_id)")) in {2, 3}
    assert {"c1", "c2"} <= set(told)
    assert "secret" not in told


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM analytics.operation",
        "SELECT case_id FROM analytics.case_state",
        "SELECT * FROM analytics.survey_response",
        "SELECT * FROM analytics.survey_answer",
        "SELECT * FROM analytics.withdrawal",
        "SELECT * FROM analytics.withdrawn_operation",
        "SELECT * FROM analytics.job",
        "SELECT * FROM bi.login_tenant",
        "UPDATE bi.login_tenant SET tenant_id = 'other'",
        "DELETE FROM bi_v1.cases",
        "UPDATE bi_v1.operations SET cost = 0",
        "INSERT INTO bi_v1.cases (process, case_id) VALUES ('p', 'c')",
        "CREATE TABLE bi_v1.mine (a int)",
        "CREATE OR REPLACE FUNCTION bi_v1.current_tenant() RETURNS text LANGUAGE sql AS 'SELECT 1'",
        "SET ROLE trastienda_analytics",
        "SET ROLE trastienda_analytics_worker",
        "SET SESSION AUTHORIZATION trastienda_analytics_worker",
        "ALTER ROLE trastienda_bi BYPASSRLS",
    ],
)
async def test_there_is_nothing_else_a_login_may_do(
    analytics: Harness, administrator: asyncpg.Connection, tenant: str, statement: str
) -> None:
    async with logged_in(analytics, administrator, tenant) as bi:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await bi.execute(statement)


async def test_a_login_that_is_bound_to_nobody_reads_nothing(
    analytics: Harness, administrator: asyncpg.Connection, tenant: str
) -> None:
    await feed(analytics, some_work(tenant))
    async with logged_in(analytics, administrator, None) as bi:
        await bi.execute(f"SET trastienda.tenant = '{tenant}'")
        for view in ("operations", "rollup_hours", "cases"):
            assert await read(bi, f"SELECT * FROM bi_v1.{view}") == []
        assert not [row for row in await bi.fetch("SELECT is_own FROM bi_v1.kpi_bands") if row["is_own"]]


async def test_no_view_names_an_actor_or_an_answer_and_every_column_is_explained(
    administrator: asyncpg.Connection,
) -> None:
    columns = await administrator.fetch(
        "SELECT relname, attname, col_description(attrelid, attnum) AS meaning, obj_description(attrelid) AS comment "
        "FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
        "WHERE relnamespace = 'bi_v1'::regnamespace AND relkind = 'v' AND attnum > 0"
    )
    assert {row["relname"] for row in columns} == set(VIEWS)
    assert all(row["meaning"] and row["comment"] for row in columns)
    assert not {row["attname"] for row in columns} & {"actor_id", "score", "comment", "tenant_id"}
    options = await administrator.fetch("SELECT reloptions FROM pg_class WHERE relnamespace = 'bi_v1'::regnamespace")
    assert all("security_invoker=true" in (row["reloptions"] or ()) for row in options)


async def test_definitions_and_default_bands_are_those_of_the_code(
    analytics: Harness, administrator: asyncpg.Connection, tenant: str
) -> None:
    async with logged_in(analytics, administrator, tenant) as bi:
        definitions = await read(bi, "SELECT kpi, definition_id, version, unit, better FROM bi_v1.kpi_definitions")
        bands = await read(
            bi, "SELECT kpi, process, unit, excellent, good, acceptable, source, minimum_n FROM bi_v1.kpi_bands"
        )
    assert sorted(definitions) == sorted((d.kpi, d.id, d.version, d.unit, d.better) for d in DEFINITIONS.values())
    assert sorted(bands) == sorted(
        (s.kpi, s.process, s.unit, s.excellent, s.good, s.acceptable, s.source, s.minimum_n) for s in DEFAULTS
    )


async def test_an_own_band_takes_the_place_of_the_default(
    analytics: Harness, administrator: asyncpg.Connection, tenant: str, other_tenant: str
) -> None:
    own = {"unit": "ratio", "excellent": 0.01, "good": 0.03, "acceptable": 0.06, "minimum_n": 9, "source": "us"}
    async with analytics.client(tenant, "admin") as client:
        answered = await client.put("/analytics/bands/error_rate", json=own, headers={"If-Match": '"0"'})
    assert answered.status_code < 300, answered.text
    query = "SELECT process, source, is_own FROM bi_v1.kpi_bands WHERE kpi = 'error_rate' AND process = ''"
    async with logged_in(analytics, administrator, tenant) as bi:
        assert await read(bi, query) == [("", "us", True)]
    async with logged_in(analytics, administrator, other_tenant) as bi:
        assert [row[2] for row in await read(bi, query)] == [False]


async def test_the_migration_goes_down_and_up_again(analytics: Harness, postgres_url: str) -> None:
    url = await create_database(postgres_url, f"bi_{uuid4().hex[:8]}")
    await migrate(url, "analytics", analytics.service.migrations)
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))

    def step(connection: Connection, go: Callable[[Config, str], None], target: str) -> None:
        config = configuration(analytics.service.migrations)
        config.attributes["connection"] = connection
        go(config, target)

    there = text("SELECT count(*) FROM pg_namespace WHERE nspname IN ('bi', 'bi_v1')")
    async with engine.begin() as connection:
        await connection.run_sync(step, command.downgrade, _before("2026_11_26_bi_views", analytics))
        assert (await connection.execute(there)).scalar_one() == 0
    async with engine.begin() as connection:
        await connection.run_sync(step, command.upgrade, "head")
        assert (await connection.execute(there)).scalar_one() == 2
    await engine.dispose()


def _before(revision: str, analytics: Harness) -> str:
    scripts = ScriptDirectory.from_config(configuration(analytics.service.migrations))
    return str(scripts.get_revision(revision).down_revision)
