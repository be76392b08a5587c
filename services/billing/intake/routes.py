"""HTTP of intake."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from services.billing.einvoices.arriving import FILE_BODY, AdmittedFile, LanguageOf
from services.billing.intake import queries
from services.billing.intake.errors import NoOriginal
from services.billing.intake.receiving import INTAKE_REFUSALS, take_in_body
from services.billing.intake.schemas import InvoiceDetailOut
from services.billing.intake.sending import OriginalResponse, StoredFile, send_original
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import NotFound, Unavailable, problems
from shared.idempotency import KeyHeader
from shared.routing import STREAMS, ServiceRoute

router = APIRouter(prefix="/billing/invoices", tags=["intake"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("billing.invoices:read")]
CanWrite = Annotated[Principal, requires("billing.invoices:write")]


@router.post("/electronic", status_code=201, responses=INTAKE_REFUSALS, openapi_extra=FILE_BODY)
async def take_in(
    request: Request,
    response: Response,
    body: AdmittedFile,
    session: Session,
    by: CanWrite,
    language: LanguageOf,
    key: KeyHeader = None,
) -> InvoiceDetailOut:
    """Put an electronic invoice on file: UBL 2.1, CII, Facturae or a Factur-X/ZUGFeRD PDF, as it was received.

    Its figures are kept as they are, its bytes too. One that is not valid, or doubtful otherwise, is on file and held.
    """
    return await take_in_body(request, response, body, session, by, language, key)


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
