"""A rebuild from the log: what the log says, no more and no less, beside a consumer that goes on."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import text

from deploy.kafka import Broker
from deploy.standalone.issuer import DevelopmentIssuer
from deploy.standalone.seaweed import ObjectStoreAccess
from services.analytics.fact_tables import WithdrawnOperation
from services.analytics.operations.consume import GROUP, PATTERN
from services.analytics.operations.fields import EARLIEST, Plausibility
from services.analytics.operations.statements import FOLDS
from services.analytics.rebuilds.derived import FACTS
from services.analytics.rebuilds.replay import ConsumerBehindError, Replay
from services.analytics.rebuilds.service import Found, rebuild_from_facts, rebuild_from_log
from services.analytics.rebuilds.shadow import Shadow
from shared.eventlog import Message
from shared.eventlog.postgres import PostgresEventLog
from shared.events import Event
from tests.analytics.event_logs.importing import at_work
from tests.analytics.feeding import MINUTE, T0, answer, kpis, observation, operation, withdrawal
from tests.analytics.oracle import assert_exact
from tests.analytics.test_rebuilds import NOTHING, damage, numbers, story
from tests.fixtures.kafka import require_own_broker
from tests.fixtures.services import Harness, create_database, running

RIGHT = dict.fromkeys((*(each.name for each in FACTS), *FOLDS), NOTHING)


# Analytics with a database and a log of its own: other tests bring events past the log, or what is no event.
@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def embedded(postgres_url: str, s3: ObjectStoreAccess, issuer: DevelopmentIssuer) -> AsyncIterator[Harness]:
    url = await create_database(postgres_url, f"rebuild_{uuid4().hex[:8]}")
    async with running("analytics", url, s3, issuer) as harness:
        yield harness


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def on_kafka(postgres_url: str, s3: ObjectStoreAccess, issuer: DevelopmentIssuer) -> AsyncIterator[Harness]:
    require_own_broker()
    url = await create_database(postgres_url, f"rebuild_{uuid4().hex[:8]}")
    with Broker() as broker:
        async with running("analytics", url, s3, issuer, kafka_bootstrap=broker.bootstrap) as harness:
            yield harness


@pytest.fixture(params=["embedded", pytest.param("on_kafka", marks=pytest.mark.kafka)])
def stage(request: pytest.FixtureRequest) -> Harness:
    harness: Harness = request.getfixturevalue(request.param)
    return harness


def message_of(event: Event, place: int = 0) -> Message:
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(event.id),
        "ce_type": event.type,
        "ce_source": event.source,
        "ce_time": event.time.isoformat(),
        "ce_tenant": event.tenant,
    }
    return Message(event.topic, f"k{place % 5}", event.data, headers)


async def publish(stage: Harness, events: Sequence[Event]) -> None:
    await stage.runtime.log.publish([message_of(event, place) for place, event in enumerate(events)])


async def consumed(stage: Harness) -> None:
    """Let the consumer apply all that was published."""
    async with at_work(stage.runtime, on_jobs=False), asyncio.timeout(60):
        while sum((await stage.runtime.log.lag(GROUP, PATTERN)).values()):  # noqa: ASYNC110 - a log sets no event
            await asyncio.sleep(0.05)


async def rebuilt(stage: Harness, tenant: str, *, swap: bool = False) -> Found:
    (found,), _ = await rebuild_from_log(stage.runtime.url, stage.runtime.log, tenant, swap=swap, patience_s=5)
    assert found.tenant == tenant
    return found


def told(tenant: str) -> list[Event]:
    """Return a story of the log, with answers, and with one fact of each kind, and a correction, that are withdrawn."""
    events = [*story(tenant), *(answer(tenant, n) for n in (1, 4, 5))]
    mistakes = [
        operation(tenant, "c1", "a0", minutes=7),
        operation(tenant, "never", "mend", corrects=events[2].id),
        observation(tenant, "c1", T0 + timedelta(days=30)),
        answer(tenant, 2),
    ]
    events = [withdrawal(tenant, mistakes[0].id), *events, *mistakes]
    events += [withdrawal(tenant, each.id) for each in mistakes]
    return [msgspec.structs.replace(each, time=T0 + n * MINUTE) for n, each in enumerate(events)]


async def test_the_log_says_what_is_there(stage: Harness, tenant: str, other_tenant: str) -> None:
    events = told(tenant)
    bad = operation(tenant, finished_at=T0, minutes=-5)
    await publish(stage, [*events, bad, *events[:9], *told(other_tenant)])
    await stage.runtime.log.publish([Message("test.things", "k", b"no event", {})])
    await consumed(stage)
    everyone, replay = await rebuild_from_log(stage.runtime.url, stage.runtime.log, None, swap=True, patience_s=5)
    found = {each.tenant: each for each in everyone}
    assert {tenant, other_tenant} <= found.keys()
    assert numbers(found[tenant]) == numbers(found[other_tenant]) == RIGHT
    assert found[tenant].tables["operation"]["rows"] == 60
    assert found[tenant].tables["survey_response"]["rows"] == 3
    assert set(found[tenant].gone.values()) == {0}
    assert not any(each.swapped for each in everyone)
    assert replay.refused >= 2
    await assert_exact(stage, tenant, events)


async def test_what_a_setting_refused_is_taken_in_once_it_allows_it(embedded: Harness, tenant: str) -> None:
    old = operation(tenant, finished_at=T0 - timedelta(days=78 * 365), minutes=None)
    await publish(embedded, [old, operation(tenant, finished_at=T0)])
    await consumed(embedded)
    assert (await kpis(embedded, tenant))["error_rate"]["n"] == 1
    url, log = embedded.runtime.url, embedded.runtime.log
    (found,), _ = await rebuild_from_log(url, log, tenant, swap=True, rule=Plausibility(EARLIEST), patience_s=5)
    assert (found.tables["operation"]["missing"], found.tables["operation"]["extra"]) == (1, 0)
    assert (await kpis(embedded, tenant))["error_rate"]["n"] == 2
    assert numbers(await rebuilt(embedded, tenant, swap=True)) == RIGHT  # and stays, should the setting be taken back
    assert (await kpis(embedded, tenant))["error_rate"]["n"] == 2


_COLUMNS = ", ".join(WithdrawnOperation.__table__.columns.keys())
RETURN = f"""
WITH back AS (DELETE FROM withdrawn_operation WHERE {{t}} RETURNING *)
INSERT INTO operation ({_COLUMNS}) SELECT {_COLUMNS} FROM back""".strip()
APART = f"""
WITH gone AS (DELETE FROM operation WHERE {{t}} AND activity = 'a1' AND NOT corrected AND corrects IS NULL RETURNING *)
INSERT INTO withdrawn_operation ({_COLUMNS}) SELECT {_COLUMNS} FROM gone"""
# What is done to the live tables, and what is found of facts. Nothing was folded anew, so derived tables differ as well.
DAMAGE: list[tuple[str, str, dict[str, tuple[int, int, int]]]] = [
    (
        "gone",
        "DELETE FROM operation WHERE {t} AND activity = 'a1' AND NOT corrected AND corrects IS NULL",
        {"operation": (16, 0, 0)},
    ),
    (
        "moved",
        "UPDATE operation SET case_id = 'wrong', touch_us = 77 WHERE {t} AND activity = 'a2'",
        {"operation": (0, 0, 20)},
    ),
    ("pardoned", "UPDATE operation SET corrected = false WHERE {t} AND corrected", {"operation": (0, 0, 6)}),
    (
        "blamed",
        "UPDATE operation SET corrected = true WHERE {t} AND activity = 'a0' AND NOT corrected",
        {"operation": (0, 0, 18)},
    ),
    ("unseen", "DELETE FROM observation WHERE {t}", {"observation": (1, 0, 0)}),
    ("unheard", "DELETE FROM survey_response WHERE {t} AND score > 3", {"survey_response": (2, 0, 0)}),
    ("misheard", "UPDATE survey_response SET score = 3 WHERE {t} AND score = 1", {"survey_response": (0, 0, 1)}),
    ("undated", "UPDATE operation SET known_at = '-infinity' WHERE {t}", {"operation": (0, 0, 60)}),
    ("forgotten", "DELETE FROM withdrawal WHERE {t}", {"withdrawal": (4, 0, 0)}),
    ("misdated", "UPDATE withdrawal SET known_at = now(), reason = 'other' WHERE {t}", {"withdrawal": (0, 0, 4)}),
    ("lost", "DELETE FROM withdrawn_operation WHERE {t}", {"withdrawn_operation": (2, 0, 0)}),
    ("returned", RETURN, {"operation": (0, 2, 0), "withdrawn_operation": (2, 0, 0)}),
    (
        "passed over",  # as by a consumer of a former version
        f"WITH forgotten AS (DELETE FROM withdrawal WHERE {{t}}), {RETURN.removeprefix('WITH ')}",
        {"withdrawal": (4, 0, 0), "operation": (0, 2, 0), "withdrawn_operation": (2, 0, 0)},
    ),
    ("withdrawn by nobody", APART, {"operation": (16, 0, 0), "withdrawn_operation": (0, 16, 0)}),
    ("keyless", "DELETE FROM rollup_key WHERE {t}", {}),
]


@pytest.mark.parametrize(("statement", "expected"), [each[1:] for each in DAMAGE], ids=[each[0] for each in DAMAGE])
async def test_facts_come_back_from_the_log_and_what_follows_from_them(
    embedded: Harness, tenant: str, other_tenant: str, statement: str, expected: dict[str, tuple[int, int, int]]
) -> None:
    events = told(tenant)
    await publish(embedded, [*events, *told(other_tenant)])
    await consumed(embedded)
    before = await facts(embedded, tenant)
    await damage(embedded, tenant, statement)
    looked = await rebuilt(embedded, tenant)
    assert {name: numbers(looked)[name] for name in RIGHT if name not in FOLDS} == {
        **{each.name: NOTHING for each in FACTS},
        **expected,
    }
    assert not looked.right
    assert (await rebuilt(embedded, tenant, swap=True)).swapped
    assert numbers(await rebuilt(embedded, tenant)) == RIGHT
    assert (await rebuild_from_facts(embedded.runtime.url, tenant, swap=False)).right
    assert await facts(embedded, tenant) == before
    await assert_exact(embedded, tenant, events)
    assert (await rebuilt(embedded, other_tenant)).right


async def facts(stage: Harness, tenant: str) -> list[list[str]]:
    async with stage.runtime.worker.session(None) as session:
        return [
            sorted(
                str(tuple(row))
                for row in await session.execute(
                    text(f"SELECT {', '.join((*each.key, *each.values))} FROM {each.name} WHERE tenant_id = :t"),
                    {"t": tenant},
                )
            )
            for each in FACTS
        ]


async def test_all_tenants_are_mended_at_once(embedded: Harness, tenant: str, other_tenant: str) -> None:
    stories = {each: told(each) for each in (tenant, other_tenant)}
    await publish(embedded, [event for events in stories.values() for event in events])
    await consumed(embedded)
    for each in (tenant, other_tenant):
        await damage(embedded, each, DAMAGE[0][1], DAMAGE[5][1])
    everyone, _ = await rebuild_from_log(embedded.runtime.url, embedded.runtime.log, None, swap=True, patience_s=5)
    assert {each.tenant for each in everyone if each.swapped} == {tenant, other_tenant}
    for each in (tenant, other_tenant):
        assert numbers(await rebuilt(embedded, each)) == RIGHT
        await assert_exact(embedded, each, stories[each])


async def test_what_the_log_no_longer_has_is_told_and_stays(embedded: Harness, tenant: str) -> None:
    """A correction that is gone from the log still corrects, and so does one whose target is gone."""
    first, second = uuid4(), uuid4()
    old = [
        operation(tenant, "c1", "old", event_id=first),
        operation(tenant, "c1", "old-mend", corrects=second),
        observation(tenant, "c7", T0),
    ]
    recent = [
        operation(tenant, "c1", "recent", event_id=second),
        operation(tenant, "c2", "recent-mend", corrects=first),
    ]
    await embedded.runtime.log.publish(
        [Message("old.things", "k", each.value, each.headers) for each in map(message_of, old)]
    )
    await publish(embedded, recent)
    await consumed(embedded)
    await on_server(
        embedded,
        "DELETE FROM eventlog.message USING eventlog.partition AS p WHERE partition_id = p.id AND topic = 'old.things'",
    )
    found = await rebuilt(embedded, tenant, swap=True)
    assert numbers(found) == RIGHT
    assert {name: n for name, n in found.gone.items() if n} == {"operation": 2, "observation": 1}
    await damage(
        embedded, tenant, "DELETE FROM operation WHERE {t} AND activity = 'recent'", "DELETE FROM rollup_hour WHERE {t}"
    )
    found = await rebuilt(embedded, tenant, swap=True)
    assert numbers(found)["operation"] == (1, 0, 0)
    assert numbers(await rebuilt(embedded, tenant)) == RIGHT
    await assert_exact(embedded, tenant, [*old, *recent])


async def test_a_withdrawal_holds_although_it_or_its_event_is_gone_from_the_log(embedded: Harness, tenant: str) -> None:
    first, second, fine = (operation(tenant, f"c{n}", minutes=n + 1) for n in range(3))
    mend = operation(tenant, "c3", corrects=fine.id)
    old = [first, withdrawal(tenant, second.id), withdrawal(tenant, mend.id)]
    recent = [withdrawal(tenant, first.id), second, fine, mend]
    await embedded.runtime.log.publish(
        [Message("old.things", "k", each.value, each.headers) for each in map(message_of, old)]
    )
    await publish(embedded, recent)
    await consumed(embedded)
    await on_server(
        embedded,
        "DELETE FROM eventlog.message USING eventlog.partition AS p WHERE partition_id = p.id AND topic = 'old.things'",
    )
    found = await rebuilt(embedded, tenant, swap=True)
    assert numbers(found) == RIGHT
    assert {name: n for name, n in found.gone.items() if n} == {"withdrawal": 2, "withdrawn_operation": 1}
    await damage(embedded, tenant, RETURN, "UPDATE operation SET corrected = true WHERE {t} AND case_id = 'c2'")
    found = await rebuilt(embedded, tenant, swap=True)
    assert (numbers(found)["operation"], numbers(found)["withdrawn_operation"]) == ((0, 3, 1), (3, 0, 0))
    assert numbers(await rebuilt(embedded, tenant)) == RIGHT
    await assert_exact(embedded, tenant, [*old, *recent])


async def on_server(stage: Harness, statement: str) -> list[asyncpg.Record]:
    """Run a statement as the administrator."""
    connection = await asyncpg.connect(stage.runtime.url)
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


async def test_what_the_consumer_has_not_applied_is_waited_for_and_said(stage: Harness, tenant: str) -> None:
    await publish(stage, told(tenant))
    with pytest.raises(ConsumerBehindError, match=r"test\.things\[\d\]: \d+ messages"):
        await rebuild_from_log(stage.runtime.url, stage.runtime.log, tenant, swap=False, patience_s=0.1)
    waiting = asyncio.create_task(rebuilt(stage, tenant))
    await asyncio.sleep(0.3)
    await consumed(stage)
    assert numbers(await waiting) == RIGHT


@pytest.mark.parametrize("applied", [True, False])
async def test_what_arrives_meanwhile_is_no_difference(
    stage: Harness, tenant: str, applied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the consumer has applied it before the snapshot, or has it before itself."""
    events = told(tenant)
    await publish(stage, events)
    await consumed(stage)
    more = [operation(tenant, "c1", "meanwhile", corrects=events[1].id, finished_at=T0 + timedelta(days=9))]
    wait = Replay.wait_for_consumer

    async def wait_and_go_on(self: Replay, shadow: Shadow, patience_s: float) -> None:
        await wait(self, shadow, patience_s)
        await publish(stage, more)
        if applied:
            await consumed(stage)

    monkeypatch.setattr(Replay, "wait_for_consumer", wait_and_go_on)
    found = await rebuilt(stage, tenant)
    assert numbers(found) == RIGHT
    assert found.gone["operation"] == 0
    assert found.tables["operation"]["rows"] == 60 + applied
    monkeypatch.undo()
    await consumed(stage)


async def test_a_consumer_that_goes_on_is_not_disturbed(stage: Harness, tenant: str) -> None:
    events = told(tenant)
    await publish(stage, events)
    await consumed(stage)
    await damage(stage, tenant, DAMAGE[0][1], "UPDATE rollup_hour SET n = n + 1 WHERE {t}")
    stop = asyncio.Event()

    async def go_on() -> None:
        while not stop.is_set():
            batch = [
                operation(tenant, f"c{n % 4}", f"a{n % 3}", finished_at=T0 + n * 30 * MINUTE, corrects=events[n].id)
                for n in range(3)
            ]
            await publish(stage, batch)
            events.extend(batch)
            await asyncio.sleep(0.02)

    async with at_work(stage.runtime, on_jobs=False):
        task = asyncio.create_task(go_on())
        try:
            assert (await rebuilt(stage, tenant, swap=True)).swapped
        finally:
            stop.set()
            await task
    await consumed(stage)
    assert numbers(await rebuilt(stage, tenant)) == RIGHT
    await assert_exact(stage, tenant, events)


@pytest.mark.parametrize("dies_in", ["mend_facts", "mend"])
async def test_a_swap_that_dies_changed_nothing(
    embedded: Harness, tenant: str, dies_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = told(tenant)
    await publish(embedded, events)
    await consumed(embedded)
    await damage(embedded, tenant, DAMAGE[0][1], DAMAGE[1][1])
    before, method = await facts(embedded, tenant), getattr(Shadow, dies_in)

    async def dies(self: Shadow, *given: Any) -> None:
        await method(self, *given)
        raise ConnectionError("pulled out")

    monkeypatch.setattr(Shadow, dies_in, dies)
    with pytest.raises(ConnectionError):
        await rebuilt(embedded, tenant, swap=True)
    monkeypatch.undo()
    assert await facts(embedded, tenant) == before
    assert (await rebuilt(embedded, tenant, swap=True)).swapped
    assert numbers(await rebuilt(embedded, tenant)) == RIGHT
    await assert_exact(embedded, tenant, events)


async def test_reading_leaves_the_groups_as_they_were(stage: Harness, tenant: str) -> None:
    await publish(stage, told(tenant))
    await consumed(stage)
    before = await stage.runtime.log.lag(GROUP, PATTERN)
    await rebuilt(stage, tenant, swap=True)
    assert await stage.runtime.log.lag(GROUP, PATTERN) == before
    if isinstance(stage.runtime.log, PostgresEventLog):
        groups = await on_server(stage, "SELECT DISTINCT group_name FROM eventlog.group_offset")
        assert [each["group_name"] for each in groups] == [GROUP]
