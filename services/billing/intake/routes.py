"""HTTP of intake."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.duplicates.service import Override
from services.billing.einvoices.arriving import FILE_BODY, FILE_REFUSALS, Admitted, LanguageOf, judge_body
from services.billing.intake import originals, queries, service
from services.billing.intake.errors import IntakeExpired, NoOriginal, UnreadInvoice, UnusableInvoice
from services.billing.intake.schemas import InvoiceDetailOut
from services.billing.intake.sending import OriginalResponse, StoredFile, send_original
from services.billing.invoices.errors import DuplicateInvoice
from services.billing.invoices.models import SupplierInvoice
from shared import clock
from shared.app import Runtime
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import Language, NotFound, Unavailable, problems
from shared.etag import set_etag
from shared.idempotency import KeyHeader, KeyInProgress, KeyReused, begin, fingerprint_of
from shared.routing import STREAMS, ServiceRoute

router = APIRouter(prefix="/billing/invoices", tags=["intake"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("billing.invoices:read")]
CanWrite = Annotated[Principal, requires("billing.invoices:write")]
INTAKE_REFUSALS = problems(
    *FILE_REFUSALS,
    *(UnreadInvoice, UnusableInvoice, DuplicateInvoice, IntakeExpired, KeyInProgress, KeyReused, Unavailable),
)


@router.post(
    "/electronic", status_code=201, dependencies=[Admitted], responses=INTAKE_REFUSALS, openapi_extra=FILE_BODY
)
async def take_in(
    request: Request,
    response: Response,
    session: Session,
    by: CanWrite,
    language: LanguageOf,
    key: KeyHeader = None,
) -> InvoiceDetailOut:
    """Put an electronic invoice on file: UBL 2.1, CII, Facturae or a Factur-X/ZUGFeRD PDF, as it was received.

    Its figures are kept as they are, its bytes too. One that is not valid, or doubtful otherwise, is on file and held.
    """
    return await take_in_body(request, response, session, by, language, key)


async def take_in_body(
    request: Request,
    response: Response,
    session: AsyncSession,
    by: Principal,
    language: Language,
    key: str | None,
    override: Override | None = None,
) -> InvoiceDetailOut:
    """Put the body on file, and tell what came of it. Raises INTAKE_REFUSALS, and with an override what refuses that."""
    runtime: Runtime = request.app.state.runtime
    begun_at = clock.now()
    arrived = service.read_judged(*await judge_body(request, read=True), begun_at)
    original = await originals.store_original(runtime, by.tenant, arrived.content)
    async with originals.or_discarded(runtime, by.tenant, session, original):
        if key is not None:
            fingerprint = fingerprint_of(request, arrived.sha256.encode())
            request.state.attempt = await begin(session, by, key, fingerprint)
        await originals.settle(session, original)
        invoice = await service.register_electronic(session, arrived, original, by, override)
        await session.flush()
    tell_registered(response, invoice, language)
    return await queries.tell_invoice(session, invoice, language)


def tell_registered(response: Response, invoice: SupplierInvoice, language: Language) -> None:
    """Give an answer the headers of an invoice that has just come on file."""
    set_etag(response, invoice.version)
    response.headers["Location"] = f"/billing/invoices/{invoice.id}"
    response.headers["Content-Language"] = language


async def _readable(invoice_id: UUID, session: ReadSession) -> StoredFile:
    """Read the row and give the connection back before the store is asked: a download may take its time."""
    file = await queries.get_stored(session, invoice_id)
    await session.close()
    return file


@router.get(
    "/{invoice_id}/original",
    openapi_extra=STREAMS,
    response_class=OriginalResponse,
    responses=problems(NotFound, NoOriginal, Unavailable),
)
async def get_original(request: Request, _by: CanRead, file: Annotated[StoredFile, Depends(_readable)]) -> Response:
    """Send the very bytes that came in. Browsers are to save them and neither to guess nor to run anything."""
    return await send_original(request.app.state.runtime, file)
