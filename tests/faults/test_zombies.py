"""A consumer that is paused until its partitions are another's, and then goes on, harms nothing: on either event log.

The member pauses its own process (SIGSTOP) at an exact moment. Its heir works meanwhile; then it is woken (SIGCONT).
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from services.analytics.app import SERVICE
from services.analytics.operations.consume import consume
from shared import migrations
from shared.db import Database
from shared.eventlog import EventLog
from shared.events import from_message
from tests.fakes.consuming import as_received
from tests.fakes.waiting import eventually
from tests.faults.member import Settings
from tests.faults.stage import ONE_EACH, Contents, Member, Watch
from tests.faults.stream import stream
from tests.fixtures.eventlog import LogPlace
from tests.fixtures.kafka import SILENT_MS

pytestmark = pytest.mark.slow
EVENTS, MESSAGES, BATCH, SEED = 1_500, 1_650, 100, 5
COMPARED = (
    *ONE_EACH,
    "rollup_hour",
    "rollup_day",
    "rollup_case",
    "rollup_case_histogram",
    "rollup_histogram",
    "case_state",
)
PATIENCE_S = 60.0


def facts(contents: Contents) -> Contents:
    """Leave out what names the topic."""
    return {table: contents[table] for table in COMPARED}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def expected(postgres_url: str) -> Contents:
    """What the events leave when the handler gets them all at once."""
    watch = await Watch.create(postgres_url, "zombies_expected")
    database = Database(watch.url, schema=SERVICE.name, role=migrations.roles_of(SERVICE.name)[1])
    events = [from_message(message) for message in as_received(stream("kit.things", EVENTS, SEED, duplicated=0))]
    async with database.transaction() as session:
        await consume(session, events)
    await database.close()
    contents = facts(await watch.contents())
    await watch.close()
    return contents


@dataclass
class Pair:
    """Two members of a group: one that will be paused, and its heir."""

    log: EventLog
    watch: Watch
    zombie: Member
    heir: Member

    async def until(self, true: Callable[[], Awaitable[bool]]) -> None:
        """Wait, seeing all the time that no offset goes back and that nobody ends."""

        async def checked() -> bool:
            self.zombie.check()
            self.heir.check()
            await self.watch.progress()
            return await true()

        await eventually(checked, PATIENCE_S)

    async def all_done(self) -> bool:
        return await self.watch.progress() == MESSAGES

    async def heir_waits(self) -> bool:
        return await self.watch.waiting() > 0

    async def zombie_is_through(self) -> bool:
        return "the batch that was paused is done" in self.zombie.said


@pytest_asyncio.fixture(loop_scope="session")
async def pair(
    log_place: LogPlace, log: EventLog, area: str, postgres_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Pair]:
    """Publish, let one member work up to its pause in the third batch, and let the other join."""
    pause, idle_ms = request.param
    topic = f"{area}.operations"
    await log.ensure_topics([topic])
    await log.publish(stream(topic, EVENTS, SEED))
    async with AsyncExitStack() as stack:
        watch = await Watch.create(postgres_url, f"zombies_{area}")
        stack.push_async_callback(watch.close)
        settings = Settings(log_place.kind, log_place.url, watch.url, area, topic, BATCH, SILENT_MS, idle_ms)
        zombie = Member(msgspec.structs.replace(settings, pause=pause, pause_at=3), tmp_path / "zombie.log")
        stack.callback(zombie.end)
        heir = Member(settings, tmp_path / "heir.log")
        stack.callback(heir.end)
        zombie.go()
        await eventually(lambda: zombie.paused, PATIENCE_S)
        heir.go()
        yield Pair(log, watch, zombie, heir)


async def assert_harmless(pair: Pair, expected: Contents) -> None:
    await pair.until(pair.all_done)
    await pair.until(pair.zombie_is_through)
    await pair.zombie.leave()
    await pair.heir.leave()
    contents = await pair.watch.contents()
    assert facts(contents) == expected
    kept = sum(contents[table][0] for table in ONE_EACH)
    assert (kept, await pair.watch.progress()) == (EVENTS, MESSAGES)
    assert await pair.watch.deadlocks() == 0
    assert "set aside" not in pair.zombie.said + pair.heir.said


@pytest.mark.parametrize(
    "pair", [("before", None), ("within", SILENT_MS), ("after", None)], ids=lambda each: each[0], indirect=True
)
async def test_a_member_that_wakes_when_all_is_done_changes_nothing(pair: Pair, expected: Contents) -> None:
    """Within its transaction it holds its turn until the server ends that; else its heir need not wait."""
    await pair.until(pair.all_done)
    before = await pair.watch.contents()
    pair.zombie.resume()
    await assert_harmless(pair, expected)
    assert await pair.watch.contents() == before


@pytest.mark.parametrize("pair", [("within", 60_000)], ids=["within"], indirect=True)
async def test_a_member_that_wakes_while_its_heir_waits_commits_first(pair: Pair, expected: Contents) -> None:
    reached = await pair.watch.progress()
    await pair.until(pair.heir_waits)
    assert await pair.watch.progress() == reached
    pair.zombie.resume()
    await assert_harmless(pair, expected)
