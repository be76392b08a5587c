"""Uploads under way: no object without a row that knows of it, and a sweeper for those that lead nowhere."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.documents.records.errors import UploadExpired
from services.documents.records.models import Upload
from shared.app import Runtime
from shared.db import Database
from shared.failures import is_transient
from shared.ids import uuid7
from shared.storage import ObjectStore

_TOUCH_S = 60.0
_DEAD_AFTER = text("interval '15 minutes'")  # many times _TOUCH_S and the longest wait for a chunk or the store
_SWEPT_AT_ONCE = 500
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Intake:
    """Where one tenant's content goes: the store, and the database for transactions apart from the request's.

    `patience_s` is how long a sender may be silent.
    """

    store: ObjectStore
    database: Database
    tenant: str
    patience_s: float


@dataclass(frozen=True, slots=True)
class Announced:
    """An upload that the database knows of."""

    id: UUID
    object_key: str


async def announce(intake: Intake) -> Announced:
    """Commit the intent to store an object, before there is one."""
    upload_id = uuid7()
    announced = Announced(upload_id, f"{intake.tenant}/{upload_id}")
    async with intake.database.transaction(intake.tenant) as session:
        await session.execute(insert(Upload).values(id=announced.id, object_key=announced.object_key))
    return announced


async def settle(session: AsyncSession, upload: Announced) -> None:
    """Take the intent back with the transaction that gives the object its record. Raises UploadExpired when swept."""
    gone = await session.scalar(delete(Upload).where(Upload.id == upload.id).returning(Upload.id))
    if gone is None:
        raise UploadExpired


async def discard(intake: Intake, upload: Announced) -> None:
    """Remove what an upload left in the store, then its intent; what cannot be reached now is left to the sweeper."""
    try:
        await intake.store.abandon(upload.object_key)
        async with intake.database.transaction(intake.tenant) as session:
            await session.execute(delete(Upload).where(Upload.id == upload.id))
    except Exception as error:
        if not is_transient(error):
            raise
        logger.warning("an upload is left to the sweeper", extra={"upload": str(upload.id), "reason": str(error)})


async def peek(body: AsyncIterator[bytes], size: int) -> tuple[bytes, AsyncIterator[bytes]]:
    """Return the first bytes (`size`, less only at the end), and the body as if nobody had looked."""
    first, seen = [], 0
    async for chunk in body:
        first.append(chunk)
        seen += len(chunk)
        if seen >= size:
            break

    async def whole() -> AsyncIterator[bytes]:
        for chunk in first:
            yield chunk
        async for chunk in body:
            yield chunk

    return b"".join(chunk[:size] for chunk in first)[:size], whole()


async def kept_alive(intake: Intake, upload: Announced, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Pass the body on and tell the sweeper every minute that it still comes."""
    touched = monotonic()
    async for chunk in body:
        if monotonic() - touched >= _TOUCH_S:
            async with intake.database.transaction(intake.tenant) as session:
                await session.execute(update(Upload).where(Upload.id == upload.id).values(touched_at=func.now()))
            touched = monotonic()
        yield chunk


async def sweep(runtime: Runtime) -> None:
    """Remove what dead uploads of any tenant left behind. Raises StoreUnavailableError."""
    for _ in range(_SWEPT_AT_ONCE):
        if not await _sweep_one(runtime):
            return


async def _sweep_one(runtime: Runtime) -> bool:
    """Hold the intent while its object goes: a request that would settle it now waits, and then finds it gone."""
    dead = select(Upload).where(Upload.touched_at < func.now() - _DEAD_AFTER).order_by(Upload.touched_at).limit(1)
    async with runtime.worker.transaction() as session:
        upload = (await session.scalars(dead.with_for_update(skip_locked=True))).one_or_none()
        if upload is None:
            return False
        try:
            await runtime.store.abandon(upload.object_key)
        except Exception as error:
            if is_transient(error):
                raise
            logger.exception("what a dead upload left cannot be removed", extra={"upload": str(upload.id)})
            upload.touched_at = func.now()  # its turn comes again; the others must not wait for it
            return True
        await session.delete(upload)
    logger.info("removed what a dead upload left", extra={"upload": str(upload.id)})
    return True
