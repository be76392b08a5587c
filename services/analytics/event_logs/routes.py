"""POST /analytics/event-logs: a XES or CSV file becomes operations."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.analytics.event_logs.errors import (
    DamagedArchiveError,
    DoctypeRefusedError,
    EmptyLogError,
    MalformedXmlError,
    MissingColumnError,
    NotXesError,
    TooDeepError,
    TooLongError,
    TruncatedLogError,
    UnknownFormatError,
)
from services.analytics.event_logs.schemas import ImportAccepted, ImportQuery
from services.analytics.event_logs.service import IMPORT, accept_event_log
from shared.auth import Principal, requires
from shared.db import Session
from shared.errors import BodyTooLarge, IncompleteBody, Unavailable, problems
from shared.routing import STREAMS, ServiceRoute

router = APIRouter(prefix="/analytics/event-logs", tags=["event logs"], route_class=ServiceRoute)

CanImport = Annotated[Principal, requires("analytics.event-logs:write")]

_REFUSALS = problems(
    BodyTooLarge,
    DamagedArchiveError,
    DoctypeRefusedError,
    EmptyLogError,
    IncompleteBody,
    MalformedXmlError,
    MissingColumnError,
    NotXesError,
    TooDeepError,
    TooLongError,
    TruncatedLogError,
    Unavailable,
    UnknownFormatError,
)
_FILE = {"schema": {"type": "string", "format": "binary"}}
_BODY = {"required": True, "content": {"application/octet-stream": _FILE, "application/xml": _FILE, "text/csv": _FILE}}


@router.post("", status_code=202, responses=_REFUSALS, openapi_extra={**STREAMS, "requestBody": _BODY})
async def import_event_log(
    request: Request, response: Response, query: Annotated[ImportQuery, Query()], session: Session, by: CanImport
) -> ImportAccepted:
    """Take an event log as the raw body: XES or CSV, plain or gzipped, told by its content.

    The job publishes an operation for every completion and ends when the indicators show them; its result is
    the account of what was read, paired and rejected. Importing the same events into the same process again
    changes nothing, whatever the other parameters say.
    """
    job_id = await accept_event_log(session, request.app.state.runtime.store, query, request.stream(), by)
    response.headers["Location"] = f"/analytics/jobs/{job_id}"
    return ImportAccepted(id=job_id, kind=IMPORT, status="queued")
