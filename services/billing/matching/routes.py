"""HTTP of matching: it happens by itself; here it is asked for."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from services.billing.decisions.models import Occasion
from services.billing.decisions.service import decide_invoices
from services.billing.einvoices.arriving import LanguageOf
from services.billing.invoices.errors import IllegalTransition
from services.billing.invoices.queries import get_invoice
from services.billing.matching import queries, service
from services.billing.matching.schemas import MatchOut, present_match
from shared.auth import Principal, requires
from shared.db import Session
from shared.errors import NotFound, problems
from shared.etag import IfMatch, PreconditionFailed, check_version, set_etag
from shared.idempotency import Idempotent
from shared.routing import ServiceRoute

router = APIRouter(prefix="/billing/invoices/{invoice_id}/match", tags=["matching"], route_class=ServiceRoute)

CanWrite = Annotated[Principal, requires("billing.invoices:write")]


@router.post("", dependencies=[Idempotent], responses=problems(NotFound, IllegalTransition, PreconditionFailed))
async def match(
    invoice_id: UUID,
    response: Response,
    session: Session,
    _by: CanWrite,
    language: LanguageOf,
    if_match: IfMatch = None,
) -> MatchOut:
    """Compare an invoice that nobody has validated with orders and receipts once more.

    An exception is held; a hold that has lost its reason is released, and the invoice decided anew.
    """
    invoice = await get_invoice(session, invoice_id)
    response.headers["Content-Language"] = language
    let_go = await service.match_on_demand(session, invoice)
    check_version(if_match, invoice.version, required=False)  # it is locked by now, behind what it is compared with
    if let_go:
        await decide_invoices(session, [invoice], Occasion.RELEASE)
    await session.flush()  # a decision gives the row its version
    set_etag(response, invoice.version)
    return present_match(await queries.get_match(session, invoice.id), language)
