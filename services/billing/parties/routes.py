"""HTTP of suppliers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BeforeValidator

from services.billing.decisions.models import Occasion
from services.billing.decisions.service import decide_invoices
from services.billing.identifiers import normalise_tax_id
from services.billing.invoices.filters import Said, few_words
from services.billing.parties import queries, service
from services.billing.parties.errors import AccountVerified, OwnAccount, TaxIdTaken, VerifierNotAPerson
from services.billing.parties.models import Supplier
from services.billing.parties.schemas import (
    SupplierChangeIn,
    SupplierDetailOut,
    SupplierOut,
    TaxIdIn,
    present_detail,
)
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import NotFound, problems
from shared.etag import row_to_change, set_etag
from shared.idempotency import Idempotent
from shared.pagination import Page, PageOf
from shared.routing import ServiceRoute
from shared.work import HumanWork

router = APIRouter(prefix="/billing/suppliers", tags=["suppliers"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("billing.suppliers:read")]
CanWrite = Annotated[Principal, requires("billing.suppliers:write")]
CanVerify = Annotated[Principal, requires("billing.supplier-accounts:approve")]
Words = Annotated[
    Said | None,
    BeforeValidator(few_words),
    Query(description="Words, each of which is part of a name or alias, or begins a tax number"),
]
CurrentSupplier = Annotated[Supplier, row_to_change(queries.get_supplier, "supplier_id")]
EditedSupplier = Annotated[Supplier, row_to_change(queries.get_supplier, "supplier_id", edit=True)]
VERIFICATION_REFUSALS = problems(NotFound, AccountVerified, OwnAccount, VerifierNotAPerson)


@router.get("")
async def list_all(
    session: ReadSession,
    _by: CanRead,
    page: PageOf,
    tax_id: Annotated[str | None, Query(max_length=24)] = None,
    q: Words = None,
) -> Page[SupplierOut]:
    """List suppliers, newest first. They come into being with their first invoice."""
    number = None if tax_id is None else normalise_tax_id(tax_id)
    return await queries.list_suppliers(session, page, number, (q or "").split())


@router.get("/{supplier_id}", responses=problems(NotFound))
async def get(supplier_id: UUID, response: Response, session: ReadSession, _by: CanRead) -> SupplierDetailOut:
    """Return one supplier with its tax numbers and accounts, and with its ETag."""
    supplier = await queries.get_supplier(session, supplier_id)
    set_etag(response, supplier.version)
    tax_ids, accounts = await queries.tax_ids_of(session, supplier_id), await queries.accounts_of(session, supplier_id)
    return present_detail(supplier, tax_ids, accounts)


@router.patch("/{supplier_id}", status_code=204)
async def change(supplier: EditedSupplier, wanted: SupplierChangeIn, session: Session, by: CanWrite) -> None:
    """Change name, other names, terms or tolerances; needs If-Match.

    Tolerances need `billing.tolerances:approve`, too: by others its invoices are matched anew.
    """
    await service.change_supplier(session, supplier, wanted, by)


@router.post("/{supplier_id}/tax-ids", status_code=204, dependencies=[Idempotent], responses=problems(TaxIdTaken))
async def add_tax_id(supplier: CurrentSupplier, wanted: TaxIdIn, session: Session, _by: CanWrite) -> None:
    """Let the supplier be known by another tax number."""
    await service.add_tax_id(session, supplier, normalise_tax_id(wanted.tax_id))


@router.post(
    "/{supplier_id}/accounts/{account_id}/verification",
    status_code=204,
    dependencies=[Idempotent],
    responses=VERIFICATION_REFUSALS,
)
async def verify_account(
    supplier: CurrentSupplier, account_id: UUID, session: Session, by: CanVerify, work: HumanWork
) -> None:
    """Note that the account is the supplier's; not by the one who brought it in. Invoices that waited for it go on."""
    released = await service.verify_account(session, supplier, account_id, by, work)
    await decide_invoices(session, released, Occasion.RELEASE, by)
