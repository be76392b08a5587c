"""Which job comes next: none stands in the others' way, and none that ends its worker comes for ever."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from shared.auth import Principal
from shared.db import Database
from shared.jobs import JobContext, JobRunner, create_job, replace_job, withdraw_job
from shared.storage import StoreUnavailableError
from tests.fakes.waiting import eventually
from tests.fixtures.services import Harness
from tests.shared.queueing import nothing, queue, runner, shown


@pytest.fixture
def kind() -> str:
    """A kind of jobs that nobody else works on."""
    return f"kind-{uuid4().hex[:8]}"


async def begin_and_die(kit: Harness, kind: str, to: int | None = None) -> None:
    """Claim a job and end as a killed worker does: nothing is said about it, except a checkpoint at `to`."""
    begun = asyncio.Event()

    async def stay(context: JobContext) -> Mapping[str, Any]:
        if to is not None:
            await context.checkpoint({"row": to}, to)
        begun.set()
        await asyncio.sleep(60)
        return {}

    working = asyncio.create_task(runner(kit, kind, stay).run_one())
    await asyncio.wait_for(begun.wait(), 10)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_a_job_that_ends_its_worker_each_time_is_given_up(kit: Harness, tenant: str, kind: str) -> None:
    job = await queue(kit, tenant, kind)
    for _ in range(5):
        await begin_and_die(kit, kind)
        assert (await shown(kit, tenant, job))["error"] is None
    assert await runner(kit, kind, nothing).run_one()
    document = await shown(kit, tenant, job)
    assert (document["status"], document["error"]["code"]) == ("failed", "job-stalled")
    assert "5" in document["error"]["detail"]["es"]
    assert not await runner(kit, kind, nothing).run_one()


async def test_a_job_that_gets_further_each_time_is_not_given_up(kit: Harness, tenant: str, kind: str) -> None:
    job = await queue(kit, tenant, kind)
    for row in range(8):
        await begin_and_die(kit, kind, row + 1)
    assert await runner(kit, kind, nothing).run_one()
    assert (await shown(kit, tenant, job))["status"] == "succeeded"


async def test_a_job_whose_checkpoint_comes_back_to_the_same_place_is_given_up(
    kit: Harness, tenant: str, kind: str
) -> None:
    job = await queue(kit, tenant, kind)
    for _ in range(6):
        await begin_and_die(kit, kind, 7)
    assert await runner(kit, kind, nothing).run_one()
    assert (await shown(kit, tenant, job))["error"]["code"] == "job-stalled"


async def test_a_stop_in_time_is_no_failed_start(kit: Harness, tenant: str, kind: str) -> None:
    job = await queue(kit, tenant, kind)

    async def endless(_context: JobContext) -> Mapping[str, Any]:
        stop.set()
        await asyncio.sleep(60)
        return {}

    for _ in range(8):
        stop = asyncio.Event()
        assert await runner(kit, kind, endless).run_one(stop)
    assert await runner(kit, kind, nothing).run_one()
    assert (await shown(kit, tenant, job))["status"] == "succeeded"


async def test_a_job_that_waits_for_something_gives_others_their_turn(
    kit: Harness, tenant: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await queue(kit, tenant, kind), await queue(kit, tenant, kind)
    seen: list[UUID] = []

    async def work(context: JobContext) -> Mapping[str, Any]:
        seen.append(context.id)
        if context.id == first:
            raise StoreUnavailableError("no store today")
        return {}

    assert await runner(kit, kind, work).run_one()
    assert await runner(kit, kind, work).run_one()
    assert not await runner(kit, kind, work).run_one(), "the first waits"
    assert seen == [first, second]
    monkeypatch.setattr("shared.jobs._AGAIN_S", 0.0)
    await eventually(lambda: runner(kit, kind, work).run_one(), 10)
    third = await queue(kit, tenant, kind)
    seen.clear()
    for _ in range(2):
        await runner(kit, kind, work).run_one()
    assert set(seen) == {first, third}, "neither stands in the other's way"
    assert await runner(kit, kind, nothing).run_one()


async def test_a_job_may_wait_and_become_another_meanwhile(kit: Harness, tenant: str, kind: str) -> None:
    by = Principal("ana", tenant, frozenset())
    async with kit.runtime.database.transaction(tenant) as session:
        job = await create_job(session, f"{kind}-later", {}, by, after=timedelta(hours=1))
        other = await create_job(session, kind, {}, by, after=timedelta(hours=1))
    assert not await runner(kit, f"{kind}-later", nothing).run_one()
    async with kit.runtime.database.transaction(tenant) as session:
        assert await replace_job(session, job, kind, {"n": 1})
        await withdraw_job(session, other)

    async def tell(context: JobContext) -> Mapping[str, Any]:
        return context.params

    assert await runner(kit, kind, tell).run_one()
    assert (await shown(kit, tenant, job))["result"] == {"n": 1}
    async with kit.runtime.database.transaction(tenant) as session:
        assert not await replace_job(session, job, kind, {}), "it has been done"
        assert not await replace_job(session, other, kind, {}), "it is gone"


async def test_a_disk_that_is_full_is_not_filled_for_ever(
    kit: Harness, tenant: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.jobs._AGAIN_S", 0.0)
    tries: list[int] = []

    async def fill(context: JobContext) -> Mapping[str, Any]:
        tries.append(context.attempts)
        raise asyncpg.DiskFullError("no space left on device")

    job = await queue(kit, tenant, kind)
    while await runner(kit, kind, fill).run_one():
        assert len(tries) <= 10
    assert (await shown(kit, tenant, job))["status"] == "failed"
    assert tries == [1, 2, 3, 4, 5]


async def test_a_job_that_could_not_be_begun_is_free_for_others(
    kit: Harness, tenant: str, kind: str, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row is locked by somebody for longer than a statement waits; the job's own lock must not stay behind."""
    monkeypatch.setattr("shared.db._LOCK_TIMEOUT_MS", 200)
    impatient = Database(kit.runtime.url, schema="kit", role="trastienda_kit_worker")
    other = Database(kit.runtime.url, schema="kit", role="trastienda_kit_worker")
    job = await queue(kit, tenant, kind)
    async with admin.transaction():
        await admin.execute("SELECT FROM kit.job WHERE id = $1 FOR UPDATE", job)
        with pytest.raises(DBAPIError, match="lock timeout"):
            await JobRunner("kit", kit.runtime.url, impatient, {kind: nothing}).run_one()
    assert await JobRunner("kit", kit.runtime.url, other, {kind: nothing}).run_one()
    assert (await shown(kit, tenant, job))["status"] == "succeeded"
    await impatient.close()
    await other.close()
