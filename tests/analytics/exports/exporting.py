"""Orders exports over HTTP and brings their files back in, for the tests of this folder."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from services.analytics.event_logs.job import jobs as import_jobs
from services.analytics.exports.job import jobs as export_jobs
from services.analytics.operations.consume import CONSUMPTION
from shared.app import Runtime
from shared.consumer import Consumer
from shared.jobs import JobRunner
from tests.analytics.event_logs.importing import end_of
from tests.fixtures.services import Harness


@asynccontextmanager
async def at_work(runtime: Runtime) -> AsyncIterator[None]:
    """Run analytics' consumer and both kinds of jobs while the block runs."""
    stop = asyncio.Event()
    consumer = Consumer(CONSUMPTION, runtime.worker, runtime.log)
    kinds = {**import_jobs(runtime), **export_jobs(runtime)}
    runner = JobRunner("analytics", runtime.url, runtime.worker, kinds)
    async with asyncio.TaskGroup() as group:
        group.create_task(consumer.run(stop))
        group.create_task(runner.run(stop))
        try:
            yield
        finally:
            stop.set()


async def order(harness: Harness, tenant: str, **asked: Any) -> httpx.Response:
    async with harness.client(tenant) as client:
        return await client.post("/analytics/exports", json={"process": "p", "format": "xes", **asked})


async def fetch(harness: Harness, tenant: str, job: str, role: str = "operator") -> httpx.Response:
    async with harness.client(tenant, role) as client:
        return await client.get(f"/analytics/exports/{job}/content")


async def export(harness: Harness, tenant: str, **asked: Any) -> tuple[bytes, dict[str, Any]]:
    """Return the file and the job's result."""
    accepted = await order(harness, tenant, **asked)
    assert accepted.status_code == 202, accepted.text
    job = await end_of(harness, tenant, accepted.headers["location"])
    assert job["status"] == "succeeded", job["error"]
    assert job["done"] == job["total"] == job["result"]["operations"]
    answer = await fetch(harness, tenant, accepted.json()["id"])
    assert answer.status_code == 200, answer.text
    return answer.content, job["result"]
