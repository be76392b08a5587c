"""Taking in an event log: the body goes to the object store as it arrives, a job does the rest."""

from collections.abc import AsyncIterator
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.event_logs.formats import LogReader, ReadOptions
from services.analytics.event_logs.schemas import ImportOrder, ImportQuery
from services.analytics.operations.facts import Plausible
from shared import clock
from shared.auth import Principal
from shared.ids import uuid7
from shared.jobs import create_job
from shared.storage import ObjectStore
from shared.tracing import current_trace

IMPORT = "event-log-import"
_HEAD_BYTES = 64 * 1024
_HEAD_PIECES = 4  # unpacked pieces looked at: a request is no place to unpack a bomb


async def accept_event_log(
    session: AsyncSession, store: ObjectStore, query: ImportQuery, body: AsyncIterator[bytes], by: Principal
) -> UUID:
    """Store the log and queue its import; return the job's id. Raises UnreadableLogError for what is no log."""
    now = clock.now()
    options = query.read_options(Plausible.at(now))
    head, is_whole = await _read_head(body)
    check_head(head[:_HEAD_BYTES], options, is_whole=is_whole and len(head) <= _HEAD_BYTES)
    key = f"{by.tenant}/event-logs/{uuid7()}"
    stored = await store.put(key, _chain(head, body))
    trace = current_trace.get()
    order = ImportOrder(
        key=key,
        size=stored.size,
        process=query.process,
        automatic=query.automatic,
        currency=query.currency,
        options=options,
        asked_at=now,
        traceparent=trace.traceparent if trace else None,
    )
    return await create_job(session, IMPORT, msgspec.to_builtins(order), by)


def check_head(head: bytes, options: ReadOptions, *, is_whole: bool) -> None:
    """Raise UnreadableLogError when the first bytes already tell that this is no log that can be read."""
    reader = LogReader(options)
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
