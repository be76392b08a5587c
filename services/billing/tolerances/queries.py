"""Reads of tolerances. Row-level security keeps them to the caller's tenant."""

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.tolerances.models import DefaultTolerance
from services.billing.tolerances.schemas import ToleranceVersionOut, present_version
from shared.pagination import Page, PageRequest, fetch_page

_KEY = "hashtextextended(current_setting('trastienda.tenant') || '/tolerance', 7)"
_HOLD = text(f"SELECT pg_advisory_xact_lock_shared({_KEY})")
_TAKE = text(f"SELECT pg_advisory_xact_lock({_KEY})")


async def current_tolerance(session: AsyncSession) -> DefaultTolerance | None:
    query = select(DefaultTolerance).order_by(DefaultTolerance.version.desc()).limit(1)
    return (await session.scalars(query)).one_or_none()


async def hold_tolerance(session: AsyncSession) -> DefaultTolerance | None:
    """Return the tolerance, which nobody changes before the transaction ends: who changes it sees what was matched by it."""
    await session.execute(_HOLD)
    return await current_tolerance(session)


async def take_tolerance(session: AsyncSession) -> DefaultTolerance | None:
    """Return the tolerance to change it, after waiting for what is being matched by it."""
    await session.execute(_TAKE)
    return await current_tolerance(session)


async def list_versions(session: AsyncSession, page: PageRequest) -> Page[ToleranceVersionOut]:
    return await fetch_page(session, select(DefaultTolerance), DefaultTolerance.id, page, present_version)
