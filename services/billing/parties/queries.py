"""Reads of suppliers. Row-level security keeps them to the caller's tenant."""

from collections.abc import Sequence
from unicodedata import normalize
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.identifiers import normalise_tax_id
from services.billing.invoices.models import SupplierInvoice
from services.billing.parties.models import Supplier, SupplierAccount, SupplierTaxId
from services.billing.parties.schemas import SupplierOut, present_supplier
from shared.errors import NotFound
from shared.pagination import Page, PageRequest, fetch_page

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "ae", "Ö": "oe", "Ü": "ue"})


async def get_supplier(session: AsyncSession, supplier_id: UUID, *, lock: bool = False) -> Supplier:
    """Return one supplier, locked for a change when asked. Raises NotFound, also for another tenant's.

    The lock lets others insert rows that refer to the supplier.
    """
    query = select(Supplier).where(Supplier.id == supplier_id)
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    supplier = (await session.scalars(query)).one_or_none()
    if supplier is None:
        raise NotFound
    return supplier


async def find_owner(session: AsyncSession, tax_id: str) -> UUID | None:
    return await session.scalar(select(SupplierTaxId.supplier_id).where(SupplierTaxId.tax_id == tax_id))


async def tax_ids_of(session: AsyncSession, supplier_id: UUID) -> Sequence[str]:
    query = select(SupplierTaxId.tax_id).where(SupplierTaxId.supplier_id == supplier_id)
    return (await session.scalars(query.order_by(SupplierTaxId.id))).all()


async def accounts_of(session: AsyncSession, supplier_id: UUID) -> Sequence[SupplierAccount]:
    query = select(SupplierAccount).where(SupplierAccount.supplier_id == supplier_id)
    return (await session.scalars(query.order_by(SupplierAccount.id))).all()


async def get_account(session: AsyncSession, supplier_id: UUID, account_id: UUID) -> SupplierAccount:
    """Return one account of the supplier. Raises NotFound."""
    query = select(SupplierAccount).where(SupplierAccount.id == account_id, SupplierAccount.supplier_id == supplier_id)
    account = (await session.scalars(query)).one_or_none()
    if account is None:
        raise NotFound
    return account


async def hands_of(session: AsyncSession, invoice_id: UUID) -> set[str]:
    """Return all whose hands shaped an invoice."""
    invoice = await session.get(SupplierInvoice, invoice_id)
    return set() if invoice is None else invoice.hands


async def list_suppliers(
    session: AsyncSession, page: PageRequest, tax_id: str | None, words: Sequence[str] = ()
) -> Page[SupplierOut]:
    """Return one page; each word is part of a name, or begins a tax number."""
    query = select(Supplier)
    if tax_id is not None:
        owners = select(SupplierTaxId.supplier_id).where(SupplierTaxId.tax_id == tax_id)
        query = query.where(Supplier.id.in_(owners))
    for word in words:
        query = query.where(or_(named_with(word), _has_number(word)))
    return await fetch_page(session, query, Supplier.id, page, present_supplier)


def named_with(word: str) -> ColumnElement[bool]:
    """Return the condition that a word is part of a supplier's name or alias; letter case and accents do not count."""
    return or_(*(func.strpos(Supplier.search, folded) > 0 for folded in spellings(word)))


def spellings(word: str) -> list[ScalarSelect[str]]:
    """Return a word as it is searched for, and as German writes it without umlauts; each is worked out once."""
    written = dict.fromkeys([word, normalize("NFC", word).translate(_UMLAUTS)])
    return [select(func.billing.fold(each)).scalar_subquery() for each in written]


def _has_number(word: str) -> ColumnElement[bool]:
    begin = normalise_tax_id(word)
    owners = select(SupplierTaxId.supplier_id).where(SupplierTaxId.tax_id.startswith(begin, autoescape=True))
    return Supplier.id.in_(owners) if begin else false()
