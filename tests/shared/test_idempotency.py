"""Idempotency-Key: a repeated request gets the first answer again, and happens once."""

import asyncio
from uuid import uuid4

import asyncpg
import httpx
import pytest

from shared.idempotency import forget_old_keys
from tests.fakes.kit import app as kit_app
from tests.fixtures.services import Harness, problem

THING = {"name": "one"}


@pytest.fixture
def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


async def send(client: httpx.AsyncClient, key: dict[str, str], name: str = "one", query: str = "") -> httpx.Response:
    return await client.post(f"/kit/things{query}", json={"name": name}, headers=key)


async def names(kit: Harness, tenant: str) -> list[str]:
    async with kit.client(tenant) as client:
        return [item["name"] for item in (await client.get("/kit/things")).json()["items"]]


async def test_the_first_answer_comes_again_whole(kit: Harness, tenant: str, key: dict[str, str]) -> None:
    async with kit.client(tenant) as client:
        first, second = await send(client, key), await send(client, key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    for name in ("location", "etag", "content-type"):
        assert first.headers[name] == second.headers[name]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert await names(kit, tenant) == ["one"]
    assert len(await kit.events(tenant)) == 1


@pytest.mark.parametrize(("name", "query"), [("another", ""), ("one", "?more=1")])
async def test_another_request_with_the_key_is_refused(
    kit: Harness, tenant: str, key: dict[str, str], name: str, query: str
) -> None:
    async with kit.client(tenant) as client:
        await send(client, key)
        answer = await send(client, key, name, query)
    assert (answer.status_code, problem(answer)["code"]) == (422, "idempotency-key-reused")
    assert await names(kit, tenant) == ["one"]


async def test_a_key_belongs_to_one_user_of_one_tenant(
    kit: Harness, tenant: str, other_tenant: str, key: dict[str, str]
) -> None:
    for who, role in ((tenant, "operator"), (tenant, "manager"), (other_tenant, "operator")):
        async with kit.client(who, role) as client:
            answer = await send(client, key, f"of {role}")
            assert (answer.status_code, "idempotency-replayed" in answer.headers) == (201, False)
    assert len(await names(kit, tenant)) == 2
    assert len(await names(kit, other_tenant)) == 1


async def test_while_the_first_runs_the_second_is_told_to_wait(kit: Harness, tenant: str, key: dict[str, str]) -> None:
    async with kit.client(tenant) as client:
        first = await begin(client, key)
        refused = await send(client, key, "waits")
        assert (refused.status_code, problem(refused)["code"]) == (409, "idempotency-key-in-progress")
        kit_app.gate.set()
        assert (await first).status_code == 201
        assert (await send(client, key, "waits")).content == (await first).content
    assert await names(kit, tenant) == ["waits"]


async def begin(client: httpx.AsyncClient, key: dict[str, str]) -> "asyncio.Task[httpx.Response]":
    """Send a request that stops in the middle until the gate opens."""
    kit_app.gate.clear()
    kit_app.arrived.clear()
    task = asyncio.create_task(send(client, key, "waits"))
    await kit_app.arrived.wait()
    return task


async def test_of_many_at_once_one_happens(kit: Harness, tenant: str, key: dict[str, str]) -> None:
    async with kit.client(tenant) as client:
        answers = await asyncio.gather(*(send(client, key) for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert await names(kit, tenant) == ["one"]


@pytest.mark.parametrize("name", ["refused", "fails-at-commit", "x"])
async def test_a_request_that_fails_leaves_the_key_free(
    kit: Harness, tenant: str, key: dict[str, str], name: str
) -> None:
    async with kit.client(tenant) as client:
        assert (await send(client, key, name)).status_code >= 400
        answer = await send(client, key)
    assert (answer.status_code, "idempotency-replayed" in answer.headers) == (201, False)
    assert await names(kit, tenant) == ["one"]


async def test_a_crash_before_the_commit_leaves_the_key_free(
    kit: Harness, tenant: str, key: dict[str, str], admin: asyncpg.Connection
) -> None:
    async with kit.client(tenant) as client:
        first = await begin(client, key)
        killed = await admin.fetch(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'trastienda_kit' AND state = 'idle in transaction'"
        )
        assert len(killed) == 1
        kit_app.gate.set()
        assert (await first).status_code == 503
        again = await send(client, key, "waits")
    assert (again.status_code, "idempotency-replayed" in again.headers) == (201, False)
    assert await names(kit, tenant) == ["waits"]


@pytest.mark.parametrize("bad", ["short", "x" * 129])
async def test_a_key_has_a_length(kit: Harness, tenant: str, bad: str) -> None:
    async with kit.client(tenant) as client:
        answer = await send(client, {"Idempotency-Key": bad})
    assert (answer.status_code, problem(answer)["errors"][0]["at"]) == (422, "header.Idempotency-Key")


async def test_many_old_keys_are_forgotten_some_at_a_time(
    kit: Harness, tenant: str, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.idempotency._FORGOTTEN_AT_ONCE", 2)
    async with kit.client(tenant) as client:
        for _ in range(3):
            await send(client, {"Idempotency-Key": str(uuid4())})
    old = "UPDATE kit.idempotency_key SET created_at = now() - interval '25 hours' WHERE tenant_id = $1"
    await admin.execute(old, tenant)
    left, more = [], True
    while more:
        async with kit.runtime.worker.transaction() as session:
            more = await forget_old_keys(session)
        left.append(await admin.fetchval("SELECT count(*) FROM kit.idempotency_key WHERE tenant_id = $1", tenant))
    assert left == [1, 0]


async def test_keys_are_forgotten_after_a_day(
    kit: Harness, tenant: str, key: dict[str, str], admin: asyncpg.Connection
) -> None:
    async with kit.client(tenant) as client:
        await send(client, key)
        for age, kept in (("23 hours", 1), ("25 hours", 0)):
            await admin.execute(
                f"UPDATE kit.idempotency_key SET created_at = now() - interval '{age}' WHERE tenant_id = $1", tenant
            )
            async with kit.runtime.worker.transaction() as session:
                await forget_old_keys(session)
            query = "SELECT count(*) FROM kit.idempotency_key WHERE tenant_id = $1"
            assert await admin.fetchval(query, tenant) == kept
        assert "idempotency-replayed" not in (await send(client, key)).headers
