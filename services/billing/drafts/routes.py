"""HTTP of drafts."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.billing.drafts import queries, service
from services.billing.drafts.arriving import READING_REFUSALS, read_document
from services.billing.drafts.errors import DocumentOnFile, DraftIncomplete, DraftSettled
from services.billing.drafts.models import DraftState, InvoiceDraft
from services.billing.drafts.schemas import (
    DiscardIn,
    DraftChangeIn,
    DraftDetailOut,
    DraftOut,
    DraftRepeatIn,
    present_draft_detail,
)
from services.billing.duplicates.errors import NotARepeat, OverriderNotAPerson, UnknownRepeated
from services.billing.einvoices.arriving import AdmittedDocument, LanguageOf, validators_of
from services.billing.intake.errors import IntakeExpired
from services.billing.intake.queries import tell_invoice
from services.billing.intake.receiving import received, tell_registered
from services.billing.intake.schemas import InvoiceDetailOut
from services.billing.intake.sending import OriginalResponse, StoredFile, send_original
from services.billing.invoices.errors import DuplicateInvoice, TotalsDoNotAddUp
from services.billing.invoices.models import SupplierInvoice
from services.billing.work_queue.errors import ClaimedByAnother
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import BodyTooLarge, IncompleteBody, Language, NotFound, Unavailable, problems
from shared.etag import row_to_change, set_etag
from shared.idempotency import Idempotent, KeyHeader, KeyInProgress, KeyReused
from shared.pagination import Page, PageOf
from shared.routing import STREAMS, ServiceRoute
from shared.work import HumanWork

router = APIRouter(prefix="/billing/drafts", tags=["drafts"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("billing.invoices:read")]
CanWrite = Annotated[Principal, requires("billing.invoices:write")]
CanOverride = Annotated[Principal, requires("billing.duplicates:approve")]
CurrentDraft = Annotated[InvoiceDraft, row_to_change(queries.get_draft, "draft_id")]
EditedDraft = Annotated[InvoiceDraft, row_to_change(queries.get_draft, "draft_id", edit=True)]
DRAFT_REFUSALS = problems(
    *READING_REFUSALS,
    *(BodyTooLarge, IncompleteBody),
    *(DocumentOnFile, IntakeExpired, KeyInProgress, KeyReused, Unavailable),
)
REGISTRATION_REFUSALS = problems(DraftSettled, ClaimedByAnother, DraftIncomplete, TotalsDoNotAddUp, DuplicateInvoice)
REPEAT_REFUSALS = problems(UnknownRepeated, NotARepeat, OverriderNotAPerson, declared=REGISTRATION_REFUSALS)
DISCARD_REFUSALS = problems(DraftSettled, ClaimedByAnother)
PDF_BODY: dict[str, Any] = STREAMS | {
    "requestBody": {
        "required": True,
        "description": "The PDF as it was received; what it is shows in its bytes, whatever the type says.",
        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("", status_code=201, responses=DRAFT_REFUSALS, openapi_extra=PDF_BODY)
async def receive(
    request: Request,
    response: Response,
    body: AdmittedDocument,
    session: Session,
    by: CanWrite,
    key: KeyHeader = None,
) -> DraftDetailOut:
    """Take a plain PDF invoice: what its text layer says is read, with the place of each value; the rest a person adds.

    No picture is read: a scan becomes a draft without any values. The same file is here once, unless it was discarded.
    """
    reading = await read_document(validators_of(request), body.content)
    arrived = service.Arrived(body.content, reading, body.begun_at)
    async with received(request, session, by, key, body.content) as original:
        draft = await service.receive_draft(session, arrived, original, by)
    set_etag(response, draft.version)
    response.headers["Location"] = f"/billing/drafts/{draft.id}"
    return present_draft_detail(draft)


@router.get("")
async def list_all(
    session: ReadSession,
    _by: CanRead,
    page: PageOf,
    status: Annotated[DraftState | None, Query(description="Only those that are open, registered or discarded")] = None,
) -> Page[DraftOut]:
    """List drafts, newest first."""
    return await queries.list_drafts(session, page, status)


@router.get("/{draft_id}", responses=problems(NotFound))
async def get(draft_id: UUID, response: Response, session: ReadSession, _by: CanRead) -> DraftDetailOut:
    """Return one draft with its ETag: each field with its value, where it was read and how sure that is."""
    draft = await queries.get_draft(session, draft_id)
    set_etag(response, draft.version)
    return present_draft_detail(draft)


@router.patch("/{draft_id}", responses=problems(DraftSettled, ClaimedByAnother))
async def change(draft: EditedDraft, wanted: DraftChangeIn, session: Session, by: CanWrite) -> DraftDetailOut:
    """Say what the document says, where it was not read, or not rightly; needs If-Match."""
    await service.change_draft(session, draft, wanted, by)
    await session.flush()  # the change gives the row its version
    return present_draft_detail(draft)


@router.post("/{draft_id}/registration", status_code=201, dependencies=[Idempotent], responses=REGISTRATION_REFUSALS)
async def register(
    request: Request,
    response: Response,
    draft: CurrentDraft,
    session: Session,
    by: CanWrite,
    work: HumanWork,
    language: LanguageOf,
) -> InvoiceDetailOut:
    """Register the draft as the invoice it is, by the rules for keyed invoices; its original is the invoice's then.

    A refusal leaves the draft open. The answer is the invoice, with its ETag.
    """
    invoice = await service.register_draft(session, draft, by, work)
    return await _tell_registered(request, response, session, invoice, language)


@router.post("/{draft_id}/repeat", status_code=201, dependencies=[Idempotent], responses=REPEAT_REFUSALS)
async def repeat(
    request: Request,
    response: Response,
    draft: CurrentDraft,
    repeated: DraftRepeatIn,
    session: Session,
    by: CanOverride,
    work: HumanWork,
    language: LanguageOf,
) -> InvoiceDetailOut:
    """Register the draft though its supplier's number is on file as the invoice named, with the reason.

    A person does so, and another decides on it: no policy approves it.
    """
    invoice = await service.repeat_draft(session, draft, repeated, by, work)
    return await _tell_registered(request, response, session, invoice, language)


async def _tell_registered(
    request: Request, response: Response, session: Session, invoice: SupplierInvoice, language: Language
) -> InvoiceDetailOut:
    await session.flush()
    request.state.changing = session, invoice  # what the answer shows, and what the next step is about
    tell_registered(response, invoice, language)
    return await tell_invoice(session, invoice, language)


@router.post("/{draft_id}/discard", status_code=204, dependencies=[Idempotent], responses=DISCARD_REFUSALS)
async def discard(draft: CurrentDraft, why: DiscardIn, session: Session, by: CanWrite, work: HumanWork) -> None:
    """Put the document aside, with a reason: it is no invoice, or not to be registered. Its bytes are kept."""
    await service.discard_draft(session, draft, why.reason, by, work)


async def _readable(draft_id: UUID, session: ReadSession) -> StoredFile:
    """Read the row and give the connection back before the store is asked: a download may take its time."""
    draft = await queries.get_draft(session, draft_id)
    await session.close()
    return StoredFile(draft.id, draft.object_key, "application/pdf", draft.size, draft.sha256)


@router.get(
    "/{draft_id}/original",
    openapi_extra=STREAMS,
    response_class=OriginalResponse,
    responses=problems(NotFound, Unavailable),
)
async def get_original(request: Request, _by: CanRead, file: Annotated[StoredFile, Depends(_readable)]) -> Response:
    """Send the very bytes that came in. Browsers are to save them and neither to guess nor to run anything."""
    return await send_original(request.app.state.runtime, file)
