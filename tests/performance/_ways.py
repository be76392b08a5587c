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
from datetime import datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Literal
from uuid import UUID

import msgspec
from aiokafka import AIOKafkaConsumer
from pydantic import BaseModel, Field

from services.analytics.app import SERVICE
from services.analytics.operations.consume import CONSUMPTION, Measured, read
from services.analytics.operations.facts import OperationFact
from shared import migrations
from shared.consumer import Consumer, Limits
from shared.db import Database
from shared.eventlog import Received, Subscription
from shared.eventlog.kafka import KafkaEventLog
from shared.events import Outcome, Work
from shared.ids import uuid7

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
    clock, stop, done = Clock(), asyncio.Event(), 0

    class Counting(Consumer):
        async def _take(self, subscription: Subscription, polled: Sequence[Received]) -> None:
            nonlocal done
            if polled:
                clock.start()
            await super()._take(subscription, polled)
            done += len(polled)
            if done >= count:
                stop.set()

    database = Database(url, schema=SERVICE.name, role=migrations.roles_of(SERVICE.name)[1])
    log = KafkaEventLog(bootstrap)
    await log.start()
    group = replace(CONSUMPTION, group=f"bench-{topic}", pattern=re.escape(topic))
    await Counting(group, database, log).run(stop)
    result = clock.stop(done)
    await log.close()
    await database.close()
    return result


async def ours(bootstrap: str, topic: str, count: int, see: Callable[[Measured], None] | None = None) -> Passed:
    """Poll as the consumer does, and decode and check every event; nothing is stored."""
    log, clock, seen = KafkaEventLog(bootstrap), Clock(), 0
    await log.start()
    async with log.subscribe(f"bench-{uuid7().hex}", re.escape(topic)) as subscription:
        while seen < count:
            polled = await subscription.poll(_POLL, _NOTHING_LEFT_S)
            clock.start()
            for message in polled:
                measured = read(message)
                if see is not None:
                    see(measured)
            seen += len(polled)
        result = clock.stop(seen)
    await log.close()
    return result


async def windows(bootstrap: str, topic: str, count: int) -> Passed:
    """Read and check as ours does, and fold number and touch time by activity and five minutes of event time."""
    folded: dict[tuple[str, int], list[int]] = {}

    def see(measured: Measured) -> None:
        fact = measured.fact
        assert isinstance(fact, OperationFact)
        key = (fact.activity, int(fact.finished_at.timestamp()) // _WINDOW_S)
        window = folded.get(key)
        if window is None:
            window = folded[key] = [0, 0]
        window[0] += 1
        window[1] += fact.touch_us or 0

    result = await ours(bootstrap, topic, count, see)
    means = {key: total / n for key, (n, total) in folded.items()}
    assert sum(n for n, _ in folded.values()) == count
    assert all(mean >= 0 for mean in means.values())
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


async def control(bootstrap: str, topic: str, count: int, decode: Callable[[bytes], Any]) -> Passed:
    """Read with aiokafka and decode the values alone, with no attribute of the event and no check of ours."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    clock, seen = Clock(), 0
    while seen < count:
        batches = await consumer.getmany(timeout_ms=int(_NOTHING_LEFT_S * 1_000), max_records=_POLL)
        clock.start()
        for records in batches.values():
            for record in records:
                decode(record.value)
            seen += len(records)
    result = clock.stop(seen)
    await consumer.stop()
    return result


async def typed(bootstrap: str, topic: str, count: int) -> Passed:
    return await control(bootstrap, topic, count, msgspec.json.Decoder(_Carrier).decode)


async def pydantic(bootstrap: str, topic: str, count: int) -> Passed:
    return await control(bootstrap, topic, count, _PydanticCarrier.model_validate_json)


WAYS: dict[str, Callable[..., Awaitable[Passed]]] = {
    each.__name__: each for each in (ingest, ours, windows, typed, pydantic)
}


async def main(name: str, bootstrap: str, topic: str, count: str, *more: str) -> Passed:
    gc.collect()
    gc.freeze()  # as a worker does
    async with asyncio.timeout(900):
        return await WAYS[name](bootstrap, topic, int(count), *more)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(asyncio.run(main(*sys.argv[1:])))) + "\n")
