"""POST /analytics/event-logs: a XES, CSV or OCEL file becomes operations."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from services.analytics.event_logs.errors import (
    CaseTypeNeededError,
    DamagedArchiveError,
    DamagedDatabaseError,
    DoctypeRefusedError,
    EmptyLogError,
    FormUploadError,
    MalformedJsonError,
    MalformedXmlError,
    MissingColumnError,
    NotOcelError,
    NotXesError,
    TooDeepError,
    TooLongError,
    TooManyColumnsError,
    TruncatedLogError,
    UnknownEncodingError,
    UnknownFormatError,
    UploadExpired,
)
from services.analytics.event_logs.schemas import ImportAccepted, ImportQuery
from services.analytics.event_logs.service import IMPORT, accept_event_log
from services.analytics.plausible import PlausibleNow
from shared.app import Runtime
from shared.auth import Principal, requires
from shared.db import Session
from shared.errors import BodyTooLarge, IncompleteBody, Unavailable, problems
from shared.idempotency import KeyHeader, KeyInProgress, KeyReused, begin, fingerprint_of
from shared.routing import STREAMS, ServiceRoute
from shared.transfers import patient

router = APIRouter(prefix="/analytics/event-logs", tags=["event logs"], route_class=ServiceRoute)

CanImport = Annotated[Principal, requires("analytics.event-logs:write")]

_REFUSALS = problems(
    BodyTooLarge,
    CaseTypeNeededError,
    DamagedArchiveError,
    DamagedDatabaseError,
    DoctypeRefusedError,
    EmptyLogError,
    FormUploadError,
    IncompleteBody,
    KeyInProgress,
    KeyReused,
    MalformedJsonError,
    MalformedXmlError,
    MissingColumnError,
    NotOcelError,
    NotXesError,
    TooDeepError,
    TooLongError,
    TooManyColumnsError,
    TruncatedLogError,
    Unavailable,
    UnknownEncodingError,
    UnknownFormatError,
    UploadExpired,
)
_FILE = {"schema": {"type": "string", "format": "binary"}}
_BODY = {
    "required": True,
    "content": {
        "application/octet-stream": _FILE,
        "application/xml": _FILE,
        "text/csv": _FILE,
        "application/json": _FILE,
        "application/vnd.sqlite3": _FILE,
    },
}


def refuse_forms(request: Request) -> None:
    """Raise FormUploadError before anything else is told: a form's lines would read as a CSV with strange columns."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared.startswith("multipart/"):
        raise FormUploadError(declared=declared)


@router.post(
    "",
    status_code=202,
    dependencies=[Depends(refuse_forms)],
    responses=_REFUSALS,
    openapi_extra={**STREAMS, "requestBody": _BODY},
)
async def import_event_log(
    request: Request,
    response: Response,
    query: Annotated[ImportQuery, Query()],
    session: Session,
    by: CanImport,
    plausible: PlausibleNow,
    key: KeyHeader = None,
) -> ImportAccepted:
    """Take an event log as the raw body: XES, CSV, OCEL 2.0 (JSON, SQLite) or OCEL 1.0 (JSON), plain or gzipped.

    What it is is told by its content. Of an object-centric log one type of object gives the cases; an event that is
    related to several objects of that type counts once for each of them.

    The job publishes an operation for every completion and ends when the indicators show them; its result is
    the account of what was read, paired and rejected. Importing the same events into the same process again
    changes nothing, whatever the other parameters say but for costs. A longer version of a log revises what a shorter
    one said, and leaves what it alone would have left; `changes` in the result says how much. Should the indicators stand still for ten minutes, the
    job ends with `visible: false` in its result; what it published is counted later.
    """

    async def claim(sha256: str) -> None:
        if key is not None:
            request.state.attempt = await begin(session, by, key, fingerprint_of(request, sha256.encode()))

    runtime: Runtime = request.app.state.runtime
    body = patient(request.stream(), runtime.settings.request_timeout)
    job_id = await accept_event_log(runtime, session, query, body, by, plausible, claim)
    response.headers["Location"] = f"/analytics/jobs/{job_id}"
    return ImportAccepted(id=job_id, kind=IMPORT, status="queued")
