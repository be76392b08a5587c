"""The migrations build exactly what the tables say, with row-level security forced on every table."""

from importlib import import_module

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from services.analytics.operations.statements import ARRIVING
from services.analytics.tables import TABLES, metadata
from shared.migrations import KERNEL_TABLE_NAMES
from tests.analytics.feeding import T0, feed, observation, operation
from tests.fixtures.services import Harness


def _differences(connection: Connection) -> list[object]:
    def ours(name: str | None, kind: str, _parents: object) -> bool:
        return name == "analytics" if kind == "schema" else kind != "table" or name not in KERNEL_TABLE_NAMES

    context = MigrationContext.configure(connection, opts={"include_schemas": True, "include_name": ours})
    return list(compare_metadata(context, metadata))


async def test_migrations_and_tables_agree(analytics: Harness) -> None:
    # As the administrator: under the service's own search path its tables would look as if they had no schema.
    engine = create_async_engine(make_url(analytics.runtime.url).set(drivername="postgresql+asyncpg"))
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
    await engine.dispose()


async def test_every_table_leads_with_its_tenant_and_forces_row_level_security(analytics: Harness) -> None:
    query = text(
        "SELECT relname, relrowsecurity AND relforcerowsecurity AS forced, "
        "(SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0] "
        "WHERE indrelid = pg_class.oid AND indisprimary) AS leader, "
        "relowner IN (SELECT oid FROM pg_roles WHERE rolname ~ '^trastienda_analytics') AS own "
        "FROM pg_class WHERE relnamespace = 'analytics'::regnamespace AND relkind = 'r' AND relname = ANY(:tables)"
    )
    async with analytics.runtime.worker.session(None) as session:
        rows = (await session.execute(query, {"tables": list(TABLES)})).all()
    assert {row.relname for row in rows} == set(TABLES)
    assert all(row.forced and row.leader == "tenant_id" and not row.own for row in rows)
    assert all(table.primary_key.columns.values()[0].name == "tenant_id" for table in metadata.tables.values())


async def test_a_request_sees_and_writes_its_tenant_alone(analytics: Harness, tenant: str, other_tenant: str) -> None:
    insert = text(
        "INSERT INTO hourly_rate (tenant_id, team, valid_from, amount) VALUES (:tenant, 'x', '2026-01-01', 1)"
    )
    async with analytics.runtime.database.transaction(tenant) as session:
        await session.execute(insert, {"tenant": tenant})
    async with analytics.runtime.database.session(other_tenant) as session:
        assert (await session.execute(text("SELECT * FROM hourly_rate"))).all() == []
    refusal = ""
    try:
        async with analytics.runtime.database.transaction(other_tenant) as session:
            await session.execute(insert, {"tenant": tenant})
    except Exception as error:  # noqa: BLE001 - what it says is what is tested
        refusal = str(error)
    assert "row-level security" in refusal


async def test_facts_arrive_in_types_that_have_their_fields(analytics: Harness) -> None:
    query = text(
        "SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute "
        "WHERE attrelid = to_regclass(:composite) AND NOT attisdropped"
    )
    async with analytics.runtime.worker.session(None) as session:
        for fact, (_, composite) in ARRIVING.items():
            found = await session.execute(query, {"composite": f"analytics.{composite}"})
            assert tuple(found.scalar_one()) == fact._fields


async def test_the_migration_fills_the_activities_of_cases(analytics: Harness, tenant: str) -> None:
    migration = import_module("services.analytics.migrations.versions.2026_12_02_case_activities")
    events = [operation(tenant, f"c{n % 2}", f"a{n % 3}") for n in range(5)]
    await feed(analytics, [*events, observation(tenant, "seen", T0)])
    listed = text("SELECT case_id, activities FROM case_state WHERE tenant_id = :tenant ORDER BY case_id")
    async with analytics.runtime.worker.session(None) as session:  # never committed
        for statement in (migration._BACK, "UPDATE case_state SET activities = '{}'", migration._FILL):
            await session.execute(text(statement))
        found = [tuple(row) for row in await session.execute(listed, {"tenant": tenant})]
    assert found == [("c0", ["a0", "a1", "a2"]), ("c1", ["a0", "a1"]), ("seen", [])]
