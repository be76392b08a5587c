"""HTTP of supplier invoices."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.billing.decisions.models import Occasion
from services.billing.decisions.service import decide_invoices
from services.billing.einvoices.arriving import LanguageOf
from services.billing.holds.errors import InvoiceHeld
from services.billing.intake.queries import tell_invoice
from services.billing.intake.schemas import InvoiceDetailOut
from services.billing.invoices import queries, service
from services.billing.invoices.errors import (
    ApproverNotAPerson,
    DuplicateInvoice,
    IllegalTransition,
    NotAsked,
    OwnDraft,
    OwnInvoice,
    PaidAhead,
    SameApprover,
    TotalsDoNotAddUp,
)
from services.billing.invoices.listing import InvoiceListedOut, InvoicesQuery, list_invoices
from services.billing.invoices.models import SupplierInvoice
from services.billing.invoices.schemas import InvoiceIn, PaymentIn, RejectionIn
from services.billing.work_queue.errors import ClaimedByAnother
from shared import clock
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import NotFound, problems
from shared.etag import row_to_change, set_etag
from shared.idempotency import Idempotent
from shared.pagination import InvalidCursor, Page
from shared.routing import ServiceRoute
from shared.work import HumanWork

router = APIRouter(prefix="/billing/invoices", tags=["invoices"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("billing.invoices:read")]
CanWrite = Annotated[Principal, requires("billing.invoices:write")]
CanApprove = Annotated[Principal, requires("billing.invoices:approve")]

CurrentInvoice = Annotated[SupplierInvoice, row_to_change(queries.get_invoice, "invoice_id")]
VALIDATION_REFUSALS = problems(IllegalTransition, InvoiceHeld, ClaimedByAnother)
PAYMENT_REFUSALS = problems(IllegalTransition, PaidAhead)
REJECTION_REFUSALS = problems(IllegalTransition, OwnInvoice, OwnDraft, ApproverNotAPerson, NotAsked, ClaimedByAnother)
APPROVAL_REFUSALS = problems(
    IllegalTransition, OwnInvoice, OwnDraft, SameApprover, ApproverNotAPerson, NotAsked, ClaimedByAnother
)


@router.post("", status_code=201, dependencies=[Idempotent], responses=problems(TotalsDoNotAddUp, DuplicateInvoice))
async def register(
    received: InvoiceIn, response: Response, session: Session, by: CanWrite, work: HumanWork, language: LanguageOf
) -> InvoiceDetailOut:
    """Register a supplier invoice. Its figures must add up to the cent; a number is taken once per supplier.

    One that may be a near duplicate is on file and held.
    """
    invoice = await service.register_invoice(session, received, by, work)
    await decide_invoices(session, [invoice], Occasion.INTAKE)
    await session.flush()  # a decision gives the row its version
    set_etag(response, invoice.version)
    response.headers["Location"] = f"/billing/invoices/{invoice.id}"
    response.headers["Content-Language"] = language
    await session.flush()
    return await tell_invoice(session, invoice, language)


@router.get("", responses=problems(InvalidCursor))
async def list_all(
    session: ReadSession, _by: CanRead, asked: Annotated[InvoicesQuery, Query()]
) -> Page[InvoiceListedOut]:
    """List invoices: filtered, searched and sorted, newest first unless `sort` says otherwise.

    `largest`, `smallest` and the bounds of `gross` go with one `currency`. What may be said several times is any of these.
    """
    return await list_invoices(session, asked, clock.now().date())


@router.get("/{invoice_id}", responses=problems(NotFound))
async def get(
    invoice_id: UUID, response: Response, session: ReadSession, _by: CanRead, language: LanguageOf
) -> InvoiceDetailOut:
    """Return one invoice with its ETag: what it is held for, and of an electronic one its verdict and all it says."""
    invoice = await queries.get_invoice(session, invoice_id)
    set_etag(response, invoice.version)
    response.headers["Content-Language"] = language
    return await tell_invoice(session, invoice, language)


@router.post("/{invoice_id}/validation", status_code=204, dependencies=[Idempotent], responses=VALIDATION_REFUSALS)
async def validate(invoice: CurrentInvoice, session: Session, by: CanWrite, work: HumanWork) -> None:
    """Confirm that the invoice is right."""
    await service.validate_invoice(session, invoice, by, work)


@router.post("/{invoice_id}/approval", status_code=204, dependencies=[Idempotent], responses=APPROVAL_REFUSALS)
async def approve(invoice: CurrentInvoice, session: Session, by: CanApprove, work: HumanWork) -> None:
    """Approve the invoice; not by who registered it or completed its draft. Above the policy's limit it takes two people.

    The first of two leaves it validated, with 1 of 2 approvals; the second releases it for payment. Where the policy asks a
    role of some level, one of those who approve has its right: `billing.approvals.<role>:level-<n>`.
    """
    await service.approve_invoice(session, invoice, by, work)


@router.post("/{invoice_id}/rejection", status_code=204, dependencies=[Idempotent], responses=REJECTION_REFUSALS)
async def reject(
    invoice: CurrentInvoice, rejection: RejectionIn, session: Session, by: CanApprove, work: HumanWork
) -> None:
    """Refuse the invoice with a reason; not by who registered it or completed its draft, and unless it is held by whom the policy asks."""
    await service.reject_invoice(session, invoice, rejection.reason, by, work)


@router.post("/{invoice_id}/payment", status_code=204, dependencies=[Idempotent], responses=PAYMENT_REFUSALS)
async def pay(invoice: CurrentInvoice, payment: PaymentIn, session: Session, _by: CanApprove, work: HumanWork) -> None:
    """Mark the approved invoice as paid."""
    await service.mark_paid(session, invoice, payment, work)
