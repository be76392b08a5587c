"""HTTP of what suppliers may be told."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import StringConstraints

from services.billing.einvoices.arriving import LanguageOf
from services.billing.identifiers import normalise_number, normalise_tax_id
from services.billing.parties.queries import get_supplier
from services.billing.supplier_status import queries
from services.billing.supplier_status.rules import Stage
from services.billing.supplier_status.schemas import InvoiceStatusOut, SupplierStatusOut
from shared import clock
from shared.auth import Principal, requires
from shared.db import ReadSession
from shared.errors import NotFound, problems
from shared.pagination import Page, PageOf
from shared.routing import ServiceRoute

router = APIRouter(prefix="/billing", tags=["supplier status"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("billing.supplier-status:read")]
Number = Annotated[str, StringConstraints(min_length=1, max_length=64), Query()]
TaxId = Annotated[str, StringConstraints(min_length=1, max_length=24), Query()]


@router.get("/suppliers/{supplier_id}/status", responses=problems(NotFound))
async def tell_supplier(
    supplier_id: UUID, response: Response, session: ReadSession, _by: CanRead, page: PageOf, language: LanguageOf
) -> SupplierStatusOut:
    """Tell where a supplier's invoices are: a page of them, newest first, and counts and totals of all."""
    supplier, today = await get_supplier(session, supplier_id), clock.now().date()
    sums = await queries.sum_up(session, supplier_id, today)
    invoices = await queries.page_of_supplier(session, page, supplier_id, today, language)
    response.headers["Content-Language"] = language
    return SupplierStatusOut(
        supplier_id=supplier.id,
        name=supplier.name,
        counts={stage: sums.counts[stage] for stage in Stage},
        totals=sums.told(),
        items=invoices.items,
        next_cursor=invoices.next_cursor,
    )


@router.get("/invoice-status")
async def tell_invoice(
    response: Response,
    session: ReadSession,
    _by: CanRead,
    page: PageOf,
    language: LanguageOf,
    supplier_tax_id: TaxId,
    number: Number,
) -> Page[InvoiceStatusOut]:
    """Tell where the invoice of this number is, however supplier and number are written. Empty: it has not arrived.

    A number that came again has several.
    """
    response.headers["Content-Language"] = language
    tax_id, key = normalise_tax_id(supplier_tax_id), normalise_number(number)
    return await queries.page_of_number(session, page, tax_id, key, clock.now().date(), language)
