"""What ingestion costs: events from a real Kafka into the indicators, against reading and decoding them alone.

    python -m tests.performance.ingest [--events 50000] [--rounds 3] [--json]

The control is aiokafka's `getmany` with msgspec decoding into the same types and nothing else: no inbox, no
facts, no roll-ups, no commit. Control and ingestion take turns on the same events. Only the ratio carries over to
other machines. Needs Java 17+ and Maven, or TRASTIENDA_KAFKA_BOOTSTRAP.
"""

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter, process_time

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer
from sqlalchemy import text

from deploy.kafka import Broker, available
from deploy.standalone.postgres import EmbeddedPostgres
from services.analytics.app import SERVICE
from services.analytics.operations.consume import CONSUMPTION
from shared import migrations
from shared.consumer import Consumer
from shared.contracts.analytics import OperationRecorded
from shared.db import Database
from shared.eventlog import Message
from shared.eventlog.kafka import KafkaEventLog
from shared.events import Actor, Outcome, Work, to_message
from shared.ids import uuid7

_PUBLISH = 5_000
_BATCH = 1_000
_NOTHING_LEFT_MS = 3_000
_TARGET_EVENTS_S = 12_000


class _Carrier(msgspec.Struct):
    work: Work | None = None


@dataclass(frozen=True)
class Pass:
    """One way through the events: events a second, and CPU seconds of this process for each."""

    rate: float
    cpu: float


class Clock:
    """Measures from the first events on: joining a group is not ingestion."""

    def __init__(self) -> None:
        self._begun: tuple[float, float, int] | None = None

    def start(self, seen: int) -> None:
        """Begin, once, with `seen` events done already."""
        self._begun = self._begun or (perf_counter(), process_time(), seen)

    def stop(self, count: int) -> Pass:
        if self._begun is None:
            raise RuntimeError("all events came at once: measure with more of them")
        seconds, cpu, seen = self._begun
        return Pass((count - seen) / (perf_counter() - seconds), (process_time() - cpu) / (count - seen))


@dataclass(frozen=True)
class Result:
    """Medians over the rounds; `ratio` is ingestion / control in events per second."""

    events: int
    control_events_s: float
    ingest_events_s: float
    ratio: float
    control_cpu_us: float
    ingest_cpu_us: float
    rounds: int


@contextmanager
def kafka() -> Iterator[str]:
    """Give the broker that the environment names, or start one. Exits where neither is possible."""
    if given := os.environ.get("TRASTIENDA_KAFKA_BOOTSTRAP"):
        yield given
        return
    if (reason := available()) is not None:
        sys.exit(f"bench ingest needs a Kafka broker: {reason}")
    with Broker() as broker:
        yield broker.bootstrap


def operations(topic: str, count: int, seed: int) -> list[Message]:
    """Return events as services publish them: 24 activities, cases of five operations, three months."""
    random = Random(seed)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    messages = []
    for index in range(count):
        requested = start + timedelta(seconds=random.randrange(90 * 86_400))
        started = requested + timedelta(seconds=random.randrange(7_200))
        case = f"{seed}-{index // 5}"
        work = Work(
            process="accounts-payable",
            activity=f"activity-{index % 24}",
            case=case,
            actor=Actor(kind="automation" if index % 3 else "person", id=f"a{index % 50}", team=f"team-{index % 4}"),
            requested_at=requested,
            started_at=started,
            finished_at=started + timedelta(seconds=random.lognormvariate(5, 1)),
            outcome=Outcome.ERROR if index % 20 == 0 else Outcome.DONE,
        )
        data = OperationRecorded(source="bench")
        message = to_message(uuid7(), data, subject=case, tenant="bench", at=requested, work=work)
        messages.append(Message(topic, message.key, message.value, message.headers))
    return messages


async def control(bootstrap: str, topic: str, count: int) -> Pass:
    """Read and decode everything, typed, and do nothing with it."""
    decoder = msgspec.json.Decoder(_Carrier)
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    clock, seen = Clock(), 0
    while seen < count:
        batches = await consumer.getmany(timeout_ms=_NOTHING_LEFT_MS, max_records=_BATCH)
        if not batches:
            raise RuntimeError(f"{count - seen} events did not come")
        for records in batches.values():
            for record in records:
                decoder.decode(record.value)
            seen += len(records)
        clock.start(seen)
    await consumer.stop()
    return clock.stop(count)


async def ingest(log: KafkaEventLog, url: str, topic: str, count: int) -> Pass:
    """Let the analytics consumer take everything, exactly once, into facts, roll-ups and cases."""
    database = Database(url, schema=SERVICE.name, role=migrations.roles_of(SERVICE.name)[1])
    stop = asyncio.Event()
    group = replace(CONSUMPTION, group=f"bench-{topic}", pattern=re.escape(topic))
    consumer = Consumer(group, database, log)
    running = asyncio.create_task(consumer.run(stop))
    clock = Clock()
    while (seen := await _taken(database, topic)) < count:
        if seen:
            clock.start(seen)
        if running.done():
            await running
        await asyncio.sleep(0.02)
    result = clock.stop(count)
    stop.set()
    await running
    await database.close()
    return result


async def _taken(database: Database, topic: str) -> int:
    async with database.session(None) as session:
        query = text("SELECT coalesce(sum(next_offset), 0) FROM consumer_offset WHERE topic = :topic")
        return int((await session.execute(query, {"topic": topic})).scalar_one())


async def run(events: int, rounds: int) -> Result:
    """Start the servers, publish, and measure both in turns."""
    with ExitStack() as stack:
        bootstrap = stack.enter_context(kafka())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trastienda-bench-")))
        server = EmbeddedPostgres(folder / "postgres")
        url = await server.start()
        log = KafkaEventLog(bootstrap)
        try:
            await migrations.migrate(url, SERVICE.name, SERVICE.migrations)
            await log.start()
            controls, ingests = [], []
            for number in range(rounds):
                topic = await _published(log, events, number)
                controls.append(await control(bootstrap, topic, events))
                ingests.append(await ingest(log, url, topic, events))
            await _check(url, events * rounds)
        finally:
            await log.close()
            await server.stop()
    return _summary(events, controls, ingests)


async def _published(log: KafkaEventLog, events: int, number: int) -> str:
    topic = f"bench-{uuid7().hex[-8:]}.operations"
    await log.ensure_topics([topic])
    messages = operations(topic, events, number)
    for start in range(0, len(messages), _PUBLISH):
        await log.publish(messages[start : start + _PUBLISH])
    return topic


async def _check(url: str, expected: int) -> None:
    """Fail when the roll-ups do not hold every event once: a fast wrong answer is no result."""
    connection = await asyncpg.connect(url)
    counted = await connection.fetchval("SELECT sum(n) FROM analytics.rollup_hour")
    await connection.close()
    if counted != expected:
        raise RuntimeError(f"{counted} operations are in the roll-ups, {expected} were published")


def _summary(events: int, controls: list[Pass], ingests: list[Pass]) -> Result:
    return Result(
        events=events,
        control_events_s=median(item.rate for item in controls),
        ingest_events_s=median(item.rate for item in ingests),
        ratio=median(i.rate / c.rate for c, i in zip(controls, ingests, strict=True)),
        control_cpu_us=1e6 * median(item.cpu for item in controls),
        ingest_cpu_us=1e6 * median(item.cpu for item in ingests),
        rounds=len(controls),
    )


def render(result: Result) -> str:
    return (
        f"{result.events} events, median of {result.rounds} interleaved rounds\n"
        f"  events/s      control {result.control_events_s:8.0f}   ingestion {result.ingest_events_s:8.0f}   "
        f"ratio {result.ratio:.3f}\n"
        f"  CPU us/event  control {result.control_cpu_us:8.1f}   ingestion {result.ingest_cpu_us:8.1f}\n"
        f"  floor for ingestion: {_TARGET_EVENTS_S} events/s"
    )


def main(argv: list[str]) -> int:
    """Print the result. The exit code says whether every event was counted once."""
    parser = argparse.ArgumentParser(prog="bench ingest", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    result = asyncio.run(run(options.events, options.rounds))
    sys.stdout.write((json.dumps(asdict(result)) if options.json else render(result)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
