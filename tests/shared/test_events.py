"""Events on the wire: CloudEvents in binary mode, the work block, and the trace from a request to the consumer."""

import asyncio
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import asyncpg
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.eventlog import LARGEST_MESSAGE, Message, message_size
from shared.events import (
    MAX_EVENT_BYTES,
    Actor,
    Event,
    EventTooLargeError,
    MalformedEventError,
    Outcome,
    Work,
    encode_data,
    from_message,
    to_message,
)
from shared.ids import uuid7
from shared.money import Money
from shared.relay import Relay
from shared.tracing import TraceContext
from tests.fakes.consuming import Group
from tests.fakes.eventlog import MemoryEventLog, received
from tests.fakes.kit.app import ThingMade
from tests.fakes.waiting import eventually
from tests.fixtures.services import Harness

AT = datetime(2026, 3, 1, 12, 30, 0, 250_000, tzinfo=timezone(timedelta(hours=1)))
WORK = Work(
    process="accounts-payable",
    activity="approve-invoice",
    case="c-1",
    actor=Actor(kind="person", id="p", team="ap"),
    requested_at=AT - timedelta(hours=2),
    started_at=AT - timedelta(minutes=1),
    finished_at=AT,
    outcome=Outcome.REWORK,
    corrects=UUID(int=7),
    cost=Money(amount=Decimal("1.10"), currency="EUR"),
)


def test_an_event_travels_whole() -> None:
    event_id, trace = uuid7(), TraceContext.new()
    message = to_message(event_id, ThingMade(n=1, text="ñ"), subject="s", tenant="acme", at=AT, work=WORK, trace=trace)
    assert (message.topic, message.key) == ("kit.things", "s")
    assert message.headers.items() >= {
        ("ce_specversion", "1.0"),
        ("ce_type", "kit.thing.made.v1"),
        ("ce_source", "/kit"),
        ("content-type", "application/json"),
    }
    event = from_message(received(message))
    assert event == Event(
        id=event_id,
        type="kit.thing.made.v1",
        source="/kit",
        subject="s",
        time=AT,
        tenant="acme",
        topic="kit.things",
        data=message.value,
        traceparent=trace.traceparent,
    )
    facts = json.loads(event.data)
    assert (facts["n"], facts["text"], facts["work"]["cost"]) == (1, "ñ", {"amount": "1.10", "currency": "EUR"})
    assert msgspec.json.decode(msgspec.json.encode(facts["work"]), type=Work) == WORK


def test_an_absent_work_block_and_absent_values_are_absent() -> None:
    assert json.loads(encode_data(ThingMade(n=1), None)) == {"n": 1, "text": ""}
    work = Work(process="p", activity="a", case="c", actor=Actor(kind="automation"), finished_at=AT)
    facts = json.loads(encode_data(ThingMade(n=1), work))
    assert facts["work"].keys() == {"process", "activity", "case", "actor", "finished_at", "outcome", "estimated"}


def test_the_limit_is_exact_and_fits_every_log() -> None:
    empty = len(encode_data(ThingMade(n=1), None))
    encode_data(ThingMade(n=1, text="x" * (MAX_EVENT_BYTES - empty)), None)
    with pytest.raises(EventTooLargeError) as refused:
        encode_data(ThingMade(n=1, text="x" * (MAX_EVENT_BYTES - empty + 1)), None)
    assert (refused.value.values["size"], refused.value.values["limit"]) == (MAX_EVENT_BYTES + 1, MAX_EVENT_BYTES)
    longest = to_message(
        uuid7(),
        ThingMade(n=1, text="x" * (MAX_EVENT_BYTES - empty)),
        subject="s" * 255,
        tenant="t" * 64,
        at=AT,
        trace=TraceContext.new(),
    )
    assert message_size(longest) <= LARGEST_MESSAGE


@given(st.dictionaries(st.sampled_from(["ce_id", "ce_time", "ce_tenant", "ce_type", "ce_specversion"]), st.text()))
def test_any_headers_give_an_event_or_a_reason(headers: dict[str, str]) -> None:
    message = to_message(uuid7(), ThingMade(n=1), subject="s", tenant="acme", at=AT)
    try:
        event = from_message(received(Message("t", "s", b"", {**message.headers, **headers})))
    except MalformedEventError as error:
        reason = error.reason
    else:
        reason = "" if event.tenant and event.type and event.time.tzinfo else "incomplete"
    assert reason in {"", "not-a-cloudevent", "missing-attribute", "bad-attribute"}


async def test_a_trace_goes_from_the_request_to_the_consumer(
    kit: Harness, tenant: str, admin: asyncpg.Connection
) -> None:
    parent = TraceContext.new()
    log = MemoryEventLog()
    group = Group(kit, log, admin)
    seen: list[Event] = []
    group.judge = seen.append
    await admin.execute("DELETE FROM kit.outbox")
    async with kit.client(tenant, traceparent=parent.traceparent) as client:
        assert (await client.post("/kit/things", json={"name": "traced"})).status_code == 201
    await Relay("kit", kit.runtime.url, kit.runtime.worker, log).publish_batch()
    stop = asyncio.Event()
    consuming = asyncio.create_task(group.consumer.run(stop))
    await eventually(lambda: seen)
    stop.set()
    await consuming
    trace = TraceContext.parse(seen[0].traceparent)
    assert trace is not None
    assert trace.trace_id == parent.trace_id
    assert trace.span_id != parent.span_id
    work = msgspec.json.decode(msgspec.json.encode(json.loads(seen[0].data)["work"]), type=Work)
    assert (work.actor.kind, work.estimated, work.started_at) == ("person", True, work.finished_at)
    assert f"operator@{tenant}" not in seen[0].data.decode()


async def test_the_beginning_of_work_is_the_header_when_it_is_plausible(kit: Harness, tenant: str) -> None:
    now = datetime.now(UTC)
    async with kit.client(tenant) as client:
        for back, status in ((timedelta(minutes=5), 201), (timedelta(days=32), 422), (-timedelta(minutes=6), 422)):
            begun = (now - back).isoformat()
            answer = await client.post("/kit/things", json={"name": "n"}, headers={"Work-Started-At": begun})
            assert answer.status_code == status, answer.text
    [event] = await kit.events(tenant)
    assert event.payload["work"]["estimated"] is False
    assert datetime.fromisoformat(event.payload["work"]["started_at"]) == now - timedelta(minutes=5)
