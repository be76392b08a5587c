"""POST /analytics/rebuilds: compute roll-ups and cases anew from the facts, and say whether they were right."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from services.analytics.rebuilds.job import REBUILD
from shared.auth import Principal, requires
from shared.db import Session
from shared.errors import problems
from shared.idempotency import Idempotent, KeyInProgress, KeyReused
from shared.jobs import create_job
from shared.routing import ServiceRoute
from shared.schemas import ResponseModel

router = APIRouter(prefix="/analytics/rebuilds", tags=["operations"], route_class=ServiceRoute)

CanRebuild = Annotated[Principal, requires("analytics.operations:manage")]


class RebuildAccepted(ResponseModel):
    """The job that does it; Location is its address.

    Its result says of each table whether it was right before (`was_right`), and what differed: how many rows were missing,
    extra or different, and the first of them (`differences`).
    """

    id: UUID


@router.post("", status_code=202, responses=problems(KeyReused, KeyInProgress), dependencies=[Idempotent])
async def start_rebuild(response: Response, session: Session, by: CanRebuild) -> RebuildAccepted:
    """Fold the tenant's facts again and mend what differs. Nothing should; answers and events go on meanwhile."""
    job_id = await create_job(session, REBUILD, {}, by)
    response.headers["Location"] = f"/analytics/jobs/{job_id}"
    return RebuildAccepted(id=job_id)
