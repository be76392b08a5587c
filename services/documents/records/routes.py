"""HTTP of records."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from services.documents.records import content, queries, service
from services.documents.records.errors import (
    DuplicateContent,
    EmptyContent,
    ExecutableContent,
    FormUpload,
    MediaTypeMismatch,
    RangeNotSatisfiable,
    UploadExpired,
)
from services.documents.records.headers import clean_filename, filename_of
from services.documents.records.models import Record
from services.documents.records.rules import declared_type
from services.documents.records.schemas import (
    DescriptionIn,
    LinkIn,
    LinkOut,
    RecordOut,
    Sha256,
    UploadIn,
    present_record,
)
from services.documents.records.uploads import Intake
from shared import clock
from shared.app import Runtime
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import BodyTooLarge, IncompleteBody, NotFound, Unavailable, problems
from shared.etag import IfMatch, PreconditionFailed, PreconditionRequired, check_version, set_etag
from shared.idempotency import Idempotent, KeyHeader, KeyInProgress, KeyReused, begin, fingerprint_of
from shared.pagination import InvalidCursor, Page, PageOf
from shared.routing import STREAMS, ServiceRoute
from shared.work import HumanWork

router = APIRouter(prefix="/documents/records", tags=["records"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("documents.records:read")]
CanWrite = Annotated[Principal, requires("documents.records:write")]
CanLink = Annotated[Principal, requires("documents.record-links:write")]

Disposition = Annotated[
    str | None, Header(alias="Content-Disposition", description="May name the file: `attachment; filename=...`")
]
RAW_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The content itself, of any media type. Without a telling Content-Type it is found out.",
        "content": {"application/octet-stream": {"schema": {}}},
    }
}
UPLOAD_REFUSALS = problems(
    *(DuplicateContent, EmptyContent, ExecutableContent, FormUpload, MediaTypeMismatch, UploadExpired),
    *(BodyTooLarge, IncompleteBody, KeyInProgress, KeyReused, Unavailable),
)
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The content is the one that If-None-Match names"},
}
CONTENT_ANSWERS: dict[int | str, dict[str, Any]] = NOT_MODIFIED | {
    206: {"description": "The range asked for", "content": {"application/octet-stream": {}}},
}


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


RuntimeOf = Annotated[Runtime, Depends(_runtime)]


def refuse_forms(request: Request) -> None:
    """Raise FormUpload before anything else is told: whoever sends a form has put the title into it as well."""
    declared = declared_type(request.headers.get("content-type"))
    if declared is not None and declared.startswith("multipart/"):
        raise FormUpload(declared=declared)


@router.post(
    "",
    status_code=201,
    dependencies=[Depends(refuse_forms)],
    openapi_extra=STREAMS | RAW_BODY,
    responses=UPLOAD_REFUSALS,
)
async def store(
    request: Request,
    response: Response,
    about: Annotated[UploadIn, Query()],
    runtime: RuntimeOf,
    session: Session,
    by: CanWrite,
    work: HumanWork,
    key: KeyHeader = None,
    disposition: Disposition = None,
) -> RecordOut:
    """Store the body as a record. Content that is there already is refused unless `duplicates=allow`."""
    declared = declared_type(request.headers.get("content-type"))
    filename = clean_filename(about.filename or filename_of(disposition))

    async def claim(sha256: str) -> None:
        if key is not None:
            fingerprint = fingerprint_of(request, f"{declared}\n{filename}\n{sha256}".encode())
            request.state.attempt = await begin(session, by, key, fingerprint)

    intake = Intake(runtime.store, runtime.database, by.tenant, runtime.settings.request_timeout)
    arriving = service.Arriving(about, filename, declared, request.stream(), by, work, claim)
    record = await service.store_record(intake, session, arriving)
    set_etag(response, record.version)
    response.headers["Location"] = f"/documents/records/{record.id}"
    return present_record(record)


@router.get("", responses=problems(InvalidCursor))
async def list_all(
    session: ReadSession,
    _by: CanRead,
    page: PageOf,
    kind: Annotated[str | None, Query(max_length=64)] = None,
    tags: Annotated[list[str] | None, Query(max_length=20, description="Each of them has to be there")] = None,
    media_type: Annotated[str | None, Query(max_length=128)] = None,
    sha256: Annotated[Sha256 | None, Query(description="Find records by their content's hash")] = None,
) -> Page[RecordOut]:
    """List records, newest first."""
    wanted = queries.RecordFilter(kind, tuple(tags or ()), media_type, sha256)
    return await queries.list_records(session, page, wanted)


@router.get("/{record_id}", responses=problems(NotFound))
async def get(record_id: UUID, response: Response, session: ReadSession, _by: CanRead) -> RecordOut:
    """Return what is said about one record, with its ETag."""
    record = await queries.get_record(session, record_id)
    set_etag(response, record.version)
    return present_record(record)


@router.patch("/{record_id}", responses=problems(NotFound, PreconditionFailed, PreconditionRequired))
async def describe(
    record_id: UUID,
    description: DescriptionIn,
    response: Response,
    session: Session,
    _by: CanWrite,
    work: HumanWork,
    if_match: IfMatch = None,
) -> RecordOut:
    """Change what is said about a record; needs If-Match. The content never changes."""
    record = await queries.get_record(session, record_id, lock=True)
    check_version(if_match, record.version)
    await service.describe_record(session, record, description, work)
    set_etag(response, record.version)
    return present_record(record)


async def _readable(record_id: UUID, session: ReadSession) -> Record:
    """Read the record and give the connection back before the store is asked: content may take its time."""
    record = await queries.get_record(session, record_id)
    await session.close()
    return record


Readable = Annotated[Record, Depends(_readable)]


@router.get(
    "/{record_id}/content",
    openapi_extra=STREAMS,
    response_class=content.ContentResponse,
    responses=CONTENT_ANSWERS | problems(NotFound, RangeNotSatisfiable, Unavailable),
)
async def download(request: Request, _by: CanRead, record: Readable, runtime: RuntimeOf) -> Response:
    """Send the content, or a single range of it. Its ETag is its hash; If-None-Match and If-Range are understood."""
    return await content.send_content(runtime.store, record, request.headers)


@router.head(
    "/{record_id}/content",
    response_class=content.ContentResponse,
    responses=NOT_MODIFIED | problems(NotFound),
)
async def describe_content(request: Request, _by: CanRead, record: Readable) -> Response:
    """Say what a download would send."""
    return content.describe_content(record, request.headers)


@router.post(
    "/{record_id}/links",
    status_code=201,
    dependencies=[Idempotent],
    responses=problems(NotFound, KeyInProgress, KeyReused, Unavailable),
)
async def link(
    record_id: UUID, wanted: LinkIn, response: Response, session: Session, runtime: RuntimeOf, _by: CanLink
) -> LinkOut:
    """Make an address from which anybody can fetch the content, at the store itself, for a short time."""
    record = await queries.get_record(session, record_id)
    lifetime = timedelta(seconds=wanted.lifetime_seconds)
    expires_at = clock.now() + lifetime
    url = await runtime.store.presigned_url(
        record.object_key, lifetime, content.disposition_of(record), record.media_type
    )
    response.headers["Cache-Control"] = "no-store"
    return LinkOut(url=url, expires_at=expires_at)
