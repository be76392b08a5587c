"""Reads of drafts, and of what is known about the numbers in a document. Row-level security keeps them to the tenant."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.drafts.models import DraftState, InvoiceDraft
from services.billing.drafts.parties import Known, KnownSupplier
from services.billing.drafts.schemas import DraftOut, present_draft
from services.billing.drafts.shapes import Reading
from services.billing.identifiers import normalise_number, normalise_tax_id
from services.billing.intake.models import ElectronicInvoice
from services.billing.orders.models import PurchaseOrder
from services.billing.parties.models import Supplier, SupplierAccount, SupplierTaxId
from shared.errors import NotFound
from shared.pagination import Page, PageRequest, fetch_page

_SHORTEST_NAME = 4
_MOST_NAMED = 20


async def get_draft(session: AsyncSession, draft_id: UUID, *, lock: bool = False) -> InvoiceDraft:
    """Return one draft, locked for a change when asked. Raises NotFound, also for another tenant's."""
    query = select(InvoiceDraft).where(InvoiceDraft.id == draft_id)
    draft = (await session.scalars(query.with_for_update() if lock else query)).one_or_none()
    if draft is None:
        raise NotFound
    return draft


async def find_by_file(session: AsyncSession, sha256: str) -> InvoiceDraft | None:
    """Return the draft of a file that was not discarded."""
    query = select(InvoiceDraft).where(InvoiceDraft.sha256 == sha256, InvoiceDraft.state != DraftState.DISCARDED)
    return (await session.scalars(query)).one_or_none()


async def list_drafts(session: AsyncSession, page: PageRequest, status: DraftState | None) -> Page[DraftOut]:
    query = select(InvoiceDraft)
    if status is not None:
        query = query.where(InvoiceDraft.state == status)
    return await fetch_page(session, query, InvoiceDraft.id, page, present_draft)


async def find_known(session: AsyncSession, reading: Reading) -> Known:
    """Return what is on file about the numbers of a document; about names only where the numbers say nothing."""
    numbers = {str(each.seen.value) for each in reading.tax_ids}
    codes = {str(each.value) for each in reading.codes}
    by_tax_id = await _by_tax_ids(session, numbers | {normalise_tax_id(code) for code in codes})
    by_account = await _by_accounts(session, {str(each.value) for each in reading.accounts})
    orders = codes | {str(each.value) for each in reading.orders}
    return Known(
        by_tax_id=by_tax_id,
        by_account=by_account,
        by_name={} if by_tax_id or by_account else await _by_names(session, reading.text),
        own_tax_ids=await _own(session, numbers),
        order_keys=await _order_keys(session, {normalise_number(each) for each in orders}),
    )


def _suppliers() -> Select[*tuple[Any, ...]]:
    tax_id = select(SupplierTaxId.tax_id).where(SupplierTaxId.supplier_id == Supplier.id)
    first = tax_id.order_by(SupplierTaxId.id).limit(1).scalar_subquery()
    return select(Supplier.id, Supplier.name, first)


def _supplier(row: Row[*tuple[Any, ...]]) -> KnownSupplier:
    return KnownSupplier(id=row[0], name=row[1], tax_id=row[2])


async def _by_tax_ids(session: AsyncSession, numbers: Collection[str]) -> dict[str, KnownSupplier]:
    if not numbers:
        return {}
    query = select(Supplier.id, Supplier.name, SupplierTaxId.tax_id, SupplierTaxId.tax_id).join(
        SupplierTaxId, SupplierTaxId.supplier_id == Supplier.id
    )
    rows = (await session.execute(query.where(SupplierTaxId.tax_id.in_(numbers)))).all()
    return {row[3]: _supplier(row) for row in rows}


async def _by_accounts(session: AsyncSession, accounts: Collection[str]) -> dict[str, list[KnownSupplier]]:
    if not accounts:
        return {}
    query = _suppliers().add_columns(SupplierAccount.account)
    query = query.join(SupplierAccount, SupplierAccount.supplier_id == Supplier.id)
    found: dict[str, list[KnownSupplier]] = {}
    for row in (await session.execute(query.where(SupplierAccount.account.in_(accounts)))).all():
        found.setdefault(row[3], []).append(_supplier(row))
    return found


async def _by_names(session: AsyncSession, text: str) -> dict[str, KnownSupplier]:
    """Return the suppliers whose name, or one of whose other names, stands somewhere in the text."""
    lowered = func.lower(text)
    alias = func.unnest(Supplier.aliases).column_valued("alias")
    in_aliases = select(alias).where(func.strpos(lowered, func.lower(alias)) > 0, func.length(alias) >= _SHORTEST_NAME)
    matching = in_aliases.limit(1).scalar_subquery()
    by_name = func.strpos(lowered, func.lower(Supplier.name)) > 0
    query = _suppliers().add_columns(func.coalesce(matching, Supplier.name), by_name)
    is_named = by_name & (func.length(Supplier.name) >= _SHORTEST_NAME)
    rows = (await session.execute(query.where(or_(is_named, matching.is_not(None))).limit(_MOST_NAMED))).all()
    return {(row[1] if row[4] else row[3]): _supplier(row) for row in rows}


async def _own(session: AsyncSession, numbers: Collection[str]) -> set[str]:
    """Return those of the numbers that electronic invoices to this tenant name as the buyer's."""
    if not numbers:
        return set()
    own = select(ElectronicInvoice.buyer_tax_id).where(ElectronicInvoice.buyer_tax_id.in_(numbers)).distinct()
    return {number for number in await session.scalars(own) if number}


async def _order_keys(session: AsyncSession, keys: Collection[str]) -> set[str]:
    if not keys:
        return set()
    return set(await session.scalars(select(PurchaseOrder.number_key).where(PurchaseOrder.number_key.in_(keys))))
