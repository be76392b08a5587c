"""Use cases of near duplicates; the only writer of their table."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.duplicates import queries
from services.billing.duplicates.models import DuplicateExemption
from services.billing.duplicates.rules import Likeness, Sign, find_likenesses
from services.billing.invoices.models import SupplierInvoice
from shared.auth import Principal
from shared.ids import uuid7

MOST_TOLD = 5


async def find_near_duplicates(session: AsyncSession, invoice: SupplierInvoice) -> list[Likeness]:
    """Return what the invoice may be a copy of, the likeliest first.

    The supplier's row is locked: of two that come in at once, the second one sees the first.
    """
    others = await queries.find_candidates(session, invoice)
    if not others:
        return []
    exempt = await queries.exempt_signs(session, invoice.supplier_id)
    return find_likenesses(queries.told_of(invoice), others, exempt)[:MOST_TOLD]


async def exempt(
    session: AsyncSession, supplier_id: UUID, sign: Sign, reason: str, by: Principal, at: datetime
) -> None:
    """Let a sign say nothing about a supplier from this moment on; the first reason stays."""
    values = {"supplier_id": supplier_id, "sign": sign, "reason": reason, "granted_by": by.id, "granted_at": at}
    await session.execute(insert(DuplicateExemption).values(id=uuid7(), **values).on_conflict_do_nothing())
