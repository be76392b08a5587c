"""What tests of several slices do: let jobs end, and lose the database at the worst moment."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared import outbox
from shared.jobs import JobRunner
from tests.billing.intake.electronic import get
from tests.fixtures.services import Harness


async def ended(billing: Harness, tenant: str, accepted: httpx.Response) -> dict[str, Any]:
    """Work until the job has ended; return it."""
    assert accepted.status_code == 202, accepted.text
    runtime = billing.runtime
    runner = JobRunner(billing.service.name, runtime.url, runtime.worker, billing.service.jobs(runtime))
    async with asyncio.timeout(120):
        while (told := (await get(billing, tenant, accepted.headers["location"])).json())["status"] in {
            "queued",
            "running",
        }:
            if not await runner.run_one():
                await asyncio.sleep(0.2)
    return dict(told)


@contextmanager
def losing_the_database(billing: Harness, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """End the connection of a transaction when its events are written, before its commit."""
    flush = outbox.flush

    async def lose(session: AsyncSession) -> None:
        if session.info.get("outbox"):
            connection = await session.connection()
            pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            administrator = await asyncpg.connect(billing.runtime.url)
            await administrator.execute("SELECT pg_terminate_backend($1)", pid)
            await administrator.close()
        await flush(session)

    with monkeypatch.context() as breaking:
        breaking.setattr(outbox, "flush", lose)
        yield
