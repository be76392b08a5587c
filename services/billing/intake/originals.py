"""Original files: no object without a row that knows of it, and a sweeper for those that lead nowhere.

Much as documents does it, which this service does not know: but a file is here before it is stored, so that no sender is
waited for and an intent is short.
"""

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.intake.errors import IntakeExpired
from services.billing.intake.models import PendingOriginal
from shared.app import Runtime
from shared.failures import is_transient
from shared.ids import uuid7

_SWEPT_AT_ONCE = 500
_AGAIN_AFTER = text("interval '15 minutes'")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Original:
    """A stored file that the database knows of."""

    id: UUID
    object_key: str


async def store_original(runtime: Runtime, tenant: str, content: bytes) -> Original:
    """Commit the intent, then store the bytes. Raises StoreUnavailableError."""
    return await store_stream(runtime, tenant, _once(content))


async def store_stream(runtime: Runtime, tenant: str, body: AsyncIterator[bytes]) -> Original:
    """Commit the intent, then store what comes. Raises StoreUnavailableError, and whatever the body raises."""
    original_id = uuid7()
    original = Original(original_id, f"{tenant}/{original_id}")
    async with runtime.database.transaction(tenant) as session:
        await session.execute(insert(PendingOriginal).values(id=original.id, object_key=original.object_key))
    try:
        await runtime.store.put(original.object_key, body)
    except Exception:
        await discard(runtime, tenant, original)
        raise
    return original


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def settle(session: AsyncSession, original: Original) -> None:
    """Take the intent back with the transaction that files the invoice. Raises IntakeExpired when it was swept."""
    statement = delete(PendingOriginal).where(PendingOriginal.id == original.id).returning(PendingOriginal.id)
    if await session.scalar(statement) is None:
        raise IntakeExpired


async def keep(session: AsyncSession, original: Original, hours: int) -> None:
    """Let the object stay so long without an invoice. Raises IntakeExpired when it was swept."""
    kept = update(PendingOriginal).where(PendingOriginal.id == original.id)
    kept = kept.values(dead_at=func.now() + timedelta(hours=hours))
    if await session.scalar(kept.returning(PendingOriginal.id)) is None:
        raise IntakeExpired


async def discard(runtime: Runtime, tenant: str, original: Original) -> None:
    """Remove the object, then the intent; what cannot be reached is left to the sweeper."""
    try:
        await runtime.store.abandon(original.object_key)
        async with runtime.database.transaction(tenant) as session:
            await session.execute(delete(PendingOriginal).where(PendingOriginal.id == original.id))
    except Exception as error:
        if not is_transient(error):
            raise
        logger.warning("an original is left to the sweeper", extra={"original": str(original.id), "reason": str(error)})


@asynccontextmanager
async def or_discarded(
    runtime: Runtime, tenant: str, session: AsyncSession, original: Original
) -> AsyncGenerator[None]:
    """Discard an original when what is done with it fails."""
    try:
        yield
    except Exception:
        await session.rollback()  # gives its connection back before another one is asked for
        await discard(runtime, tenant, original)
        raise


async def sweep(runtime: Runtime) -> None:
    """Remove the objects of any tenant that got no invoice. Raises StoreUnavailableError."""
    for _ in range(_SWEPT_AT_ONCE):
        if not await _sweep_one(runtime):
            return


async def _sweep_one(runtime: Runtime) -> bool:
    """Hold the intent while its object goes: a request that would settle it waits, and then finds it gone."""
    dead = (
        select(PendingOriginal).where(PendingOriginal.dead_at < func.now()).order_by(PendingOriginal.dead_at).limit(1)
    )
    async with runtime.worker.transaction() as session:
        pending = (await session.scalars(dead.with_for_update(skip_locked=True))).one_or_none()
        if pending is None:
            return False
        try:
            await runtime.store.abandon(pending.object_key)
        except Exception as error:
            if is_transient(error):
                raise
            logger.exception("what a dead intake left cannot be removed", extra={"original": str(pending.id)})
            pending.dead_at = func.now() + _AGAIN_AFTER  # the others must not wait for it
            return True
        await session.delete(pending)
    logger.info("removed what a dead intake left", extra={"original": str(pending.id)})
    return True
