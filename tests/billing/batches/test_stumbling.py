"""What goes wrong on the way of a batch and is nobody's fault: it goes on, and no file pays for it."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.batches.models import BatchFile
from services.billing.einvoices.errors import ValidatorsBusy
from services.billing.einvoices.limits import PoolLimits
from services.billing.einvoices.pool import Validators
from services.billing.processes import Worker
from shared.db import Database
from shared.jobs import JobRunner
from tests.billing.batches.test_batches import files_of, packed, send
from tests.billing.drafts.sending import plain
from tests.billing.intake.electronic import electronic, get, nothing_left, objects, rows
from tests.billing.working import ended
from tests.fixtures.services import Harness

FILES = {"a.xml": electronic("A-1"), "b.pdf": plain("B-2")}
BOTH = {"files": 2, "on_file": 1, "drafts": 1, "refused": 0}


def runner_of(billing: Harness) -> JobRunner:
    runtime = billing.runtime
    return JobRunner(billing.service.name, runtime.url, runtime.worker, billing.service.jobs(runtime))


async def test_a_commit_whose_answer_is_lost_keeps_the_bytes(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Database.transaction
    lost: list[str] = []

    @asynccontextmanager
    async def losing(self: Database, of: str | None = None) -> AsyncIterator[AsyncSession]:
        async with whole(self, of) as session:
            yield session
            mine = select(BatchFile.name).where(BatchFile.tenant_id == tenant)  # a job's worker sees every tenant
            told = (await session.scalars(mine)).all() if of == tenant else []
        if len(told) > len(lost):
            lost.extend(name for name in told if name not in lost)
            raise ConnectionResetError("the answer to COMMIT is lost")

    monkeypatch.setattr(Database, "transaction", losing)
    accepted = await send(billing, tenant, packed(FILES))
    assert (await ended(billing, tenant, accepted))["result"] == BOTH
    assert lost == list(FILES)
    invoice, draft = await files_of(billing, tenant, accepted)
    originals = f"/billing/invoices/{invoice['invoice_id']}", f"/billing/drafts/{draft['draft_id']}"
    for path, content in zip(originals, FILES.values(), strict=True):
        assert (await get(billing, tenant, f"{path}/original")).content == content
    assert len(await objects(billing, tenant)) == 2
    assert await rows(billing, tenant, "pending_original") == []


async def test_a_job_that_dies_before_its_end_is_told_ends_as_it_would_have(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = JobRunner._finish
    calls: list[int] = []

    async def die_once(self: JobRunner, *args: Any, **more: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("the power went")
        await finish(self, *args, **more)

    monkeypatch.setattr(JobRunner, "_finish", die_once)
    accepted = await send(billing, tenant, packed(FILES))
    with pytest.raises(OSError, match="power"):
        await runner_of(billing).run_one()
    assert (await ended(billing, tenant, accepted))["result"] == BOTH
    assert len(await objects(billing, tenant)) == 2


async def test_a_validator_that_is_killed_costs_no_file(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Worker._watch
    asked: list[int] = []

    async def killing(self: Worker[Any], answer: Any, limits: PoolLimits) -> None:
        asked.append(1)
        if len(asked) in {1, 4}:
            os.kill(self.pid, signal.SIGKILL)
        await watch(self, answer, limits)

    monkeypatch.setattr(Worker, "_watch", killing)
    accepted = await send(billing, tenant, packed(FILES))
    assert (await ended(billing, tenant, accepted))["result"] == BOTH
    assert len(asked) == 6  # the invoice twice; the document is judged and read, twice


async def test_a_validator_that_dies_of_a_file_each_time_is_told(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Worker._watch

    async def killing(self: Worker[Any], answer: Any, limits: PoolLimits) -> None:
        os.kill(self.pid, signal.SIGKILL)
        await watch(self, answer, limits)

    monkeypatch.setattr(Worker, "_watch", killing)
    accepted = await send(billing, tenant, packed({"a.xml": FILES["a.xml"]}))
    assert (await ended(billing, tenant, accepted))["result"] == {"files": 1, "on_file": 0, "drafts": 0, "refused": 1}
    (file,) = await files_of(billing, tenant, accepted)
    assert (file["refusal"]["code"], file["refusal"]["values"]["obstacle"]) == ("unread-invoice", "validator-ended")
    assert await nothing_left(billing, tenant)


async def test_a_batch_outlasts_busy_validators_however_often_it_was_begun(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge, busy = Validators.judge, [1, 1]

    async def busy_twice(self: Validators, *args: Any, **more: Any) -> Any:
        if busy:
            busy.pop()
            raise ValidatorsBusy
        return await judge(self, *args, **more)

    monkeypatch.setattr(Validators, "judge", busy_twice)
    accepted = await send(billing, tenant, packed(FILES))
    async with billing.runtime.worker.transaction() as session:
        await session.execute(text("UPDATE job SET attempts = 50 WHERE tenant_id = :tenant"), {"tenant": tenant})
    assert (await ended(billing, tenant, accepted))["result"] == BOTH
    assert busy == []


async def test_a_process_that_is_replaced_is_waited_for(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasty = billing.settings.model_copy(update={"validator_documents": 1, "validator_patience": 0.01})
    monkeypatch.setattr(billing.runtime, "settings", hasty)
    accepted = await send(billing, tenant, packed(FILES))
    await runner_of(billing).run_one()
    told = await get(billing, tenant, accepted.headers["location"])
    assert told.json()["result"] == BOTH, "at the first start"
