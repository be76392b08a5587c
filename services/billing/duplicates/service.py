"""Use cases of near duplicates and of repeats; the only writer of their tables."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.duplicates import queries
from services.billing.duplicates.errors import NotARepeat, OverriderNotAPerson
from services.billing.duplicates.models import DuplicateExemption, DuplicateOverride
from services.billing.duplicates.rules import Likeness, Sign, find_likenesses
from services.billing.invoices.models import SupplierInvoice
from services.billing.parties.queries import get_supplier
from shared.auth import Principal
from shared.ids import uuid7

MOST_TOLD = 5


@dataclass(frozen=True, slots=True)
class Override:
    """A person registers an invoice though its number is on file as another one, and says why."""

    repeats_id: UUID
    reason: str
    by: Principal


async def take_repeat(session: AsyncSession, override: Override, tax_id: str, number_key: str) -> int:
    """Return the place of another invoice of this number, at the supplier's lock: of two at once each has its own.

    Raises NotFound, NotARepeat, OverriderNotAPerson.
    """
    if override.by.kind != "person":
        raise OverriderNotAPerson
    repeated = await queries.get_repeated(session, override.repeats_id)
    if (repeated.supplier_tax_id, repeated.number_key) != (tax_id, number_key):
        raise NotARepeat(number=repeated.number)
    await get_supplier(session, repeated.supplier_id, lock=True)
    return await queries.last_repeat(session, tax_id, number_key) + 1


def keep_override(session: AsyncSession, invoice: SupplierInvoice, override: Override) -> None:
    """Keep which invoice was registered again, by whom and why."""
    kept = DuplicateOverride(
        invoice_id=invoice.id,
        repeats_id=override.repeats_id,
        reason=override.reason,
        overridden_by=override.by.id,
        overridden_at=invoice.registered_at,
    )
    session.add(kept)


async def find_near_duplicates(session: AsyncSession, invoice: SupplierInvoice) -> list[Likeness]:
    """Return what the invoice may be a copy of, the likeliest first.

    The supplier's row is locked: of two that come in at once, the second one sees the first. The one that it repeats by
    somebody's word is left out; an earlier repeat is not.
    """
    others = await queries.find_candidates(session, invoice)
    if not others:
        return []
    exempt = await queries.exempt_signs(session, invoice)
    return find_likenesses(queries.told_of(invoice), others, exempt)[:MOST_TOLD]


async def exempt(
    session: AsyncSession, supplier_id: UUID, sign: Sign, reason: str, by: Principal, at: datetime
) -> None:
    """Let a sign say nothing about a supplier from this moment on; the first reason stays."""
    values = {"supplier_id": supplier_id, "sign": sign, "reason": reason, "granted_by": by.id, "granted_at": at}
    await session.execute(insert(DuplicateExemption).values(id=uuid7(), **values).on_conflict_do_nothing())
