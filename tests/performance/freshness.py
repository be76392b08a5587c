"""How soon an event is seen: from its publication on a real Kafka to the figures of `GET /analytics/kpis`.

    python -m tests.performance.freshness [--rate 2000] [--seconds 60] [--json]

Events are published every 50 ms at an even rate, the analytics consumer works in a process of its own, and this one asks
the service's own `GET /analytics/kpis` (its route and database role, without a socket) again and again for the number of
operations. The k-th event published counts as seen when that number has reached k; its time runs from the moment at which
its publication was begun until the answer was there. Needs Java 17+ and Maven, or TRASTIENDA_KAFKA_BOOTSTRAP.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

import httpx

from deploy.standalone.issuer import DevelopmentIssuer
from deploy.standalone.postgres import EmbeddedPostgres
from deploy.standalone.seaweed import EmbeddedS3
from shared.eventlog.kafka import KafkaEventLog
from shared.ids import uuid7
from tests.fixtures.services import Harness, running
from tests.performance._events import TENANT, operations
from tests.performance.ingest import kafka

_TICK_S = 0.05
_LOOK_S = 0.02
_PATIENCE_S = 60
_AIM_S = 1.0


@dataclass(frozen=True)
class Result:
    """Seconds from publication to being seen; `look_s` is how long the last question of each event took, at the median."""

    events: int
    rate: float
    p50_s: float
    p95_s: float
    p99_s: float
    longest_s: float
    look_s: float


class Stream:
    """What was published when, and seen when, by number of events."""

    def __init__(self, log: KafkaEventLog, topic: str, rate: int, seconds: int) -> None:
        self._log, self._topic, self._tick = log, topic, round(rate * _TICK_S)
        begin = datetime.now(UTC) - timedelta(days=180)
        self._messages = list(operations(topic, rate * seconds, 0, begin=begin))
        self.published: list[float] = []
        self.seen: list[float] = []
        self.looks: list[float] = []

    @property
    def total(self) -> int:
        return len(self._messages)

    async def publish(self) -> None:
        """Publish at an even rate; what takes longer than its turn begins the next one at once."""
        began = perf_counter()
        for start in range(0, self.total, self._tick):
            await asyncio.sleep(max(0.0, began + start / self._tick * _TICK_S - perf_counter()))
            messages = self._messages[start : start + self._tick]
            self.published += [perf_counter()] * len(messages)
            await self._log.publish(messages)

    async def watch(self, client: httpx.AsyncClient) -> None:
        """Ask until all are seen."""
        since = (datetime.now(UTC) - timedelta(days=365)).isoformat()
        question = {"from": since, "to": (datetime.now(UTC) + timedelta(days=1)).isoformat(), "details": "false"}
        while len(self.seen) < self.total:
            asked = perf_counter()
            answer = await client.get("/analytics/kpis", params=question)
            answer.raise_for_status()
            kpis = {each["id"]: each for each in answer.json()["kpis"]}
            now = perf_counter()
            new = kpis["automation_level"]["n"] - len(self.seen)
            self.seen += [now] * new
            self.looks += [now - asked] * new
            await asyncio.sleep(_LOOK_S)

    def result(self, rate: float) -> Result:
        took = sorted(seen - published for seen, published in zip(self.seen, self.published, strict=True))
        p50, p95, p99 = (took[int(share * (len(took) - 1))] for share in (0.5, 0.95, 0.99))
        return Result(len(took), rate, p50, p95, p99, took[-1], sorted(self.looks)[len(self.looks) // 2])


@asynccontextmanager
async def consuming(bootstrap: str, topic: str, count: int, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the consumer as `bench ingest` does; it ends when it has had so many events."""
    arguments = ("-m", "tests.performance._ways", "ingest", bootstrap, topic, str(count), url)
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def run(rate: int = 2_000, seconds: int = 60) -> Result:
    """Start the servers, publish, and look."""
    async with AsyncExitStack() as stack:
        bootstrap = stack.enter_context(kafka())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trastienda-bench-")))
        server = EmbeddedPostgres(folder / "postgres")
        stack.push_async_callback(server.stop)
        url = await server.start()
        issuer = DevelopmentIssuer(folder / "keys", "development")
        store = EmbeddedS3(folder / "s3")  # the service wants one, the indicators do not
        stack.push_async_callback(store.stop)
        harness: Harness = await stack.enter_async_context(running("analytics", url, await store.start(), issuer))
        log = KafkaEventLog(bootstrap)
        stack.push_async_callback(log.close)
        await log.start()
        topic = f"bench-{uuid7().hex[-8:]}.operations"
        await log.ensure_topics([topic])
        stream = Stream(log, topic, rate, seconds)
        warm_up = list(operations(topic, 100, 1, begin=datetime.now(UTC) - timedelta(days=700)))
        await stack.enter_async_context(consuming(bootstrap, topic, len(warm_up) + stream.total, url))
        await log.publish(warm_up)
        await _joined(harness, len(warm_up))
        client = await stack.enter_async_context(harness.client(TENANT, "viewer"))
        async with asyncio.timeout(seconds + _PATIENCE_S), asyncio.TaskGroup() as tasks:
            tasks.create_task(stream.publish())
            tasks.create_task(stream.watch(client))
    return stream.result(rate)


async def _joined(harness: Harness, count: int) -> None:
    """Wait until the consumer has had the first events: joining a group is no part of an event's way."""
    async with asyncio.timeout(_PATIENCE_S), harness.client(TENANT, "viewer") as client:
        question = {"from": "2020-01-01T00:00:00Z", "to": datetime.now(UTC).isoformat(), "details": "false"}
        n = 0
        while n < count:
            await asyncio.sleep(0.1)
            answer = (await client.get("/analytics/kpis", params=question)).json()
            n = next((each["n"] for each in answer["kpis"] if each["id"] == "automation_level"), 0)


def render(result: Result) -> str:
    return (
        f"{result.events} events, {result.rate:.0f} a second, from publication to GET /analytics/kpis\n"
        f"  p50 {result.p50_s * 1e3:.0f} ms   p95 {result.p95_s * 1e3:.0f} ms (aim {_AIM_S * 1e3:.0f})   "
        f"p99 {result.p99_s * 1e3:.0f} ms   longest {result.longest_s * 1e3:.0f} ms   "
        f"of which the question itself {result.look_s * 1e3:.0f} ms"
    )


def main(argv: list[str]) -> int:
    """Print the result."""
    parser = argparse.ArgumentParser(prog="bench freshness", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    result = asyncio.run(run(options.rate, options.seconds))
    sys.stdout.write((json.dumps(asdict(result)) if options.json else render(result)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
