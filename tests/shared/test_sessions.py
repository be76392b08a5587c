"""One transaction per request, held to one tenant by the database itself."""

import asyncio
from typing import get_args

import asyncpg
import httpx
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import ReadSession, Session, asyncpg_url
from shared.migrations import roles_of
from tests.fixtures.services import Harness, problem

REQUEST_ROLE, WORKER_ROLE = roles_of("kit")


async def as_role(kit: Harness, role: str) -> asyncpg.Connection:
    connection = await asyncpg.connect(asyncpg_url(kit.runtime.url))
    await connection.execute(f"SET ROLE {role}")
    await connection.execute("SET search_path = kit")
    return connection


async def make(kit: Harness, tenant: str, name: str) -> httpx.Response:
    async with kit.client(tenant) as client:
        return await client.post("/kit/things", json={"name": name})


async def test_the_tenant_is_named_by_the_first_statement(kit: Harness, tenant: str) -> None:
    seen: list[str] = []
    engine = kit.runtime.database.engine.sync_engine

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        assert (await make(kit, tenant, "first")).status_code == 201
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert seen[0].startswith("SELECT set_config('trastienda.tenant'")
    assert sum("set_config" in statement for statement in seen) == 1


async def test_without_a_tenant_nothing_is_seen_and_nothing_is_written(kit: Harness, tenant: str) -> None:
    await make(kit, tenant, "hidden")
    connection = await as_role(kit, REQUEST_ROLE)
    try:
        for table in ("thing", "outbox", "inbox", "idempotency_key", "job"):
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0
        async with connection.transaction():
            await connection.execute("SELECT set_config('trastienda.tenant', $1, true)", tenant)
            assert await connection.fetchval("SELECT count(*) FROM thing") == 1
        # The name is '' from now on, and no longer NULL.
        assert await connection.fetchval("SELECT count(*) FROM thing") == 0
        for statement in (
            "INSERT INTO thing (id, name, count) VALUES (gen_random_uuid(), 'nobody''s', 0)",
            "INSERT INTO thing (id, tenant_id, name, count) VALUES (gen_random_uuid(), '', 'nobody''s', 0)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_worker_cannot_write_a_row_of_nobody(kit: Harness, tenant: str) -> None:
    await make(kit, tenant, "seen")
    connection = await as_role(kit, WORKER_ROLE)
    try:
        assert await connection.fetchval("SELECT count(*) FROM thing WHERE tenant_id = $1", tenant) == 1
        async with connection.transaction():
            await connection.execute("SELECT set_config('trastienda.tenant', $1, true)", tenant)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("INSERT INTO thing (id, name, count) VALUES (gen_random_uuid(), 'x', 0)")
    finally:
        await connection.close()


async def test_a_tenant_cannot_reach_another_in_sql(kit: Harness, tenant: str, other_tenant: str) -> None:
    await make(kit, other_tenant, "theirs")
    async with kit.runtime.database.session(tenant) as session:
        assert (await session.execute(text("SELECT count(*) FROM thing"))).scalar_one() == 0
        changed = await session.execute(text("UPDATE thing SET name = 'mine' RETURNING id"))
        assert changed.all() == []
        theirs = "INSERT INTO thing (id, tenant_id, name, count) VALUES (gen_random_uuid(), :tenant, 'x', 0)"
        with pytest.raises(DBAPIError, match="row-level security"):
            await session.execute(text(theirs), {"tenant": other_tenant})


@pytest.mark.parametrize("role", [REQUEST_ROLE, WORKER_ROLE])
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE thing DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE thing NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON thing",
        "CREATE POLICY mine ON thing USING (true)",
        "TRUNCATE thing",
        "CREATE TABLE kit.own (id int)",
        "ALTER TABLE thing OWNER TO CURRENT_USER",
        "UPDATE alembic_version SET version_num = 'x'",
    ],
)
async def test_the_roles_own_nothing(kit: Harness, role: str, statement: str) -> None:
    connection = await as_role(kit, role)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_row_level_security_is_forced_on_every_table_with_tenants(
    kit: Harness, admin: asyncpg.Connection
) -> None:
    rows = await admin.fetch(
        "SELECT relname, relrowsecurity AND relforcerowsecurity AS forced FROM pg_class "
        "WHERE relnamespace = 'kit'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'alembic_version'"
    )
    assert {row["relname"] for row in rows if not row["forced"]} == set()
    attributes = await admin.fetch(
        "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcanlogin AS mighty FROM pg_roles WHERE rolname = ANY($1)",
        [REQUEST_ROLE, WORKER_ROLE],
    )
    assert [row["mighty"] for row in attributes] == [False, False]
    assert kit.service.name == "kit"


async def test_the_request_role_does_not_see_offsets(kit: Harness) -> None:
    connection = await as_role(kit, REQUEST_ROLE)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM consumer_offset")
    finally:
        await connection.close()


async def test_a_reading_request_cannot_write(kit: Harness, tenant: str) -> None:
    async with kit.client(tenant) as client:
        answer = await client.get("/kit/write-while-reading")
        assert (answer.status_code, problem(answer)["code"]) == (500, "internal-error")
        assert (await client.get("/kit/things")).json()["items"] == []


async def test_a_failing_commit_is_no_success(kit: Harness, tenant: str) -> None:
    answer = await make(kit, tenant, "fails-at-commit")
    assert (answer.status_code, problem(answer)["code"]) == (500, "internal-error")
    async with kit.client(tenant) as client:
        assert (await client.get("/kit/things")).json()["items"] == []
    assert await kit.events(tenant) == []


@pytest.mark.parametrize(
    ("lost", "code"),
    [
        (asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"), "outcome-unknown"),
        (ConnectionResetError("reset by peer"), "outcome-unknown"),
        (asyncio.CancelledError(), "outcome-unknown"),  # the request's time ended while it committed
        (asyncpg.SerializationError("could not serialize access"), "temporarily-unavailable"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else value,
)
async def test_a_commit_without_an_answer_may_have_happened_and_a_refused_one_has_not(
    kit: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch, lost: BaseException, code: str
) -> None:
    commit = AsyncSession.commit

    async def fail(session: AsyncSession) -> None:
        if code == "outcome-unknown":
            await commit(session)
        raise lost

    with monkeypatch.context() as patched:
        patched.setattr(AsyncSession, "commit", fail)
        answer = await make(kit, tenant, "one")
    assert (answer.status_code, problem(answer)["code"]) == (503, code)
    assert "retry-after" in answer.headers
    async with kit.client(tenant) as client:
        found = (await client.get("/kit/things")).json()["items"]
    assert len(found) == (code == "outcome-unknown")


async def test_a_refusal_undoes_the_request(kit: Harness, tenant: str) -> None:
    answer = await make(kit, tenant, "refused")
    assert (answer.status_code, problem(answer)["code"]) == (409, "unlucky")
    async with kit.client(tenant) as client:
        assert (await client.get("/kit/things")).json()["items"] == []
    assert await kit.events(tenant) == []


def test_the_sessions_end_before_the_answer_is_sent() -> None:
    for dependency in (Session, ReadSession):
        assert get_args(dependency)[1].scope == "function"


async def test_errors_quote_no_parameters(kit: Harness, tenant: str) -> None:
    async with kit.runtime.database.session(tenant) as session:
        with pytest.raises(DBAPIError) as failure:
            await session.execute(text("SELECT cast(:value AS int)"), {"value": "my-salary"})
        assert "my-salary" not in str(failure.value).split("[SQL:")[1]
