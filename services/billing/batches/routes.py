"""HTTP of batches."""

import hashlib
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any, cast
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response

from services.billing.batches import queries
from services.billing.batches.job import BATCH, KEPT_HOURS, BatchOrder
from services.billing.batches.schemas import BatchAccepted, BatchFileOut, present_file
from services.billing.einvoices.arriving import LanguageOf
from services.billing.intake import originals
from services.billing.intake.errors import IntakeExpired
from services.billing.settings import BillingSettings
from shared.app import Runtime
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import BodyTooLarge, IncompleteBody, Unavailable, problems
from shared.idempotency import KeyHeader, KeyInProgress, KeyReused, begin, fingerprint_of
from shared.jobs import create_job
from shared.pagination import Page, PageOf
from shared.routing import STREAMS, ServiceRoute
from shared.transfers import patient

router = APIRouter(prefix="/billing/batches", tags=["batches"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("billing.invoices:read")]
CanWrite = Annotated[Principal, requires("billing.invoices:write")]
BATCH_REFUSALS = problems(BodyTooLarge, IncompleteBody, IntakeExpired, KeyInProgress, KeyReused, Unavailable)
ARCHIVE_BODY: dict[str, Any] = STREAMS | {
    "requestBody": {
        "required": True,
        "description": "A ZIP archive of invoice files, 1,000 at most.",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class _Counted:
    """The body on its way: how much has come, and the digest of it."""

    def __init__(self, request: Request, settings: BillingSettings) -> None:
        self._request, self._settings = request, settings
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> bytes:
        return self._hash.digest()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Pass the body on. Raises BodyTooLarge, IncompleteBody for a sender who falls silent."""
        async for chunk in patient(self._request.stream(), self._settings.request_timeout):
            self.size += len(chunk)
            if self.size > self._settings.batch_bytes:
                raise BodyTooLarge(limit=self._settings.batch_bytes)
            self._hash.update(chunk)
            yield chunk


@router.post("", status_code=202, responses=BATCH_REFUSALS, openapi_extra=ARCHIVE_BODY)
async def take_in_batch(
    request: Request, response: Response, session: Session, by: CanWrite, key: KeyHeader = None
) -> BatchAccepted:
    """Take in many invoice files: a job deals with one after another as if each had been sent alone, plain PDFs as drafts.

    `GET /billing/batches/{id}/files` tells what became of each. The archive itself is not kept.
    """
    runtime: Runtime = request.app.state.runtime
    arriving = _Counted(request, cast("BillingSettings", runtime.settings))
    original = await originals.store_stream(runtime, by.tenant, arriving.chunks())
    async with originals.or_discarded(runtime, by.tenant, session, original):
        if key is not None:
            request.state.attempt = await begin(session, by, key, fingerprint_of(request, arriving.digest))
        await originals.keep(session, original, KEPT_HOURS)
        order = BatchOrder(original.id, original.object_key, arriving.size, by.id)
        job_id = await create_job(session, BATCH, msgspec.to_builtins(order), by)
    response.headers["Location"] = f"/billing/jobs/{job_id}"
    return BatchAccepted(id=job_id, kind=BATCH, status="queued", files=f"/billing/batches/{job_id}/files")


@router.get("/{job_id}/files")
async def list_files(
    job_id: UUID, session: ReadSession, _by: CanRead, page: PageOf, language: LanguageOf
) -> Page[BatchFileOut]:
    """Tell what became of each file so far, the last one first. A file that is missing is still to come."""
    return await queries.list_files(session, page, job_id, partial(present_file, language=language))
