"""POST /analytics/exports: a process's operations become a file; GET .../content gives it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from services.analytics.exports.errors import ExportFailed, ExportGone, ExportNotReady, PeriodBackwards
from services.analytics.exports.schemas import ExportAccepted, ExportIn
from services.analytics.exports.service import EXPORT, KEPT_HOURS, find_file, order_export
from shared.app import Runtime
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import NotFound, Unavailable, problems
from shared.idempotency import Idempotent, KeyInProgress, KeyReused
from shared.routing import STREAMS, ServiceRoute
from shared.storage import ObjectNotFoundError
from shared.transfers import begun

router = APIRouter(prefix="/analytics/exports", tags=["event logs"], route_class=ServiceRoute)

# What an export holds is the work of the whole house, by pseudonym: more than an indicator shows.
CanOrder = Annotated[Principal, requires("analytics.exports:write")]
CanFetch = Annotated[Principal, requires("analytics.exports:read-personal")]


class FileResponse(StreamingResponse):
    """A file, as OpenAPI shows it."""

    media_type = "application/octet-stream"


@router.post(
    "", status_code=202, responses=problems(KeyReused, KeyInProgress, PeriodBackwards), dependencies=[Idempotent]
)
async def start_export(body: ExportIn, response: Response, session: Session, by: CanOrder) -> ExportAccepted:
    """Write the operations of a process that were finished in the period as XES, CSV or OCEL 2.0 (JSON, SQLite).

    Actors are the pseudonyms that are stored. Observations (starts never completed, suspensions and the like) are in
    it, without who made them; those of which only the moment is stored are left out, and the job's result counts
    them. The file is kept for 24 hours. Imported again (`cost_attribute=cost:total`, for CSV `cost`), it gives the
    same indicators.
    """
    job_id = await order_export(session, body, by)
    response.headers["Location"] = f"/analytics/jobs/{job_id}"
    return ExportAccepted(id=job_id, kind=EXPORT, status="queued", content=f"/analytics/exports/{job_id}/content")


@router.get(
    "/{job_id}/content",
    response_class=FileResponse,
    responses=problems(NotFound, ExportNotReady, ExportFailed, ExportGone, Unavailable),
    openapi_extra=STREAMS,
)
async def get_export_content(job_id: UUID, request: Request, session: ReadSession, _by: CanFetch) -> Response:
    """Send the finished file, for 24 hours after its job has ended."""
    file = await find_file(session, job_id)
    runtime: Runtime = request.app.state.runtime
    try:
        body = await begun(runtime.store.open(file.key, 0, file.size))
    except ObjectNotFoundError:
        raise ExportGone(hours=KEPT_HOURS) from None
    headers = {
        "Content-Type": file.media_type,
        "Content-Length": str(file.size),
        "Content-Disposition": f'attachment; filename="{file.name}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return FileResponse(body, 200, headers)
