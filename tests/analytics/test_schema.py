"""The migrations build exactly what the tables say, with row-level security forced on every table."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from services.analytics.tables import TABLES, metadata
from shared.migrations import KERNEL_TABLE_NAMES
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
