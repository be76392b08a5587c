"""The analytics consumer under `kill -9`: seeded moments, rebalances on the way, and the same bytes in the end.

Two runs read one topic on a real Kafka into two databases of one PostgreSQL with `fsync` on: one in peace, one with
kills. Moments are chosen by progress (offsets stored) and a few milliseconds more, and the members that are killed rest a
little everywhere, so that a kill may hit anything: reading, the transaction, and what lies between its commit and the log's.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from deploy.standalone.postgres import EmbeddedPostgres
from shared.eventlog.kafka import KafkaEventLog
from shared.ids import uuid7
from tests.faults.member import Settings
from tests.faults.stage import Contents, Member, Watch
from tests.faults.stream import stream

_PUBLISH = 5_000
_LOOK_S = 0.002
_AFTER_S = 0.12  # a kill comes up to so much later than the progress it waits for: about a batch of 1,000
_PATIENCE_S = 120.0


@dataclass(frozen=True)
class Plan:
    """What a run does. `joins` members come and leave again: each makes two rebalances."""

    events: int
    kills: int
    joins: int = 1
    seed: int = 1
    batch: int = 1_000
    rest_ms: int = 40
    silent_ms: int | None = None
    until: float = (
        0.9  # of all messages: what comes behind lets the last act happen before the end, on a busy machine too
    )


@dataclass(frozen=True)
class Kill:
    """What a kill hit: messages done by then, transactions open, messages done and not yet committed to the log."""

    at: int
    open_transactions: int
    come_again: int


@dataclass
class Report:
    """What happened. `undisturbed` and `disturbed` hold rows and hash of each table."""

    plan: Plan
    messages: int
    undisturbed_s: float = 0.0
    disturbed_s: float = 0.0
    undisturbed: Contents = field(default_factory=dict)
    disturbed: Contents = field(default_factory=dict)
    kills: list[Kill] = field(default_factory=list)
    shared_by_two: list[tuple[int, int]] = field(default_factory=list)  # from joined to left, in messages done
    generations: int = 0
    dead_letters: int = 0

    @property
    def equal(self) -> bool:
        return self.undisturbed == self.disturbed and self.dead_letters == 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"equal": self.equal}


class Run:
    """One database, one consumer group, and its members of now."""

    def __init__(self, watch: Watch, log: KafkaEventLog, settings: Settings, total: int, folder: Path) -> None:
        self.watch, self._log, self._settings, self._folder = watch, log, settings, folder
        self._total = total
        self.members: list[Member] = []
        self._made: list[Member] = []
        self._spare: Member | None = None

    def make(self) -> Member:
        """Start a process that waits to be told to join."""
        member = Member(self._settings, self._folder / f"{self._settings.group}-{len(self._made)}.log")
        self._made.append(member)
        return member

    def end(self) -> None:
        for member in self._made:
            member.end()

    @property
    def generation(self) -> int:
        return max(member.generation for member in self._made)

    def join(self) -> None:
        """Let one more member join. Its successor starts now, so that Python's start is over when it is wanted."""
        member, self._spare = self._spare or self.make(), self.make()
        member.go()
        self.members.append(member)

    async def kill(self, random: Random) -> Kill:
        """Kill a member in the midst of what it does, and let another take its place."""
        await self._until(lambda _: any(member.generation for member in self.members))
        await asyncio.sleep(random.uniform(0, _AFTER_S))
        victim = random.choice([member for member in self.members if member.generation])
        transactions = await self.watch.open_transactions()
        victim.kill()
        self.members.remove(victim)
        self.join()
        done = await self.watch.progress()
        return Kill(done, transactions, done - self._total + await self.lag())

    async def lag(self) -> int:
        return sum((await self._log.lag(self._settings.group, self._settings.topic)).values())

    async def reach(self, place: int) -> None:
        """Wait until so many messages are done."""
        await self._until(lambda done: done >= min(place, self._total))

    async def all_in(self) -> int:
        """Wait until every member has been in a generation of the group, and return how many messages are done."""
        return await self._until(lambda _: all(member.generation for member in self.members))

    async def _until(self, reached: Callable[[int], bool]) -> int:
        async with asyncio.timeout(_PATIENCE_S):
            while not reached(done := await self.watch.progress()):
                for member in self.members:
                    member.check()
                await asyncio.sleep(_LOOK_S)
        return done

    async def caught_up(self) -> None:
        """Wait until the log knows it, too: what a member left that was killed before the log's commit comes to another."""
        async with asyncio.timeout(_PATIENCE_S):
            while await self.lag():
                for member in self.members:
                    member.check()
                await asyncio.sleep(_LOOK_S)

    async def leave(self) -> None:
        """Let the last member leave. One that never was in the group would not be missed."""
        await self.all_in()
        await self.members.pop().leave()


async def run(plan: Plan, bootstrap: str, folder: Path) -> Report:
    """Publish, consume twice, compare."""
    topic = f"faults-{uuid7().hex[-8:]}.operations"
    messages = stream(topic, plan.events, plan.seed)
    report = Report(plan, len(messages))
    log, server = KafkaEventLog(bootstrap), EmbeddedPostgres(folder / "postgres")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        url = await server.start()
        stack.push_async_callback(log.close)
        await log.start()
        await log.ensure_topics([topic])
        for start in range(0, len(messages), _PUBLISH):
            await log.publish(messages[start : start + _PUBLISH])
        del messages

        async def perform(name: str, act: Callable[[Run], Awaitable[None]], rest_ms: int) -> tuple[Contents, float]:
            watch = await Watch.create(url, name)
            stack.push_async_callback(watch.close)
            group = f"{name}-{topic}"
            settings = Settings("kafka", bootstrap, watch.url, group, topic, plan.batch, plan.silent_ms, None, rest_ms)
            running = Run(watch, log, settings, report.messages, folder)
            stack.callback(running.end)
            began = time.monotonic()
            running.join()
            await act(running)
            await running.reach(report.messages)
            took = time.monotonic() - began
            await running.caught_up()
            while running.members:
                await running.leave()
            assert await running.lag() == 0
            return await watch.contents(), took

        report.undisturbed, report.undisturbed_s = await perform("undisturbed", _in_peace, 0)
        report.disturbed, report.disturbed_s = await perform(
            "disturbed", lambda running: _disturb(running, report), plan.rest_ms
        )
        report.dead_letters = sum((await log.lag("nobody", f"{topic}.dead")).values())
    return report


async def _in_peace(_running: Run) -> None:
    """Do nothing."""


async def _disturb(running: Run, report: Report) -> None:
    """Kill, join and leave at seeded progress."""
    plan, random = report.plan, Random(report.plan.seed)
    latest = int(report.messages * plan.until)
    acts = [(random.randrange(latest), "kill") for _ in range(plan.kills)]
    for n in range(plan.joins):
        acts += [((3 * n + act) * latest // (3 * plan.joins), name) for act, name in ((1, "join"), (2, "leave"))]
    done, joined = 0, 0
    for place, act in sorted(acts):
        await running.reach(max(place, done + 1))  # whoever took a victim's place has done something
        if act == "kill":
            report.kills.append(await running.kill(random))
            done = report.kills[-1].at
        elif act == "join":
            running.join()
            joined = await running.all_in()
        else:
            await running.leave()
            report.shared_by_two.append((joined, await running.watch.progress()))
    report.generations = running.generation
