"""POST /analytics/rebuilds: compute roll-ups and cases anew from the facts, and say whether they were right."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.operations.ingest import rebuild, wait_for_turn
from shared.auth import Principal, requires
from shared.db import Session
from shared.errors import problems
from shared.idempotency import Idempotent, KeyInProgress, KeyReused
from shared.jobs import JobContext, create_job
from shared.routing import ServiceRoute
from shared.schemas import ResponseModel

REBUILD = "rebuild"
DERIVED = ("rollup_hour", "rollup_histogram", "case_state", "case_activity")

router = APIRouter(prefix="/analytics/rebuilds", tags=["operations"], route_class=ServiceRoute)

CanRebuild = Annotated[Principal, requires("analytics.operations:manage")]


class RebuildAccepted(ResponseModel):
    """The job that does it; Location is its address. Its result says of each table whether it was right before."""

    id: UUID


@router.post("", status_code=202, responses=problems(KeyReused, KeyInProgress), dependencies=[Idempotent])
async def start_rebuild(response: Response, session: Session, by: CanRebuild) -> RebuildAccepted:
    """Rebuild the tenant's roll-ups and cases. Nothing should change; new events wait while it works."""
    job_id = await create_job(session, REBUILD, {}, by)
    response.headers["Location"] = f"/analytics/jobs/{job_id}"
    return RebuildAccepted(id=job_id)


async def run_rebuild(job: JobContext) -> Mapping[str, Any]:
    """Rebuild in one transaction, so that a crash leaves everything as it was."""
    async with job.database.transaction(job.tenant) as session:
        await wait_for_turn(session, alone=True)
        before = await _digests(session, job.tenant)
        await rebuild(session, job.tenant)
        after = await _digests(session, job.tenant)
    return {"was_right": {table: before[table] == after[table] for table in DERIVED}}


async def _digests(session: AsyncSession, tenant: str) -> dict[str, str]:
    """Return a digest of each derived table's rows; equal rows, equal digest."""
    digests = {}
    for table in DERIVED:
        rows = f"SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM {table} AS t WHERE tenant_id = :tenant"  # noqa: S608 - names from this module
        digests[table] = (await session.execute(text(rows), {"tenant": tenant})).scalar_one()
    return digests
