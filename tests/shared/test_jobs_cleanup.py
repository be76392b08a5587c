"""What a job that fails for good leaves behind is removed by a job of its own."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.errors import DomainError
from shared.jobs import JobCode, JobContext, JobRunner, JobTakenOverError, WithCleanup
from tests.fixtures.services import Harness
from tests.shared.queueing import nothing, queue, shown


async def _refuse(_context: JobContext) -> Mapping[str, Any]:
    raise DomainError


async def _lose(_context: JobContext) -> Mapping[str, Any]:
    raise JobTakenOverError


async def _work_off(kit: Harness, kinds: Mapping[str, JobCode]) -> None:
    runner = JobRunner("kit", kit.runtime.url, kit.runtime.worker, kinds)
    while await runner.run_one():
        pass


async def test_a_job_that_failed_for_good_is_followed_by_its_cleanup(kit: Harness, tenant: str) -> None:
    kind, cleanup = (f"{name}-{uuid4().hex[:8]}" for name in ("work", "cleanup"))
    cleaned: list[JobContext] = []

    async def clean(context: JobContext) -> Mapping[str, Any]:
        cleaned.append(context)
        return {}

    failed = await queue(kit, tenant, kind, key="a/b")
    await _work_off(kit, {kind: WithCleanup(_refuse, cleanup), cleanup: clean})
    assert (await shown(kit, tenant, failed))["status"] == "failed"
    assert [(context.tenant, context.params) for context in cleaned] == [(tenant, {"key": "a/b"})]
    assert (await shown(kit, tenant, cleaned[0].id))["status"] == "succeeded"


@pytest.mark.parametrize("code", [nothing, _lose])
async def test_a_job_that_did_not_fail_is_followed_by_nothing(kit: Harness, tenant: str, code: JobCode) -> None:
    kind = f"work-{uuid4().hex[:8]}"
    await queue(kit, tenant, kind)
    runner = JobRunner("kit", kit.runtime.url, kit.runtime.worker, {kind: WithCleanup(code, "cleanup")})
    assert await runner.run_one()
    async with kit.runtime.worker.session(None) as session:
        kinds = await session.scalars(text("SELECT kind FROM job WHERE tenant_id = :tenant"), {"tenant": tenant})
        assert list(kinds) == [kind]
