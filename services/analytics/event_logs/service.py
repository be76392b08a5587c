"""Taking in an event log: the body goes to the object store as it arrives, a job does the rest."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.event_logs.errors import UploadExpired
from services.analytics.event_logs.formats import LogReader, ReadOptions
from services.analytics.event_logs.schemas import ImportOrder, ImportQuery
from services.analytics.operations.fields import Plausible
from shared import clock
from shared.app import Runtime
from shared.auth import Principal
from shared.failures import first_line, is_transient
from shared.ids import uuid7
from shared.jobs import JobContext, create_job, replace_job, withdraw_job
from shared.tracing import current_trace

IMPORT = "event-log-import"
CLEANUP = "event-log-cleanup"
_UPLOAD_LASTS = timedelta(days=1)  # at most; what is in the store by then, and no import knows of, is removed
_HEAD_BYTES = 64 * 1024
_HEAD_PIECES = 4  # unpacked pieces looked at: a request is no place to unpack a bomb
logger = logging.getLogger(__name__)

Claim = Callable[[str], Awaitable[None]]  # takes the content's SHA-256; raises when the request is a repetition


@dataclass(frozen=True, slots=True)
class _Upload:
    """An object that is to be, and the job that removes it unless an import takes its place."""

    job: UUID
    key: str


async def accept_event_log(
    runtime: Runtime,
    session: AsyncSession,
    query: ImportQuery,
    body: AsyncIterator[bytes],
    by: Principal,
    plausible: Plausible,
    claim: Claim,
) -> UUID:
    """Store the log and queue its import; return the job's id.

    Raises UnreadableLogError for what is no log, UploadExpired for one that took longer than a day to arrive.
    """
    now = clock.now()
    options = query.read_options(plausible)
    head, is_whole = await _read_head(body)
    check_head(head[:_HEAD_BYTES], options, is_whole=is_whole and len(head) <= _HEAD_BYTES)
    upload = await _announce(runtime, by)
    try:
        stored = await runtime.store.put(upload.key, _chain(head, body))
        await claim(stored.sha256)
        trace = current_trace.get()
        order = ImportOrder(
            key=upload.key,
            size=stored.size,
            process=query.process,
            automatic=query.automatic,
            currency=query.currency,
            options=options,
            asked_at=now,
            traceparent=trace.traceparent if trace else None,
            withdraw=query.withdraw,
            revision=query.revision,
            missing=query.missing,
        )
        if not await replace_job(session, upload.job, IMPORT, msgspec.to_builtins(order)):
            raise UploadExpired  # noqa: TRY301 - what is in the store goes here as with every other failure
    except BaseException:
        await session.rollback()  # the cleanup's row may be locked by this very transaction
        await _discard(runtime, upload, by)
        raise
    return upload.job


async def _announce(runtime: Runtime, by: Principal) -> _Upload:
    """Commit the cleanup before there is anything to clean up: no object without a job that knows of it."""
    key = f"{by.tenant}/event-logs/{uuid7()}"
    async with runtime.database.transaction(by.tenant) as session:
        return _Upload(await create_job(session, CLEANUP, {"key": key}, by, after=_UPLOAD_LASTS), key)


async def _discard(runtime: Runtime, upload: _Upload, by: Principal) -> None:
    """Remove what an upload left in the store, then its job; what cannot be reached now is left to that job."""
    try:
        await runtime.store.abandon(upload.key)
        async with runtime.database.transaction(by.tenant) as session:
            await withdraw_job(session, upload.job)
    except Exception as error:
        if not is_transient(error):
            raise
        logger.warning("an upload is left to its cleanup", extra={"job": str(upload.job), "reason": first_line(error)})


async def clean_up(runtime: Runtime, job: JobContext) -> Mapping[str, Any]:
    """Remove what an upload left behind that never became an import, or became one that failed for good."""
    await runtime.store.abandon(job.params["key"])
    return {}


def check_head(head: bytes, options: ReadOptions, *, is_whole: bool) -> None:
    """Raise UnreadableLogError when the first bytes already tell that this is no log that can be read."""
    with closing(LogReader(options)) as reader:
        pieces = 0
        for _ in reader.feed(head):
            pieces += 1
            if pieces >= _HEAD_PIECES:
                return
        if is_whole:
            for _ in reader.finish():
                pieces += 1


async def _read_head(body: AsyncIterator[bytes]) -> tuple[bytes, bool]:
    """Return the first bytes of the body, and whether they are all of it."""
    head = b""
    async for chunk in body:
        head += chunk
        if len(head) >= _HEAD_BYTES:
            return head, False
    return head, True


async def _chain(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for chunk in rest:
        yield chunk
