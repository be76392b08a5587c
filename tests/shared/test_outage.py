"""PostgreSQL goes away and comes back under everything that runs: clear answers meanwhile, nothing lost, no dead letter."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from deploy.standalone.issuer import DevelopmentIssuer
from deploy.standalone.postgres import EmbeddedPostgres
from deploy.standalone.seaweed import ObjectStoreAccess
from shared.app import create_app, migrate, run_relay, run_worker
from shared.consumer import Consumption
from shared.db import asyncpg_url
from shared.events import Event
from tests.fakes.kit.app import SERVICE
from tests.fakes.waiting import eventually
from tests.fixtures.services import Harness, create_database, problem
from tests.fixtures.toolkit import kit_settings


async def apply(session: AsyncSession, events: Sequence[Event]) -> None:
    for event in events:
        await session.execute(
            text("INSERT INTO effect (tenant_id, consumer, event_id) VALUES (:tenant, 'kit', :id)"),
            {"tenant": event.tenant, "id": event.id},
        )


KIT = replace(SERVICE, consumptions=[Consumption("kit", "kit[.]things", apply)])


@pytest_asyncio.fixture(loop_scope="session")
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path, durable=False)
    yield server
    await server.stop()


async def count_effects(url: str) -> int:
    connection = await asyncpg.connect(asyncpg_url(url))
    try:
        return int(await connection.fetchval("SELECT count(*) FROM kit.effect"))
    finally:
        await connection.close()


@pytest.mark.slow
async def test_a_database_that_restarts_costs_time_and_nothing_else(
    server: EmbeddedPostgres, s3: ObjectStoreAccess, issuer: DevelopmentIssuer, tenant: str
) -> None:
    url = await create_database(await server.start(), "outage")
    settings = kit_settings(url, s3, issuer)
    await migrate(KIT, settings)
    app = create_app(KIT, settings)
    stop = asyncio.Event()
    async with app.router.lifespan_context(app), asyncio.TaskGroup() as tasks:
        tasks.create_task(run_relay(KIT, settings, stop))
        tasks.create_task(run_worker(KIT, settings, stop))
        harness = Harness(KIT, settings, app, issuer)
        async with harness.client(tenant, **{"Accept-Language": "es"}) as client:
            made = [await client.post("/kit/things", json={"name": f"n{n}"}) for n in range(20)]
            await server.stop()
            away = await client.post("/kit/things", json={"name": "lost"})
            ready = await client.get("/health/ready")
            live = await client.get("/health/live")
            await asyncio.sleep(1.5)  # everything that runs has met the absence
            await server.start()
            await eventually(lambda: _works(harness, tenant), 30)
            assert (await client.post("/kit/countings", params={"to": 3})).status_code == 202
            await eventually(lambda: _caught_up(url, 21), 30)
        stop.set()
        log = harness.runtime.log
        assert await log.lag("nobody", "kit[.]things[.]dead") == {}
    assert {answer.status_code for answer in made} == {201}
    assert (away.status_code, problem(away)["code"]) == (503, "temporarily-unavailable")
    assert "no responde" in problem(away)["detail"]
    assert away.headers["retry-after"] == "2"
    parts = ready.json()["parts"]
    assert ready.status_code == 503
    assert parts["object_store"] == "ok"
    assert parts["database"] != "ok"
    assert parts["event_log"] != "ok"
    assert live.status_code == 200


async def _works(harness: Harness, tenant: str) -> bool:
    async with harness.client(tenant) as client:
        answer = await client.post("/kit/things", json={"name": "again"}, headers={"Idempotency-Key": "the-same-one"})
    return answer.status_code == 201


async def _caught_up(url: str, effects: int) -> bool:
    return await count_effects(url) >= effects
