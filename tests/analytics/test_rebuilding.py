"""A rebuild finds everything right, and mends what was not."""

import asyncio
from typing import Any

from sqlalchemy import text

from services.analytics.operations.statements import FOLDS
from shared.jobs import JobRunner
from tests.analytics.feeding import MINUTE, T0, feed, kpis, observation, operation
from tests.fixtures.services import Harness, problem


async def rebuilt(analytics: Harness, tenant: str) -> dict[str, Any]:
    runtime = analytics.runtime
    runner = JobRunner(analytics.service.name, runtime.url, runtime.worker, analytics.service.jobs(runtime))
    async with analytics.client(tenant, "admin") as client:
        accepted = await client.post("/analytics/rebuilds")
        assert accepted.status_code == 202, accepted.text
        async with asyncio.timeout(30):
            while (job := (await client.get(accepted.headers["location"])).json())["status"] != "succeeded":
                await runner.run_one()
    result: dict[str, Any] = job["result"]["was_right"]
    return result


async def test_a_rebuild_changes_nothing_and_mends_what_was_changed(
    analytics: Harness, tenant: str, other_tenant: str
) -> None:
    wrong = operation(tenant, "c1", cost={"amount": "1.10", "currency": "EUR"})
    events = [wrong, operation(tenant, "c1", outcome="rework", minutes=None), operation(other_tenant, "c1")]
    await feed(analytics, [*events, observation(tenant, "c2", T0)])
    await feed(analytics, [operation(tenant, "c2", corrects=wrong.id, finished_at=T0 + 90 * MINUTE)])
    before = await kpis(analytics, tenant)
    right = dict.fromkeys(FOLDS, True)
    assert await rebuilt(analytics, tenant) == right
    assert await kpis(analytics, tenant) == before
    async with analytics.runtime.worker.transaction() as session:
        await session.execute(text("UPDATE rollup_hour SET n = n + 1 WHERE tenant_id = :t"), {"t": tenant})
        await session.execute(text("UPDATE rollup_histogram SET n0 = 7 WHERE tenant_id = :t"), {"t": tenant})
    assert await kpis(analytics, tenant) != before
    assert await rebuilt(analytics, tenant) == right | {"rollup_hour": False, "rollup_histogram": False}
    assert await kpis(analytics, tenant) == before
    assert (await kpis(analytics, other_tenant))["error_rate"]["n"] == 1


async def test_only_an_administrator_rebuilds(analytics: Harness, tenant: str) -> None:
    async with analytics.client(tenant, "manager") as client:
        assert problem(await client.post("/analytics/rebuilds"))["code"] == "not-allowed"
