"""Jobs: taken by one worker, resumed from the last checkpoint, shown to their own tenant alone."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared.auth import Principal
from shared.errors import DomainError
from shared.jobs import JobContext, create_job
from shared.storage import StoreUnavailableError
from tests.fakes.waiting import eventually
from tests.fixtures.services import Harness, problem
from tests.shared.queueing import nothing, queue, runner, shown

ROOT = Path(__file__).parents[2]


@pytest.fixture
def kind() -> str:
    """A kind of jobs that nobody else works on."""
    return f"kind-{uuid4().hex[:8]}"


async def test_a_job_goes_from_queued_to_succeeded(kit: Harness, tenant: str, kind: str) -> None:
    job = await queue(kit, tenant, kind, to=3)
    before = await shown(kit, tenant, job)
    assert (before["status"], before["done"], before["total"], before["result"]) == ("queued", 0, None, None)
    during: list[dict[str, Any]] = []

    async def count(context: JobContext) -> Mapping[str, Any]:
        assert (context.tenant, dict(context.params), context.cursor) == (tenant, {"to": 3}, {})
        await context.checkpoint({"n": 1}, 1, total=3)
        during.append(await shown(kit, tenant, job))
        await context.checkpoint({"n": 3}, 3)
        return {"counted": 3}

    assert await runner(kit, kind, count).run_one()
    assert not await runner(kit, kind, count).run_one()
    assert (during[0]["status"], during[0]["done"], during[0]["total"]) == ("running", 1, 3)
    after = await shown(kit, tenant, job)
    assert (after["status"], after["done"], after["total"], after["result"]) == ("succeeded", 3, 3, {"counted": 3})
    assert after["finished_at"] >= after["started_at"] >= after["created_at"]
    assert after["error"] is None


async def test_another_tenants_job_is_not_found(kit: Harness, tenant: str, other_tenant: str, kind: str) -> None:
    job = await queue(kit, tenant, kind)
    async with kit.client(other_tenant, "admin") as client:
        answer = await client.get(f"/kit/jobs/{job}")
    assert (answer.status_code, problem(answer)["code"]) == (404, "not-found")
    await runner(kit, kind, nothing).run_one()


async def test_a_job_whose_runner_is_cancelled_goes_on_from_its_checkpoint(
    kit: Harness, tenant: str, kind: str, admin: asyncpg.Connection
) -> None:
    job = await queue(kit, tenant, kind)
    begun, cursors = asyncio.Event(), list[Mapping[str, Any]]()

    async def work(context: JobContext) -> Mapping[str, Any]:
        cursors.append(context.cursor)
        await context.checkpoint({"row": len(cursors) * 10}, len(cursors) * 10)
        if len(cursors) == 1:
            begun.set()
            await asyncio.sleep(60)
        return {}

    first = asyncio.create_task(runner(kit, kind, work).run_one())
    await begun.wait()
    assert not await runner(kit, kind, work).run_one()  # it is held
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert (await shown(kit, tenant, job))["status"] == "running"
    assert await runner(kit, kind, work).run_one()
    assert cursors == [{}, {"row": 10}]
    assert (await shown(kit, tenant, job))["status"] == "succeeded"
    assert await admin.fetchval("SELECT attempts FROM kit.job WHERE id = $1", job) == 2


async def test_a_runner_that_lost_its_lock_stops_at_its_next_checkpoint(
    kit: Harness, tenant: str, kind: str, admin: asyncpg.Connection
) -> None:
    job = await queue(kit, tenant, kind)
    begun, go_on = asyncio.Event(), asyncio.Event()
    reached: list[str] = []

    async def slow(context: JobContext) -> Mapping[str, Any]:
        await context.checkpoint({"by": "slow"}, 1)
        begun.set()
        await go_on.wait()
        await context.checkpoint({"by": "slow again"}, 2)
        reached.append("the end")
        return {"by": "slow"}

    async def quick(context: JobContext) -> Mapping[str, Any]:
        reached.append(str(context.cursor["by"]))
        return {"by": "quick"}

    first = asyncio.create_task(runner(kit, kind, slow).run_one())
    await begun.wait()
    killed = await admin.fetch(
        "SELECT pg_terminate_backend(l.pid, 5000) FROM pg_locks l JOIN pg_stat_activity USING (pid) "
        "WHERE locktype = 'advisory' AND application_name = 'trastienda_kit_worker' AND state = 'idle'"
    )
    assert len(killed) == 1
    assert await runner(kit, kind, quick).run_one()
    go_on.set()
    await asyncio.gather(first, return_exceptions=True)
    assert reached == ["slow"]
    assert (await shown(kit, tenant, job))["result"] == {"by": "quick"}


async def test_two_runners_never_work_on_one_job(kit: Harness, tenant: str, kind: str) -> None:
    jobs = {await queue(kit, tenant, kind) for _ in range(12)}
    at_work: list[UUID] = []
    done: list[UUID] = []

    async def work(context: JobContext) -> Mapping[str, Any]:
        assert context.id not in at_work
        at_work.append(context.id)
        await asyncio.sleep(0.01)
        done.append(context.id)
        return {}

    async def drain() -> None:
        while await runner(kit, kind, work).run_one():
            pass

    await asyncio.gather(*(drain() for _ in range(3)))
    await drain()
    assert len(done) == 12
    assert set(done) == jobs


class Unusable(DomainError):
    code, status = "unusable", 422
    en, es = "Line {line} has no case.", "La línea {line} no tiene caso."


async def test_a_job_that_cannot_be_done_says_why_in_both_languages(kit: Harness, tenant: str, kind: str) -> None:
    async def refuse(_context: JobContext) -> Mapping[str, Any]:
        raise Unusable(line=7, code="not the code")

    job = await queue(kit, tenant, kind)
    await runner(kit, kind, refuse).run_one()
    document = await shown(kit, tenant, job)
    assert document["status"] == "failed"
    assert document["error"].items() >= {"code": "unusable", "line": 7}.items()
    assert document["error"]["detail"] == {"en": "Line 7 has no case.", "es": "La línea 7 no tiene caso."}
    assert not await runner(kit, kind, refuse).run_one()


async def test_a_job_that_breaks_is_tried_a_few_times(
    kit: Harness, tenant: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.jobs._AGAIN_S", 0.0)
    tries: list[int] = []

    async def broken(context: JobContext) -> Mapping[str, Any]:
        tries.append(context.attempts)
        raise RuntimeError("the password is tiger")

    job = await queue(kit, tenant, kind)
    while await runner(kit, kind, broken).run_one():
        assert len(tries) <= 10
    document = await shown(kit, tenant, job)
    assert (document["status"], document["error"]["code"]) == ("failed", "internal-error")
    assert "tiger" not in str(document)
    assert tries == [1, 2, 3, 4, 5]


async def test_a_job_outlasts_what_is_away_for_long(
    kit: Harness, tenant: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.jobs._AGAIN_S", 0.0)

    async def wait(context: JobContext) -> Mapping[str, Any]:
        if context.attempts < 9:
            raise StoreUnavailableError("no store today")
        return {"attempts": context.attempts}

    job = await queue(kit, tenant, kind)
    for _ in range(9):
        await runner(kit, kind, wait).run_one()
    assert (await shown(kit, tenant, job))["result"] == {"attempts": 9}


async def test_a_stopped_runner_leaves_its_job_to_the_next(kit: Harness, tenant: str, kind: str) -> None:
    job = await queue(kit, tenant, kind)
    stop, begun = asyncio.Event(), asyncio.Event()
    ended: list[str] = []

    async def endless(context: JobContext) -> Mapping[str, Any]:
        await context.checkpoint({"row": 5}, 5)
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cleaned up")
        return {}

    running = asyncio.create_task(runner(kit, kind, endless).run(stop))
    await begun.wait()
    stop.set()
    await asyncio.wait_for(running, 5)
    assert ended == ["cleaned up"]

    async def finish(context: JobContext) -> Mapping[str, Any]:
        return {"from": context.cursor["row"]}

    assert await runner(kit, kind, finish).run_one()
    assert (await shown(kit, tenant, job))["result"] == {"from": 5}


async def test_a_new_job_begins_at_once(kit: Harness, tenant: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.jobs._IDLE_S", 60.0)
    stop, listens = asyncio.Event(), asyncio.Event()

    async def note(_context: JobContext) -> Mapping[str, Any]:
        listens.set()
        return {}

    running = asyncio.create_task(runner(kit, kind, note).run(stop))
    await queue(kit, tenant, kind)
    await asyncio.wait_for(listens.wait(), 10)
    await asyncio.sleep(0.3)
    job = await queue(kit, tenant, kind)

    async def succeeded() -> bool:
        return bool((await shown(kit, tenant, job))["status"] == "succeeded")

    await eventually(succeeded, 5)
    stop.set()
    await queue(kit, tenant, kind)  # wakes it up to see the stop
    await asyncio.wait_for(running, 5)
    await runner(kit, kind, nothing).run_one()


async def test_a_job_that_is_not_committed_does_not_exist(kit: Harness, tenant: str, kind: str) -> None:
    async with kit.runtime.database.session(tenant) as session:
        await create_job(session, kind, {}, Principal("ana", tenant, frozenset()))
        assert not await runner(kit, kind, nothing).run_one()
    assert not await runner(kit, kind, nothing).run_one()


WORKER = """
import asyncio, sys
from shared.db import Database
from shared.jobs import JobRunner

async def stay(context):
    await context.checkpoint({"row": 40}, 40, total=100)
    print("checkpointed", flush=True)
    await asyncio.sleep(60)

async def main(url, kind):
    database = Database(url, schema="kit", role="trastienda_kit_worker")
    await JobRunner("kit", url, database, {kind: stay}).run(asyncio.Event())

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_job_whose_process_is_killed_goes_on_in_another(kit: Harness, tenant: str, kind: str) -> None:
    job = await queue(kit, tenant, kind)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, kit.runtime.url, kind, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"checkpointed\n"
    process.kill()
    await process.wait()
    document = await shown(kit, tenant, job)
    assert (document["status"], document["done"], document["total"]) == ("running", 40, 100)

    async def finish(context: JobContext) -> Mapping[str, Any]:
        return {"from": context.cursor["row"]}

    await eventually(lambda: runner(kit, kind, finish).run_one())  # once PostgreSQL has noticed
    assert (await shown(kit, tenant, job))["result"] == {"from": 40}
