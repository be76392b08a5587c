"""The migrations build exactly what the tables say."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from services.billing.tables import BillingTable
from shared.migrations import KERNEL_TABLE_NAMES
from tests.fixtures.services import Harness


def _differences(connection: Connection) -> list[object]:
    def ours(name: str | None, kind: str, _parents: object) -> bool:
        return name == "billing" if kind == "schema" else kind != "table" or name not in KERNEL_TABLE_NAMES

    context = MigrationContext.configure(connection, opts={"include_schemas": True, "include_name": ours})
    return list(compare_metadata(context, BillingTable.metadata))


async def test_migrations_and_tables_agree(billing: Harness) -> None:
    # As the administrator: under the service's own search path its tables would look as if they had no schema.
    engine = create_async_engine(make_url(billing.runtime.url).set(drivername="postgresql+asyncpg"))
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
    await engine.dispose()
