"""Imports event logs over HTTP and looks at what became of them, for the tests of this folder."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from services.analytics.event_logs.job import jobs
from services.analytics.event_logs.service import CLEANUP
from services.analytics.operations.consume import CONSUMPTION
from shared.app import Runtime
from shared.consumer import Consumer
from shared.jobs import JobRunner
from tests.analytics.event_logs.logs import event, trace, xes
from tests.fixtures.services import Harness

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)


def stamp(minute: int) -> str:
    return (MONDAY + timedelta(minutes=minute)).isoformat()


LOG = xes(
    trace(
        "c1",
        event("Register", stamp(0), "complete", org__resource="System", Costs="1.50"),
        event("Repair", stamp(1), "start", org__resource="Ana", org__group="Workshop", Costs="2"),
        event("Repair", stamp(11), "complete", org__resource="Ana", org__group="Workshop", Costs="3"),
        event("Repair", stamp(20), "start", org__resource="Luis"),
        event("Repair", stamp(50), "complete", org__resource="Luis"),
        event("Archive", stamp(60), "schedule"),
    ),
    trace("c2", event("Register", stamp(5), "complete", org__resource="System"), event("Repair", stamp(90), "start")),
    trace(None, event("Register", stamp(5))),
)


def long_log(cases: int) -> list[str]:
    return [trace(f"c{n:05}", *[event(f"A{k}", stamp(n + k), note="x" * 400) for k in range(5)]) for n in range(cases)]


@asynccontextmanager
async def at_work(runtime: Runtime, *, on_jobs: bool = True) -> AsyncIterator[None]:
    """Run analytics' consumer, and its jobs, while the block runs."""
    stop = asyncio.Event()
    consumer = Consumer(CONSUMPTION.under(runtime.settings), runtime.worker, runtime.log)
    runner = JobRunner("analytics", runtime.url, runtime.worker, jobs(runtime))
    async with asyncio.TaskGroup() as group:
        group.create_task(consumer.run(stop))
        if on_jobs:
            group.create_task(runner.run(stop))
        try:
            yield
        finally:
            stop.set()


async def send(harness: Harness, tenant: str, content: bytes, **query: Any) -> str:
    """Upload a log and return the job's address."""
    async with harness.client(tenant) as client:
        answer = await client.post("/analytics/event-logs", params={"process": "repair", **query}, content=content)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/analytics/jobs/{answer.json()['id']}"
    return str(answer.headers["location"])


async def end_of(harness: Harness, tenant: str, address: str) -> dict[str, Any]:
    async with harness.client(tenant) as client, asyncio.timeout(60):
        while True:
            job: dict[str, Any] = (await client.get(address)).json()
            if job["status"] in {"succeeded", "failed"}:
                return job
            await asyncio.sleep(0.05)


async def report_of(harness: Harness, tenant: str, content: bytes, **query: Any) -> dict[str, Any]:
    job = await end_of(harness, tenant, await send(harness, tenant, content, **query))
    assert job["status"] == "succeeded", job["error"]
    assert job["done"] == job["total"]
    return dict(job["result"])


async def rows(harness: Harness, tenant: str, table_name: str, order: str) -> list[Mapping[str, Any]]:
    async with harness.runtime.worker.session(None) as session:
        query = text(f"SELECT * FROM {table_name} WHERE tenant_id = :tenant ORDER BY {order}")
        return [row._asdict() for row in (await session.execute(query, {"tenant": tenant})).all()]


async def state(harness: Harness, tenant: str) -> list[list[Mapping[str, Any]]]:
    """Return everything that the figures are made of."""
    found = [
        await rows(harness, tenant, "operation", "id"),
        await rows(harness, tenant, "observation", "id"),
        await rows(harness, tenant, "case_state", "case_id"),
        await rows(harness, tenant, "rollup_hour", "hour, process, activity, team, actor_kind, currency"),
    ]
    return [[{name: row[name] for name in row if name != "seq"} for row in each] for each in found]


async def assert_no_upload_left(harness: Harness, tenant: str) -> None:
    """Look into the store when the cleanups that are under way have ended."""
    async with asyncio.timeout(10):
        while any(  # noqa: ASYNC110 - the database tells nobody
            job["kind"] == CLEANUP and job["status"] in {"queued", "running"}
            for job in await rows(harness, tenant, "job", "id")
        ):
            await asyncio.sleep(0.05)
    assert await harness.runtime.store.delete_prefix(f"{tenant}/") == 0
