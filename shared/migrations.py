"""Migrations: roles, schema, alembic to head; and what every service's migrations use."""

import asyncio
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command, context
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from shared.db import asyncpg_url
from shared.settings import ServiceSettings

_LOCK = 0x7472617374  # "trast": one migration at a time in a database
_KERNEL_TABLES = Path(__file__).with_name("tables.sql")

_ROLES = """
DO $$
DECLARE role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['trastienda_{schema}', 'trastienda_{schema}_worker'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', role_name);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL; -- roles belong to the cluster: another of its databases was migrated at the same time
      END;
    END IF;
    IF NOT pg_has_role(CURRENT_USER, role_name, 'SET') THEN
      EXECUTE format('GRANT %I TO CURRENT_USER', role_name);
    END IF;
  END LOOP;
END $$;
CREATE SCHEMA IF NOT EXISTS {schema};
GRANT USAGE ON SCHEMA {schema} TO trastienda_{schema}, trastienda_{schema}_worker;
"""


def roles_of(schema: str) -> tuple[str, str]:
    """Return the names of a service's request role and worker role."""
    return f"trastienda_{schema}", f"trastienda_{schema}_worker"


def protect(op: Operations, schema: str, *tables: str) -> None:
    """Force row-level security on tables: requests see their tenant, workers every tenant."""
    request_role, worker_role = roles_of(schema)
    for table in tables:
        name = f"{schema}.{table}"
        op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        # After its first use in a connection an unset tenant is '' and no longer NULL: that is nobody's.
        tenant = "tenant_id = nullif(current_setting('trastienda.tenant', true), '')"
        op.execute(f"CREATE POLICY tenant ON {name} TO {request_role} USING ({tenant}) WITH CHECK ({tenant})")
        op.execute(f"CREATE POLICY every_tenant ON {name} TO {worker_role} USING (true) WITH CHECK (tenant_id <> '')")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO {request_role}, {worker_role}")


def create_kernel_tables(op: Operations, schema: str) -> None:
    """Create outbox, inbox, offsets, idempotency keys and jobs in a service's schema."""
    for statement in _KERNEL_TABLES.read_text().replace("{schema}", schema).split(";\n"):
        if statement.strip():
            op.execute(text(statement))
    protect(op, schema, "outbox", "inbox", "idempotency_key", "job")
    worker_role = roles_of(schema)[1]
    op.execute(f"ALTER TABLE {schema}.consumer_offset ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY worker ON {schema}.consumer_offset TO {worker_role} USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.consumer_offset TO {worker_role}")


KERNEL_TABLE_NAMES = frozenset({"outbox", "inbox", "idempotency_key", "job", "consumer_offset", "alembic_version"})


def configuration(folder: Path) -> Config:
    """Return alembic's configuration of one service."""
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    return config


@cache
def head_of(folder: Path) -> str | None:
    """Return the newest revision that the code brings."""
    return ScriptDirectory.from_config(configuration(folder)).get_current_head()


async def migrate(url: str, schema: str, folder: Path) -> None:
    """Create roles and schema where missing and bring the schema to head.

    Safe to run from two processes at once; within one, one after another (alembic's context is the process's).
    """
    connection = await asyncpg.connect(asyncpg_url(url))
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(_ROLES.format(schema=schema))
        await _upgrade(url, folder)
        roles = ", ".join(roles_of(schema))
        await connection.execute(f"GRANT SELECT ON {schema}.alembic_version TO {roles}")
    finally:
        await connection.close()


async def _upgrade(url: str, folder: Path) -> None:
    def run(connection: Connection) -> None:
        config = configuration(folder)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    await _in_transaction(url, run)


async def _in_transaction(url: str, run: Callable[[Connection], None]) -> None:
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SET LOCAL lock_timeout = '10s'"))
            await connection.run_sync(run)
    finally:
        await engine.dispose()


def current_revision(connection: Connection, schema: str) -> str | None:
    """Return the revision the database is at."""
    return MigrationContext.configure(connection, opts={"version_table_schema": schema}).get_current_revision()


def run_environment(metadata: MetaData) -> None:
    """Run what alembic asks for; each service's `migrations/env.py` is one call of this.

    Started by `migrate` it uses that connection; started by the `alembic` command it opens
    TRASTIENDA_DATABASE_URL (for `alembic -n billing revision --autogenerate`).
    """
    connection: Connection | None = context.config.attributes.get("connection")
    if connection is not None:
        _run(connection, metadata)
    else:
        sections = {each.section: each for each in ServiceSettings.__subclasses__()}
        settings = sections[str(metadata.schema)].load()
        settings.require("database_url")
        assert settings.database_url is not None
        asyncio.run(_in_transaction(settings.database_url.get_secret_value(), lambda alone: _run(alone, metadata)))


def _run(connection: Connection, metadata: MetaData) -> None:
    schema = metadata.schema

    def ours(name: str | None, kind: str, _parents: Any) -> bool:
        if kind == "schema":
            return name == schema
        return kind != "table" or name not in KERNEL_TABLE_NAMES

    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=schema,
        include_schemas=True,
        include_name=ours,
        compare_server_default=False,
    )
    with context.begin_transaction():
        context.run_migrations()
