"""Use cases of suppliers; the only writer of their tables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.holds import service as holds
from services.billing.holds.models import HoldKind
from services.billing.invoices.models import SupplierInvoice
from services.billing.matching.service import Affected, ask_rematch
from services.billing.parties import queries, rules
from services.billing.parties.errors import AccountVerified, OwnAccount, TaxIdTaken, VerifierNotAPerson
from services.billing.parties.models import Supplier, SupplierAccount, SupplierTaxId
from services.billing.parties.schemas import SupplierChangeIn
from shared import outbox
from shared.auth import NotAllowed, Principal
from shared.contracts import billing as events
from shared.ids import uuid7
from shared.work import Effort

PROCESS = "supplier-master-data"
TOLERATE = "billing.tolerances:approve"


@dataclass(frozen=True, slots=True)
class Recognised:
    """The supplier and whether it was known before."""

    supplier: Supplier
    was_known: bool


async def recognise_supplier(session: AsyncSession, tax_id: str, name: str, at: datetime) -> Recognised:
    """Return the supplier with this tax number (normalised), made when there is none."""
    owner = await queries.find_owner(session, tax_id)
    if owner is None:
        made = await _make_supplier(session, tax_id, name, at)
        if made is not None:
            return Recognised(made, was_known=False)
        owner = await queries.find_owner(session, tax_id)  # another request has just made it
        assert owner is not None
    return Recognised(await queries.get_supplier(session, owner), was_known=True)


async def lock_supplier(session: AsyncSession, recognised: Recognised, names: Sequence[str]) -> None:
    """Lock the supplier to the end of the transaction and keep the names it goes by.

    What is compared with its other invoices from here on sees all that others have filed. It comes last, when the
    invoice's own rows are written: the next invoice of the supplier waits for little.
    """
    supplier = await queries.get_supplier(session, recognised.supplier.id, lock=True)
    if added := rules.names_to_add(supplier.name, supplier.aliases, list(names)):
        supplier.aliases = [*supplier.aliases, *added]


async def _make_supplier(session: AsyncSession, tax_id: str, name: str, at: datetime) -> Supplier | None:
    """Return the supplier; None when a concurrent request has made it, after waiting for that to commit."""
    supplier_id = uuid7()
    if not await _claim(session, tax_id, supplier_id):
        return None
    values = {"id": supplier_id, "version": 1, "name": name, "aliases": [], "known_since": at}
    return (await session.scalars(insert(Supplier).values(values).returning(Supplier))).one()


async def _claim(session: AsyncSession, tax_id: str, supplier_id: UUID) -> bool:
    statement = insert(SupplierTaxId).values(id=uuid7(), tax_id=tax_id, supplier_id=supplier_id)
    claimed = statement.on_conflict_do_nothing(index_elements=["tenant_id", "tax_id"]).returning(SupplierTaxId.id)
    return await session.scalar(claimed) is not None


async def account_doubts(
    session: AsyncSession,
    recognised: Recognised,
    invoice_id: UUID,
    accounts: Iterable[str],
    brought_by: str,
    at: datetime,
) -> holds.Found:
    """Keep the accounts an invoice names; return a hold for each that a person has to verify before it is paid."""
    doubts: holds.Found = []
    known = {account.account: account for account in await queries.accounts_of(session, recognised.supplier.id)}
    for account in dict.fromkeys(accounts):
        row = known.get(account)
        if row is None:
            row = SupplierAccount(
                id=uuid7(),
                supplier_id=recognised.supplier.id,
                account=account,
                is_change=recognised.was_known,
                first_invoice_id=invoice_id,
                first_seen_at=at,
                brought_by=brought_by,
            )
            session.add(row)
        if row.is_change and row.verified_at is None:
            doubts.append((HoldKind.ACCOUNT_CHANGED, _told_account(recognised, row)))
    return doubts


def _told_account(recognised: Recognised, account: SupplierAccount) -> dict[str, str]:
    path = f"/billing/suppliers/{recognised.supplier.id}/accounts/{account.id}"
    return {"account_id": str(account.id), "account": account.account, "verification": f"{path}/verification"}


async def verify_account(
    session: AsyncSession, supplier: Supplier, account_id: UUID, by: Principal, effort: Effort
) -> Sequence[SupplierInvoice]:
    """Note that a person has verified where the supplier is paid; what waited for it goes on and is returned.

    Raises NotFound, AccountVerified, VerifierNotAPerson, OwnAccount. The supplier is locked, so that no invoice comes in
    between.
    """
    account = await queries.get_account(session, supplier.id, account_id)
    if by.kind != "person":
        raise VerifierNotAPerson
    if account.verified_at is not None:
        raise AccountVerified(verified_at=account.verified_at.isoformat())
    if by.id in {account.brought_by, *await queries.hands_of(session, account.first_invoice_id)}:
        raise OwnAccount
    account.verified_by, account.verified_at = by.id, effort.finished_at
    work = effort.on(PROCESS, "verify-account", account.id, requested_at=account.first_seen_at)
    event = events.SupplierAccountVerified(supplier_id=supplier.id, account_id=account.id)
    outbox.record(session, event, subject=supplier.id, work=work)
    return await holds.release_account(session, account.id, by, effort)


async def change_supplier(session: AsyncSession, supplier: Supplier, change: SupplierChangeIn, by: Principal) -> None:
    """Change what was agreed with a supplier; no work of a case, so no event.

    Where tolerances are others, its invoices that nobody has validated are matched once more: that lets some go, and so
    takes the right that the tenant's own tolerance takes. Raises NotAllowed.
    """
    changes = change.changes()
    tolerances = changes.keys() & {"tolerance_percent", "tolerance_amount"}
    if tolerances and not by.allows(TOLERATE):
        raise NotAllowed(scope=TOLERATE)
    for name, value in changes.items():
        setattr(supplier, name, value)
    if tolerances:
        await ask_rematch(session, by, Affected(supplier_id=supplier.id))


async def add_tax_id(session: AsyncSession, supplier: Supplier, tax_id: str) -> None:
    """Let the supplier be known by another tax number (normalised). Raises TaxIdTaken; its own again changes nothing."""
    if not await _claim(session, tax_id, supplier.id):
        owner = await queries.find_owner(session, tax_id)
        if owner != supplier.id:
            raise TaxIdTaken(tax_id=tax_id, existing_id=str(owner))
