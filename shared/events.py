"""Events: what happened and what work it took, as CloudEvents 1.0 in Kafka's binary mode.

The attributes travel as `ce_*` headers, the facts and the `work` block as the JSON value.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal
from uuid import UUID

import msgspec

from shared.errors import DomainError
from shared.eventlog import Message, Received
from shared.money import Money
from shared.tracing import TraceContext

SPEC_VERSION = "1.0"
MAX_EVENT_BYTES = 900_000  # below Kafka's default limit of 1 MiB for a message

# Longest texts of a work block, in characters. An actor and a team may be as long as a token's `sub` and `team`. All
# that stands in one index entry of analytics stays below PostgreSQL's 2,704 bytes, with four bytes a character.
MAX_PROCESS, MAX_ACTIVITY, MAX_CASE, MAX_TEAM, MAX_ACTOR = 100, 200, 200, 255, 255


class Outcome(StrEnum):
    DONE = "done"
    ERROR = "error"
    REWORK = "rework"
    CANCELLED = "cancelled"


class Actor(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who worked. `id` is a pseudonym: names never enter events."""

    kind: Literal["person", "automation"]
    id: str | None = None
    team: str | None = None


class Work(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One operation: wait = started - requested, touch = finished - started.

    `estimated` marks a touch time that was assumed, not observed; `corrects` is the id of the earlier event
    that this one finds wrong; `cost` is given when it was measured.
    """

    process: str
    activity: str
    case: str
    actor: Actor
    finished_at: datetime
    requested_at: datetime | None = None
    started_at: datetime | None = None
    outcome: Outcome = Outcome.DONE
    corrects: UUID | None = None
    cost: Money | None = None
    estimated: bool = False


class EventData(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the contracts: the facts of one event type. Subclasses set `type` and `topic`."""

    type: ClassVar[str]
    topic: ClassVar[str]


class Event(msgspec.Struct, frozen=True, gc=False):
    """An event as a consumer gets it; `data` is undecoded JSON, `position` names the message it came in."""

    id: UUID
    type: str
    source: str
    subject: str
    time: datetime
    tenant: str
    topic: str
    data: bytes
    traceparent: str | None = None


class MalformedEventError(Exception):
    """A message that can never be handled; `reason` is a stable word for counting, the text says what and where."""

    def __init__(self, reason: str, text: str) -> None:
        self.reason = reason
        super().__init__(text)


class EventTooLargeError(DomainError):
    """An event above MAX_EVENT_BYTES: large content belongs in the object store."""

    code, status = "event-too-large", 422
    en = "The event {event_type} would have {size} bytes; {limit} are allowed."
    es = "El evento {event_type} tendría {size} bytes; se admiten {limit}."
    hint_en = "Send less in one request; large content belongs in documents."
    hint_es = "Envíe menos en cada petición; los contenidos grandes van en documentos."


def encode_data(data: EventData, work: Work | None) -> bytes:
    """Return the JSON value: the facts, and the work block when there is one."""
    facts: dict[str, Any] = msgspec.structs.asdict(data)
    if work is not None:
        facts["work"] = {name: value for name, value in msgspec.structs.asdict(work).items() if value is not None}
    value = msgspec.json.encode(facts)
    if len(value) > MAX_EVENT_BYTES:
        raise EventTooLargeError(event_type=data.type, size=len(value), limit=MAX_EVENT_BYTES)
    return value


def event_headers(event_id: UUID, data: EventData, subject: str, tenant: str, at: datetime) -> dict[str, str]:
    """Return the CloudEvents attributes of an event as message headers."""
    return {
        "ce_specversion": SPEC_VERSION,
        "ce_id": str(event_id),
        "ce_type": data.type,
        "ce_source": f"/{data.topic.split('.')[0]}",
        "ce_subject": subject,
        "ce_time": at.isoformat(),
        "ce_tenant": tenant,
        "content-type": "application/json",
    }


def to_message(
    event_id: UUID,
    data: EventData,
    *,
    subject: str,
    tenant: str,
    at: datetime,
    work: Work | None = None,
    trace: TraceContext | None = None,
) -> Message:
    """Return the message of an event; `subject` is its key."""
    headers = event_headers(event_id, data, subject, tenant, at)
    if trace is not None:
        headers["ce_traceparent"] = trace.traceparent
    return Message(topic=data.topic, key=subject, value=encode_data(data, work), headers=headers)


def from_message(message: Received) -> Event:
    """Read the CloudEvents attributes. Raises MalformedEventError naming the header that is wrong."""
    headers = message.headers
    if headers.get("ce_specversion") != SPEC_VERSION:
        raise MalformedEventError("not-a-cloudevent", "header ce_specversion is not 1.0")
    return Event(
        id=_attribute(headers, "ce_id", UUID),
        type=_attribute(headers, "ce_type", str),
        source=_attribute(headers, "ce_source", str),
        subject=headers.get("ce_subject", ""),
        time=_attribute(headers, "ce_time", _instant),
        tenant=_attribute(headers, "ce_tenant", str),
        topic=message.topic,
        data=message.value,
        traceparent=headers.get("ce_traceparent"),
    )


def _attribute(headers: Mapping[str, str], name: str, parse: Any) -> Any:
    value = headers.get(name, "")
    if not value:
        raise MalformedEventError("missing-attribute", f"header {name} is missing")
    try:
        return parse(value)
    except ValueError as error:
        raise MalformedEventError("bad-attribute", f"header {name} is {value!r}: {error}") from error


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("it has no offset from UTC")
    return at
