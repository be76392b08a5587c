"""What ingestion costs, from a real Kafka into the indicators, against the limits of its parts, in turns.

    python -m tests.performance.ingest [--events 50000] [--rounds 3] [--spread] [--json]

Each round publishes the events and lets them go these ways, each in a process of its own (`_ways.py`):

staging  no Kafka: 1,000 rows of ten columns by COPY and one transaction (`_staging.py`), the limit of storing
transaction  no Kafka, nothing to decode or check: the consumer's own transactions on facts that are at hand, one after the
         other, in a database of its own
ingest   the analytics consumer, exactly once, into facts, roll-ups, histograms and cases
ours     poll, decode and check as the consumer does, nothing stored
typed    aiokafka and msgspec into typed structs, values alone: neither id, tenant, type or time of the event, nor a check
whole    the same with the event's attributes, which are headers
pydantic values alone, with a pydantic model of the same shape
modelled values and attributes with pydantic, and what `ours` checks of lengths and moments: the same work as `ours`
windows  number and mean touch time by activity and five minutes of event time, late events where they belong: polled as
         the consumer does, values decoded, folded into a dictionary; against bytewax and quixstreams, which decode JSON
         and check as little. Ours keeps its windows in memory, as bytewax does; quixstreams keeps them in RocksDB.
checked  the same windows with all that `ours` reads and checks. Windows are compared per CPU second.

The events are a live stream, 5 % of them up to 90 days late; with `--spread` all come from anywhere in 90 days. Only
ratios carry over to other machines. Needs Java 17+ and Maven, or TRASTIENDA_KAFKA_BOOTSTRAP; what cannot be installed for
the comparison (`.venv-bench`) is left out, and said.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import asyncpg
import psutil
from sqlalchemy.engine import make_url

from deploy.kafka import Broker, available
from deploy.standalone.postgres import EmbeddedPostgres
from services.analytics.app import SERVICE
from shared import migrations
from shared.eventlog.kafka import KafkaEventLog
from shared.ids import uuid7
from tests.performance import _rivals
from tests.performance._events import operations
from tests.performance._staging import rows_of, staging
from tests.performance._ways import Passed

_PUBLISH = 5_000
_PATIENCE_S = 900
_REAPED_S = 0.3  # within which the server has waited for a process that ended, and counts its time
_LATE_DAYS = "91"
RIVALS = ("bytewax", "quixstreams")
# What is compared, by `rate` per second or `per_cpu` per CPU second, and what is aimed at, if anything.
AIMS: tuple[tuple[str, str, str, float | None], ...] = (
    ("ingest", "staging", "rate", 0.6),
    ("ingest", "transaction", "rate", None),
    ("ours", "typed", "rate", 0.6),
    ("ours", "whole", "rate", None),
    ("ours", "pydantic", "rate", 2.0),
    ("ours", "modelled", "rate", None),
    ("windows", "bytewax", "per_cpu", 1.3),
    ("windows", "quixstreams", "per_cpu", 5.0),
    ("checked", "bytewax", "per_cpu", None),
    ("checked", "quixstreams", "per_cpu", None),
)
_FLOOR_EVENTS_S, _CEILING_MB = 12_000, 250


@dataclass(frozen=True)
class Way:
    """Medians over the rounds: events a second, events a CPU second of the process, its memory at the most (MiB).

    `database_us` is the CPU time of PostgreSQL for one event where it takes part.
    """

    rate: float
    per_cpu: float
    peak_mb: float
    database_us: float


@dataclass(frozen=True)
class Result:
    """`ratios` are medians of the ratios of each round, by the names of both ways."""

    events: int
    rounds: int
    spread: bool
    ways: dict[str, Way]
    ratios: dict[str, float]
    left_out: str


@contextmanager
def kafka() -> Iterator[str]:
    """Give the broker that the environment names, or start one. Exits where neither is possible."""
    if given := os.environ.get("TRASTIENDA_KAFKA_BOOTSTRAP"):
        yield given
        return
    if (reason := available()) is not None:
        sys.exit(f"this benchmark needs a Kafka broker: {reason}")
    with Broker() as broker:
        yield broker.bootstrap


class Bench:
    """The servers, and what the rounds gave by way."""

    def __init__(self, bootstrap: str, url: str, postgres: int, events: int, *, spread: bool) -> None:
        self.bootstrap, self.url, self.events, self.spread = bootstrap, url, events, spread
        self.passed: dict[str, list[Passed]] = defaultdict(list)
        self.database_us: dict[str, list[float]] = defaultdict(list)
        self.left_out = ""
        self._postgres = psutil.Process(postgres)

    async def round(self, number: int) -> None:
        by_case = await self._published(number, "case")
        rows = rows_of(operations("", self.events, number, spread=self.spread))
        before = self._database_cpu()
        self.passed["staging"].append(await staging(self.url, by_case, rows))
        await self._database("staging", before)
        del rows
        before = self._database_cpu()
        await self._way("ingest", by_case, self.url)
        await self._database("ingest", before)
        before = self._database_cpu()
        kind = "spread" if self.spread else "live"
        await self._way("transaction", by_case, beside(self.url), str(number), kind)
        await self._database("transaction", before)
        for name in ("ours", "typed", "whole", "pydantic", "modelled"):
            await self._way(name, by_case)
        by_activity = await self._published(number, "activity")
        for name in ("windows", "checked"):
            await self._way(name, by_activity)
        for name in RIVALS:
            await self._rival(name, by_activity)

    async def _published(self, number: int, key: str) -> str:
        topic = f"bench-{uuid7().hex[-8:]}.operations"
        log = KafkaEventLog(self.bootstrap)
        await log.start()
        await log.ensure_topics([topic])
        messages = list(operations(topic, self.events, number, spread=self.spread, key=key))
        for start in range(0, len(messages), _PUBLISH):
            await log.publish(messages[start : start + _PUBLISH])
        await log.close()
        return topic

    async def _way(self, name: str, topic: str, *more: str) -> None:
        command = [
            sys.executable,
            "-m",
            "tests.performance._ways",
            name,
            self.bootstrap,
            topic,
            str(self.events),
            *more,
        ]
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S
        )
        if done.returncode != 0:
            raise RuntimeError(f"{name} failed: {done.stderr.strip()[-2_000:]}")
        self.passed[name].append(Passed(**json.loads(done.stdout)))

    async def _rival(self, name: str, topic: str) -> None:
        if self.left_out:
            return
        arguments = (self.bootstrap, topic, str(self.events), _LATE_DAYS)
        try:
            found = await asyncio.to_thread(_rivals.run, f"{name}_windows", *arguments)
        except _rivals.NoRivalsError as error:
            self.left_out = str(error)
            return
        self.passed[name].append(Passed(found["events"], found["seconds"], found["cpu"], found["peak_mb"]))

    async def _database(self, way: str, before: float) -> None:
        await asyncio.sleep(_REAPED_S)
        self.database_us[way].append(1e6 * (self._database_cpu() - before) / self.events)

    def _database_cpu(self) -> float:
        """Return the CPU seconds of PostgreSQL: of processes that are there, and of those that were waited for."""
        times = self._postgres.cpu_times()
        total = times.user + times.system + times.children_user + times.children_system
        for child in self._postgres.children():
            with psutil_gone():
                mine = child.cpu_times()
                total += mine.user + mine.system
        return float(total)

    def result(self) -> Result:
        def rate(one: Passed) -> float:
            return one.events / one.seconds

        def per_cpu(one: Passed) -> float:
            return one.events / one.cpu

        ways = {
            name: Way(
                median(map(rate, passed)),
                median(map(per_cpu, passed)),
                max(one.peak_mb for one in passed),
                median(self.database_us.get(name, [0.0])),
            )
            for name, passed in self.passed.items()
        }
        figure = {"rate": rate, "per_cpu": per_cpu}
        ratios = {
            f"{way} / {other}": median(
                figure[what](one) / figure[what](two)
                for one, two in zip(self.passed[way], self.passed[other], strict=True)
            )
            for way, other, what, _ in AIMS
            if self.passed.get(other)
        }
        return Result(self.events, len(self.passed["ingest"]), self.spread, ways, ratios, self.left_out)


@contextmanager
def psutil_gone() -> Iterator[None]:
    """Let a process be gone when it is looked at."""
    try:
        yield
    except psutil.NoSuchProcess:
        return


async def run(events: int, rounds: int, *, spread: bool = False) -> Result:
    """Start the servers, publish, and measure every way in turns."""
    with ExitStack() as stack:
        bootstrap = stack.enter_context(kafka())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trastienda-bench-")))
        server = EmbeddedPostgres(folder / "postgres")
        url = await server.start()
        try:
            await migrations.migrate(url, SERVICE.name, SERVICE.migrations)
            await create_beside(url)
            pid = int((server.cluster / "postmaster.pid").read_text().split()[0])
            bench = Bench(bootstrap, url, pid, events, spread=spread)
            for number in range(rounds):
                await bench.round(number)
            for each in (url, beside(url)):
                await _check(each, events * rounds)
        finally:
            await server.stop()
    return bench.result()


def beside(url: str) -> str:
    """Return the database in which `transaction` stores: in that of `ingest` it would find its cases there."""
    return make_url(url).set(database="beside").render_as_string(hide_password=False)


async def create_beside(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE DATABASE beside")
    await connection.close()
    await migrations.migrate(beside(url), SERVICE.name, SERVICE.migrations)


async def _check(url: str, expected: int) -> None:
    """Fail when the roll-ups do not hold every event once: a fast wrong answer is no result."""
    connection = await asyncpg.connect(url)
    counted = await connection.fetchval("SELECT sum(n) FROM analytics.rollup_hour")
    await connection.close()
    if counted != expected:
        raise RuntimeError(f"{counted} operations are in the roll-ups, {expected} were published")


def render(result: Result) -> str:
    kind = "spread over 90 days" if result.spread else "a live stream, 5 % late"
    lines = [f"{result.events} events ({kind}), medians of {result.rounds} interleaved rounds", ""]
    lines.append(f"{'':12} {'events/s':>10} {'per CPU s':>10} {'PostgreSQL us':>14} {'peak MiB':>9}")
    for name, way in result.ways.items():
        lines.append(f"{name:12} {way.rate:10.0f} {way.per_cpu:10.0f} {way.database_us:14.1f} {way.peak_mb:9.0f}")
    lines.append("")
    for one, other, what, aim in AIMS:
        if (ratio := result.ratios.get(f"{one} / {other}")) is not None:
            per = "events/s" if what == "rate" else "events per CPU second"
            lines.append(f"{one} / {other}: {ratio:.2f} {f'(aim {aim}) ' if aim else ''}in {per}")
    own = result.ways["ingest"]
    lines.append(
        f"ingest: {own.rate:.0f} events/s (aim {_FLOOR_EVENTS_S}), {own.peak_mb:.0f} MiB (limit {_CEILING_MB})"
    )
    if result.left_out:
        lines.append(result.left_out)
    return "\n".join(lines)


def main(argv: list[str]) -> int:
    """Print the result. The exit code says whether every event was counted once."""
    parser = argparse.ArgumentParser(prog="bench ingest", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--spread", action="store_true", help="events from anywhere in 90 days, in no order")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    result = asyncio.run(run(options.events, options.rounds, spread=options.spread))
    sys.stdout.write((json.dumps(asdict(result)) if options.json else render(result)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
