"""Queues jobs, works on them and looks at them, for the tests of jobs."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from shared.auth import Principal
from shared.jobs import JobCode, JobContext, JobRunner, create_job
from tests.fixtures.services import Harness


def runner(kit: Harness, kind: str, code: JobCode) -> JobRunner:
    return JobRunner("kit", kit.runtime.url, kit.runtime.worker, {kind: code})


async def queue(kit: Harness, tenant: str, kind: str, **params: Any) -> UUID:
    async with kit.runtime.database.transaction(tenant) as session:
        return await create_job(session, kind, params, Principal("ana", tenant, frozenset()))


async def shown(kit: Harness, tenant: str, job: UUID) -> dict[str, Any]:
    async with kit.client(tenant, "viewer") as client:
        answer = await client.get(f"/kit/jobs/{job}")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def nothing(_context: JobContext) -> Mapping[str, Any]:
    return {}
