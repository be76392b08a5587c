"""Reads of bulk decisions. Row-level security keeps them to the caller's tenant."""

from collections.abc import Callable, Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, and_, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.bulk.models import Became, BulkOutcome, Step
from services.billing.bulk.schemas import BulkOutcomeOut
from services.billing.holds.queries import is_held
from services.billing.invoices.models import InvoiceStatus, SupplierInvoice
from shared.pagination import Page, PageRequest, fetch_page


async def told_so_far(session: AsyncSession, job_id: UUID) -> tuple[set[int], timedelta]:
    """Return the places that are told of, and the time that went into them."""
    query = select(BulkOutcome.position, BulkOutcome.touch_us).where(BulkOutcome.job_id == job_id)
    told = dict((await session.execute(query)).all())
    return set(told), timedelta(microseconds=sum(told.values()))


async def count_outcomes(session: AsyncSession, job_id: UUID) -> dict[str, int]:
    query = select(BulkOutcome.outcome, func.count()).where(BulkOutcome.job_id == job_id).group_by(BulkOutcome.outcome)
    counts = dict((await session.execute(query)).all())
    told = {became.value.replace("-", "_"): counts.get(became, 0) for became in Became}
    return {"invoices": sum(counts.values()), **told}


async def list_outcomes(
    session: AsyncSession,
    page: PageRequest,
    job_id: UUID,
    outcome: Became | None,
    present: Callable[[BulkOutcome], BulkOutcomeOut],
) -> Page[BulkOutcomeOut]:
    query = select(BulkOutcome).where(BulkOutcome.job_id == job_id)
    if outcome is not None:
        query = query.where(BulkOutcome.outcome == outcome)
    return await fetch_page(session, query, BulkOutcome.id, page, present)


async def likely(session: AsyncSession, step: Step, ids: Collection[UUID], by: str, hold: str | None) -> set[UUID]:
    """Return the invoices for which the step is likely to be taken, as they stand now."""
    chosen = SupplierInvoice.id == func.any(cast(list(ids), ARRAY(Uuid)))  # one value, however many ids
    query = select(SupplierInvoice.id).where(chosen, _is_ready(step, hold))
    if step in {Step.APPROVAL, Step.REJECTION}:
        query = query.where(SupplierInvoice.registered_by != by, literal(by) != func.all(SupplierInvoice.prepared_by))
    return set(await session.scalars(query))


def _is_ready(step: Step, hold: str | None) -> ColumnElement[bool]:
    registered = SupplierInvoice.status == InvoiceStatus.REGISTERED
    validated = SupplierInvoice.status == InvoiceStatus.VALIDATED
    if step is Step.VALIDATION:
        return and_(registered, ~is_held())
    if step is Step.APPROVAL:
        return validated
    if step is Step.REJECTION:
        return or_(validated, and_(registered, is_held()))
    return is_held(hold or "")
