"""What the migrations build is what the code expects, for every service; and they may run twice and at once."""

import asyncio
import configparser
import os
import sys
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from alembic import command
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.registry import SERVICES, load_service
from shared import migrations
from shared.db import asyncpg_url
from shared.migrations import KERNEL_TABLE_NAMES, configuration
from tests.fakes.kit.app import SERVICE as KIT
from tests.fixtures.services import Harness, create_database

ROOT = Path(__file__).parents[2]


async def migrated(postgres_url: str, name: str) -> str:
    service = load_service(name)
    url = await create_database(postgres_url, f"migrations_{name}_{uuid4().hex[:8]}")
    await migrations.migrate(url, name, service.migrations)
    return url


@pytest.mark.parametrize("name", SERVICES)
async def test_the_migrations_build_what_the_tables_say(postgres_url: str, name: str) -> None:
    url = await migrated(postgres_url, name)
    service = load_service(name)

    def check(connection: Connection) -> None:
        config = configuration(service.migrations)
        config.attributes["connection"] = connection
        command.check(config)

    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
    async with engine.begin() as connection:
        await connection.run_sync(check)
    await engine.dispose()
    assert service.metadata.tables
    await check_protection(url, name, {table.name for table in service.metadata.tables.values()})


async def check_protection(url: str, schema: str, tables: set[str]) -> None:
    """Every table of tenants is held to them, for both roles; every other one is no table of the service's data."""
    connection = await asyncpg.connect(asyncpg_url(url))
    rows = await connection.fetch(
        "SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced, "
        "(SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies, "
        "EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id') AS of_tenants, "
        "(SELECT count(*) FROM aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee "
        " WHERE a.privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN') AND r.rolname <> CURRENT_USER) "
        "AS too_much "
        "FROM pg_class c WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition",
        schema,
    )
    await connection.close()
    found = {row["name"]: row for row in rows}
    assert tables | KERNEL_TABLE_NAMES == found.keys()
    of_tenants = {name: row for name, row in found.items() if row["of_tenants"]}
    assert {name for name, row in of_tenants.items() if not row["forced"] or row["policies"] < 2} == set()
    assert found.keys() - of_tenants.keys() == {"alembic_version", "consumer_offset"}
    assert {name for name, row in found.items() if row["too_much"]} == set()


async def run(*arguments: str, **environment: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


MIGRATE = """
import asyncio, sys
from shared.migrations import migrate
from tests.fakes.kit.app import SERVICE
asyncio.run(migrate(sys.argv[1], "kit", SERVICE.migrations))
"""


async def test_migrations_run_twice_and_at_once(postgres_url: str) -> None:
    """Processes on one database, and on two databases of one cluster, which share their roles."""
    urls = [await create_database(postgres_url, f"at_once_{uuid4().hex[:8]}") for _ in range(2)]
    ended = await asyncio.gather(*(run("-c", MIGRATE, url) for url in (*urls, urls[0])))
    assert ended == [(0, "")] * 3
    await migrations.migrate(urls[0], "kit", KIT.migrations)
    connection = await asyncpg.connect(asyncpg_url(urls[1]))
    assert await connection.fetchval("SELECT version_num FROM kit.alembic_version") == migrations.head_of(
        KIT.migrations
    )
    await connection.close()


def test_alembic_ini_has_a_section_per_service() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "alembic.ini")
    assert parser.sections() == list(SERVICES)
    for name in SERVICES:
        assert (ROOT / parser[name]["script_location"]).samefile(load_service(name).migrations)


async def test_the_alembic_command_works(postgres_url: str) -> None:
    url = await migrated(postgres_url, "billing")
    settings = {"TRASTIENDA_BILLING_DATABASE_URL": url, "TRASTIENDA_DATABASE_URL": "x"}
    code, output = await run("-m", "alembic", "-n", "billing", "check", **settings)
    assert (code, "No new upgrade operations" in output) == (0, True), output


async def test_a_schema_behind_the_code_is_not_ready(kit: Harness, admin: asyncpg.Connection) -> None:
    await admin.execute("UPDATE kit.alembic_version SET version_num = 'an older one'")
    try:
        async with kit.anonymous() as client:
            answer = await client.get("/health/ready")
    finally:
        await admin.execute("UPDATE kit.alembic_version SET version_num = $1", migrations.head_of(KIT.migrations))
    assert answer.status_code == 503
    assert "migrations are at an older one" in answer.json()["parts"]["database"]
    assert answer.json()["parts"]["object_store"] == "ok"
