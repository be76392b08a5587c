"""HTTP of repeats: an exact duplicate that is none, registered by a person who says why."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.billing.decisions.models import Occasion
from services.billing.decisions.service import decide_invoices
from services.billing.duplicates.errors import NotARepeat, OverriderNotAPerson
from services.billing.duplicates.service import Override
from services.billing.einvoices.arriving import FILE_BODY, AdmittedFile, LanguageOf
from services.billing.intake.queries import tell_invoice
from services.billing.intake.receiving import INTAKE_REFUSALS, take_in_body, tell_registered
from services.billing.intake.schemas import InvoiceDetailOut
from services.billing.invoices.errors import DuplicateInvoice, TotalsDoNotAddUp
from services.billing.invoices.schemas import InvoiceIn
from services.billing.invoices.service import register_invoice
from services.billing.reasons import Reason
from shared.auth import Principal, requires
from shared.db import Session
from shared.errors import NotFound, problems
from shared.idempotency import Idempotent, KeyHeader
from shared.routing import ServiceRoute
from shared.schemas import RequestModel
from shared.work import HumanWork

router = APIRouter(prefix="/billing/invoices/{invoice_id}", tags=["duplicates"], route_class=ServiceRoute)

CanOverride = Annotated[Principal, requires("billing.duplicates:approve")]
OWN_REFUSALS = (NotFound, NotARepeat, OverriderNotAPerson)


class RepeatIn(RequestModel):
    """An invoice whose number is on file already, and why it is another one."""

    reason: Reason
    invoice: InvoiceIn


@router.post(
    "/repeats",
    status_code=201,
    dependencies=[Idempotent],
    responses=problems(*OWN_REFUSALS, TotalsDoNotAddUp, DuplicateInvoice),
)
async def repeat(
    invoice_id: UUID,
    repeated: RepeatIn,
    response: Response,
    session: Session,
    by: CanOverride,
    work: HumanWork,
    language: LanguageOf,
) -> InvoiceDetailOut:
    """Register an invoice though its supplier's number is on file as this one, with the reason.

    A person does so, and another decides on it: no policy approves it.
    """
    override = Override(invoice_id, repeated.reason, by)
    invoice = await register_invoice(session, repeated.invoice, by, work, override=override)
    await decide_invoices(session, [invoice], Occasion.INTAKE)
    await session.flush()  # a decision gives the row its version
    tell_registered(response, invoice, language)
    return await tell_invoice(session, invoice, language)


@router.post(
    "/electronic-repeats",
    status_code=201,
    responses=problems(*OWN_REFUSALS, declared=INTAKE_REFUSALS),
    openapi_extra=FILE_BODY,
)
async def repeat_electronic(
    invoice_id: UUID,
    request: Request,
    response: Response,
    body: AdmittedFile,
    session: Session,
    by: CanOverride,
    language: LanguageOf,
    reason: Annotated[Reason, Query(description="Why it is another invoice")],
    key: KeyHeader = None,
) -> InvoiceDetailOut:
    """Put an electronic invoice on file though its supplier's number is on file as this one, with the reason."""
    override = Override(invoice_id, reason, by)
    return await take_in_body(request, response, body, session, by, language, key, override)
