"""The outbox: an event is recorded in the transaction that changes the rows, and published afterwards.

The columns are Debezium's (`id, aggregatetype, aggregateid, type, payload`, and headers), so that a site can
put Debezium in the relay's place.
"""

from dataclasses import dataclass
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared import clock
from shared.events import EventData, Work, encode_data, event_headers
from shared.ids import uuid7
from shared.tracing import current_trace

_INSERT = text(
    "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, headers, tenant_id, created_at) "
    "SELECT * FROM unnest(cast(:ids AS uuid[]), cast(:topics AS text[]), cast(:keys AS text[]), "
    "cast(:types AS text[]), cast(:payloads AS json[]), cast(:headers AS jsonb[]), cast(:tenants AS text[]), "
    "cast(:ats AS timestamptz[])) ON CONFLICT (tenant_id, id) DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event waiting for its transaction's end."""

    id: UUID
    data: EventData
    subject: str
    work: Work | None


def record(
    session: AsyncSession,
    data: EventData,
    *,
    subject: UUID | str,
    work: Work | None = None,
    event_id: UUID | None = None,
) -> UUID:
    """Let the transaction publish an event when it commits; return the event's id.

    `subject` is the entity's id and the message's key: events of one subject keep their order. Raises RuntimeError
    inside a savepoint, which could be rolled back without the event, and in a transaction of no tenant.
    """
    if session.info.get("tenant") is None or session.in_nested_transaction():
        raise RuntimeError(f"{data.type}: record events in a tenant's transaction, outside of savepoints")
    recorded = Recorded(event_id or uuid7(), data, str(subject), work)
    session.info.setdefault("outbox", []).append(recorded)
    return recorded.id


async def flush(session: AsyncSession) -> None:
    """Write the recorded events, after the rows they speak of.

    The rows' locks are held by then, so that two transactions on one entity get their sequence numbers in
    the order in which they commit.
    """
    recorded: list[Recorded] = session.info.pop("outbox", [])
    if not recorded:
        return
    await session.flush()
    tenant = str(session.info["tenant"])
    trace = current_trace.get()
    extra = {"ce_traceparent": trace.traceparent} if trace else {}
    now = clock.now()
    headers = [event_headers(item.id, item.data, item.subject, tenant, now) | extra for item in recorded]
    await session.execute(
        _INSERT,
        {
            "ids": [item.id for item in recorded],
            "topics": [item.data.topic for item in recorded],
            "keys": [item.subject for item in recorded],
            "types": [item.data.type for item in recorded],
            "payloads": [encode_data(item.data, item.work).decode() for item in recorded],
            "headers": [msgspec.json.encode(header).decode() for header in headers],
            "tenants": [tenant] * len(recorded),
            "ats": [now] * len(recorded),
        },
    )
    await session.execute(text("SELECT pg_notify('outbox_' || current_schema(), '')"))
