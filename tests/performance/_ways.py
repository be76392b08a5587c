"""Ways through the events of a topic, each in a process of its own: `python -m tests.performance._ways WAY ...`.

Prints one JSON object. What is measured begins with the first events at hand: joining a group is no ingestion.
"""

import asyncio
import gc
import json
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from pydantic import AwareDatetime, BaseModel, Field, model_validator

from services.analytics.app import SERVICE
from services.analytics.operations.consume import CONSUMPTION, reader_under
from services.analytics.operations.facts import OperationFact
from services.analytics.operations.fields import Plausible
from services.analytics.operations.origin import MAX_TYPE
from services.analytics.settings import AnalyticsSettings
from shared import clock, migrations
from shared.auth import TENANT
from shared.consumer import Consumer, Limits
from shared.db import Database
from shared.eventlog import Received, Subscription
from shared.eventlog.kafka import KafkaEventLog
from shared.events import MAX_ACTIVITY, MAX_ACTOR, MAX_CASE, MAX_PROCESS, MAX_TEAM, Event, Outcome, Work
from shared.ids import uuid7
from tests.fakes.eventlog import received
from tests.performance._events import operations

_POLL = Limits().batch * Limits().batches
_NOTHING_LEFT_S = 5.0
_WINDOW_S = 300


@dataclass(frozen=True)
class Passed:
    """One way through the events: how many, seconds and CPU seconds of this process for them, its memory at the most."""

    events: int
    seconds: float
    cpu: float
    peak_mb: float


class Clock:
    """Starts once."""

    def __init__(self) -> None:
        self._begun: tuple[float, float] | None = None

    def start(self) -> None:
        self._begun = self._begun or (perf_counter(), process_time())

    def stop(self, events: int) -> Passed:
        assert self._begun is not None
        return Passed(events, perf_counter() - self._begun[0], process_time() - self._begun[1], peak_mb())


def peak_mb() -> float:
    """Return the most memory that this process ever held."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


async def ingest(bootstrap: str, topic: str, count: int, url: str) -> Passed:
    """Let the analytics consumer take everything, exactly once, into facts, roll-ups and cases."""
    timer, stop, done = Clock(), asyncio.Event(), 0

    class Counting(Consumer):
        async def _take(self, subscription: Subscription, polled: Sequence[Received]) -> None:
            nonlocal done
            if polled:
                timer.start()
            await super()._take(subscription, polled)
            done += len(polled)
            if done >= count:
                stop.set()

    database = Database(url, schema=SERVICE.name, role=migrations.roles_of(SERVICE.name)[1])
    log = KafkaEventLog(bootstrap)
    await log.start()
    group = replace(CONSUMPTION, group=f"bench-{topic}", pattern=re.escape(topic))
    await Counting(group, database, log).run(stop)
    result = timer.stop(done)
    await log.close()
    await database.close()
    return result


async def transaction(bootstrap: str, topic: str, count: int, url: str, seed: str, kind: str) -> Passed:
    """Store facts that are at hand in the consumer's own transactions, one after the other; nothing is polled or read."""
    log = KafkaEventLog(bootstrap)
    await log.start()
    read = reader_under(AnalyticsSettings())
    published = operations(topic, count, int(seed), spread=kind == "spread")
    messages = [received(each, offset=offset) for offset, each in enumerate(published)]
    events: list[Event] = [read(message) for message in messages]
    database = Database(url, schema=SERVICE.name, role=migrations.roles_of(SERVICE.name)[1])
    consumer, timer, batch = Consumer(CONSUMPTION, database, log), Clock(), Limits().batch
    timer.start()
    for start in range(0, count, batch):
        await consumer._transact(events[start : start + batch], messages[start : start + batch])
    result = timer.stop(count)
    await log.close()
    await database.close()
    return result


async def polled(bootstrap: str, topic: str, count: int, see: Callable[[Received], object]) -> Passed:
    """Poll as the consumer does and show every message to `see`; nothing is stored."""
    log, timer, seen = KafkaEventLog(bootstrap), Clock(), 0
    await log.start()
    async with log.subscribe(f"bench-{uuid7().hex}", re.escape(topic)) as subscription:
        while seen < count:
            messages = await subscription.poll(_POLL, _NOTHING_LEFT_S)
            timer.start()
            for message in messages:
                see(message)
            seen += len(messages)
        result = timer.stop(seen)
    await log.close()
    return result


async def ours(bootstrap: str, topic: str, count: int) -> Passed:
    """Decode and check as the consumer does: attributes, types, lengths, order and plausibility of moments."""
    return await polled(bootstrap, topic, count, reader_under(AnalyticsSettings()))


class Windows:
    """Number and touch time by activity and five minutes of event time."""

    def __init__(self) -> None:
        self._folded: dict[tuple[str, int], list[Any]] = {}

    def add(self, activity: str, finished_at: datetime, touch: timedelta | int) -> None:
        """Add one; `touch` is in microseconds where it is a number."""
        key = (activity, int(finished_at.timestamp()) // _WINDOW_S)
        if (window := self._folded.get(key)) is None:
            self._folded[key] = [1, touch]
        else:
            window[0] += 1
            window[1] += touch

    def check(self, count: int) -> None:
        assert sum(n for n, _ in self._folded.values()) == count
        assert all(total / n >= 0 * total for n, total in self._folded.values())


async def windows(bootstrap: str, topic: str, count: int) -> Passed:
    """Fold what the consumer's poll gives: values decoded into typed structs, and no more looked at than others look at."""
    folded, decoder = Windows(), msgspec.json.Decoder(_Carrier)

    def see(message: Received) -> None:
        work = decoder.decode(message.value).work
        assert work is not None
        assert work.started_at is not None
        folded.add(work.activity, work.finished_at, work.finished_at - work.started_at)

    result = await polled(bootstrap, topic, count, see)
    folded.check(count)
    return result


async def checked(bootstrap: str, topic: str, count: int) -> Passed:
    """Fold what the consumer made of every event, all its checks included."""
    folded, read = Windows(), reader_under(AnalyticsSettings())

    def see(message: Received) -> None:
        fact = read(message).fact
        assert isinstance(fact, OperationFact)
        folded.add(fact.activity, fact.finished_at, fact.touch_us or 0)

    result = await polled(bootstrap, topic, count, see)
    folded.check(count)
    return result


class _Carrier(msgspec.Struct):
    work: Work | None = None


class _PydanticActor(BaseModel):
    kind: Literal["person", "automation"]
    id: str | None = None
    team: str | None = None


class _PydanticMoney(BaseModel):
    amount: str
    currency: str


class _PydanticWork(BaseModel):
    process: str
    activity: str
    case: str
    actor: _PydanticActor
    finished_at: datetime
    requested_at: datetime | None = None
    started_at: datetime | None = None
    outcome: Outcome = Outcome.DONE
    corrects: UUID | None = None
    cost: _PydanticMoney | None = None
    estimated: bool = False


class _PydanticCarrier(BaseModel):
    work: _PydanticWork | None = Field(default=None)


async def control(bootstrap: str, topic: str, count: int, decode: Callable[[ConsumerRecord], object]) -> Passed:
    """Read with aiokafka and decode."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    timer, seen = Clock(), 0
    while seen < count:
        batches = await consumer.getmany(timeout_ms=int(_NOTHING_LEFT_S * 1_000), max_records=_POLL)
        timer.start()
        for records in batches.values():
            for record in records:
                decode(record)
            seen += len(records)
    result = timer.stop(seen)
    await consumer.stop()
    return result


async def typed(bootstrap: str, topic: str, count: int) -> Passed:
    """Values alone: no attribute of the event, so neither its id nor its tenant, and no check."""
    decoder = msgspec.json.Decoder(_Carrier)
    return await control(bootstrap, topic, count, lambda record: decoder.decode(record.value))


class _Attributes(msgspec.Struct):
    ce_id: UUID
    ce_type: str
    ce_source: str
    ce_time: datetime
    ce_tenant: str
    ce_subject: str


async def whole(bootstrap: str, topic: str, count: int) -> Passed:
    """Values and attributes, both typed, and no check."""
    decoder = msgspec.json.Decoder(_Carrier)

    def decode(record: ConsumerRecord) -> object:
        attributes = msgspec.convert({name: value.decode() for name, value in record.headers}, _Attributes)
        return attributes, decoder.decode(record.value)

    return await control(bootstrap, topic, count, decode)


async def pydantic(bootstrap: str, topic: str, count: int) -> Passed:
    """Values alone, with a pydantic model of the same shape."""
    return await control(bootstrap, topic, count, lambda record: _PydanticCarrier.model_validate_json(record.value))


_Filled = Annotated[str, Field(min_length=1)]
_USUAL = Plausible.at(clock.now())
_Moment = Annotated[AwareDatetime, Field(ge=_USUAL.earliest, le=_USUAL.latest)]


class _ModelledAttributes(BaseModel):
    ce_specversion: Literal["1.0"]
    ce_id: UUID
    ce_type: Annotated[_Filled, Field(max_length=MAX_TYPE)]
    ce_source: _Filled
    ce_time: AwareDatetime
    ce_tenant: Annotated[str, Field(pattern=f"^{TENANT.pattern}$")]
    ce_subject: str = ""
    ce_traceparent: str | None = None


class _ModelledActor(BaseModel):
    kind: Literal["person", "automation"]
    id: Annotated[str, Field(max_length=MAX_ACTOR)] | None = None
    team: Annotated[str, Field(max_length=MAX_TEAM)] | None = None


class _ModelledWork(BaseModel):
    process: Annotated[_Filled, Field(max_length=MAX_PROCESS)]
    activity: Annotated[_Filled, Field(max_length=MAX_ACTIVITY)]
    case: Annotated[_Filled, Field(max_length=MAX_CASE)]
    actor: _ModelledActor
    finished_at: _Moment
    requested_at: _Moment | None = None
    started_at: _Moment | None = None
    outcome: Outcome = Outcome.DONE
    corrects: UUID | None = None
    cost: _PydanticMoney | None = None
    estimated: bool = False

    @model_validator(mode="after")
    def _moments_are_in_order(self) -> "_ModelledWork":
        begin = self.requested_at or self.started_at or self.finished_at
        if not begin <= (self.started_at or begin) <= self.finished_at:
            raise ValueError("the moments run backwards")
        return self


class _ModelledCarrier(BaseModel):
    work: _ModelledWork | None = None


async def modelled(bootstrap: str, topic: str, count: int) -> Passed:
    """Values and attributes with pydantic, and the checks of `ours`: lengths, moments, their order."""

    def decode(record: ConsumerRecord) -> object:
        attributes = _ModelledAttributes.model_validate({name: value.decode() for name, value in record.headers})
        return attributes, _ModelledCarrier.model_validate_json(record.value)

    return await control(bootstrap, topic, count, decode)


WAYS: dict[str, Callable[..., Awaitable[Passed]]] = {
    each.__name__: each for each in (ingest, transaction, ours, windows, checked, typed, whole, pydantic, modelled)
}


async def main(name: str, bootstrap: str, topic: str, count: str, *more: str) -> Passed:
    gc.collect()
    gc.freeze()  # as a worker does
    async with asyncio.timeout(900):
        return await WAYS[name](bootstrap, topic, int(count), *more)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(asyncio.run(main(*sys.argv[1:])))) + "\n")
