"""What cannot be handled is set aside with its reason; the neighbours are applied; too many in a row stop the group."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession

from shared import metrics
from shared.app import run_worker
from shared.consumer import Consumption, Limits, PoisonEventError, TooManyDeadLettersError
from shared.eventlog import LARGEST_MESSAGE, Message, Received, message_size
from shared.events import Event, MalformedEventError
from tests.fakes.consuming import Group, as_received, ids_of, message_of
from tests.fakes.eventlog import MemoryEventLog
from tests.fakes.kit.app import SERVICE
from tests.fakes.waiting import eventually
from tests.fixtures.services import Harness

DEAD = "kit.things.dead"


@pytest_asyncio.fixture(loop_scope="session")
async def group(kit: Harness, admin: asyncpg.Connection) -> Group:
    return Group(kit, MemoryEventLog(), admin, limits=Limits(dead_in_a_row=5))


def letters(group: Group) -> list[Received]:
    assert isinstance(group.log, MemoryEventLog)
    return group.log.topics.get(DEAD, [])


def without(name: str) -> Callable[[Message], Message]:
    return lambda message: replace(message, headers={k: v for k, v in message.headers.items() if k != name})


def having(name: str, value: str) -> Callable[[Message], Message]:
    return lambda message: replace(message, headers={**message.headers, name: value})


def judge_by_content(event: Event) -> None:
    facts = msgspec.json.decode(event.data)
    match facts["n"]:
        case 666:
            raise PoisonEventError(event, "nonsense", "six hundred and sixty-six")
        case 667:
            raise PoisonEventError(msgspec.structs.replace(event), "nonsense", "named by a copy")
        case 668:
            raise MalformedEventError("cannot-be", "without saying which")
        case 669:
            raise RuntimeError("anything")


def number(n: int) -> Callable[[Message], Message]:
    return lambda message: replace(message, value=msgspec.json.encode({"n": n, "text": ""}))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (without("ce_specversion"), "not-a-cloudevent"),
        (having("ce_specversion", "2.0"), "not-a-cloudevent"),
        (without("ce_id"), "missing-attribute"),
        (having("ce_tenant", ""), "missing-attribute"),
        (having("ce_id", "17"), "bad-attribute"),
        (having("ce_time", "yesterday"), "bad-attribute"),
        (having("ce_time", "2026-01-01T00:00:00"), "bad-attribute"),
        (having("ce_tenant", "nul\0"), "handler-failed"),
        (lambda message: replace(message, value=b"{"), "handler-failed"),
        (lambda message: replace(message, value=b"\xff\xfe"), "handler-failed"),
        (lambda message: replace(message, value=b"[" * 100_000), "handler-failed"),
        (number(666), "nonsense"),
        (number(667), "nonsense"),
        (number(668), "cannot-be"),
        (number(669), "handler-failed"),
    ],
)
async def test_a_bad_message_is_set_aside_and_its_neighbours_are_applied(
    group: Group, tenant: str, spoil: Callable[[Message], Message], reason: str
) -> None:
    group.judge = judge_by_content
    good = [message_of(tenant, n) for n in range(4)]
    bad = spoil(message_of(tenant, 99, key="bad"))
    async with asyncio.timeout(20):
        await group.consumer.handle(as_received([*good[:2], bad, *good[2:]]))
    assert await group.effects() == ids_of(good)
    assert await group.offset() == 5
    [letter] = letters(group)
    assert (letter.key, letter.value) == ("bad", bad.value)
    assert letter.headers.items() >= bad.headers.items()
    assert letter.headers["dead_reason"] == reason
    assert letter.headers["dead_position"] == "kit.things/0/2"
    assert letter.headers["dead_group"] == group.name
    assert letter.headers["dead_text"]
    assert metrics.dead_letters_total.labels(group.name, reason)._value.get() == 1


async def test_every_copy_of_a_poisonous_event_is_set_aside(group: Group, tenant: str) -> None:
    group.judge = judge_by_content
    bad, good = number(666)(message_of(tenant)), message_of(tenant)
    await group.consumer.handle(as_received([bad, good, bad]))
    assert await group.effects() == ids_of([good])
    assert [letter.headers["dead_position"][-1] for letter in letters(group)] == ["0", "2"]


async def test_poison_named_for_an_event_of_nobody_does_not_hang(group: Group, tenant: str) -> None:
    """A handler that names an event it was not given is a handler that fails."""
    stranger: list[Event] = []

    def judge(event: Event) -> None:
        stranger.append(event)
        raise PoisonEventError(msgspec.structs.replace(event, tenant="nobody"), "nonsense", "not this one")

    group.judge = judge
    async with asyncio.timeout(20):
        await group.consumer.handle(as_received([message_of(tenant), message_of(tenant)]))
    assert [letter.headers["dead_reason"] for letter in letters(group)] == ["nonsense", "nonsense"]
    assert len(stranger) < 10


async def test_a_few_bad_ones_among_a_thousand_are_found_quickly(group: Group, tenant: str) -> None:
    messages = [number(669 if n in {0, 500, 999} else 1)(message_of(tenant)) for n in range(1_000)]
    group.judge = judge_by_content
    await group.consumer.handle(as_received(messages))
    assert len(letters(group)) == 3
    assert await group.effects() == [event for n, event in enumerate(ids_of(messages)) if n not in {0, 500, 999}]
    assert len(group.batches) < 60  # three searches by halves, three tries at each


async def test_many_bad_ones_between_good_ones_do_not_stop_the_group(group: Group, tenant: str) -> None:
    messages = [message_of(tenant, n) if n % 3 else having("ce_id", "x")(message_of(tenant)) for n in range(60)]
    await group.consumer.handle(as_received(messages))
    assert len(letters(group)) == 20
    assert len(await group.effects()) == 40


def all_bad(tenant: str, count: int) -> list[Message]:
    return [without("ce_id")(message_of(tenant)) for _ in range(count)]


def all_failing(tenant: str, count: int) -> list[Message]:
    return [number(669)(message_of(tenant)) for _ in range(count)]


@pytest.mark.parametrize("make", [all_bad, all_failing])
async def test_too_many_in_a_row_stop_the_group_and_drain_nothing(
    group: Group, tenant: str, make: Callable[[str, int], list[Message]]
) -> None:
    group.judge = judge_by_content
    good = [message_of(tenant) for _ in range(3)]
    await group.log.publish([*good, *make(tenant, 100)])
    async with asyncio.timeout(20):
        with pytest.raises(TooManyDeadLettersError, match="6 in a row"):
            await group.consumer.run(asyncio.Event())
    assert letters(group) == []
    assert sum((await group.log.lag(group.name, group.pattern)).values()) == 103
    assert metrics.consumer_running.labels(group.name)._value.get() == 0
    assert await group.effects() in ([], ids_of(good))


async def test_a_row_goes_on_over_the_end_of_a_batch(group: Group, tenant: str) -> None:
    first = [message_of(tenant), *all_bad(tenant, 3)]
    await group.consumer.handle(as_received(first))
    assert len(letters(group)) == 3
    await group.consumer.handle(as_received(all_bad(tenant, 2), first=4))
    assert len(letters(group)) == 5
    with pytest.raises(TooManyDeadLettersError):
        await group.consumer.handle(as_received([*all_bad(tenant, 1), message_of(tenant)], first=6))
    assert len(letters(group)) == 5


async def test_a_good_message_ends_the_row(group: Group, tenant: str) -> None:
    for begin in range(0, 30, 6):
        await group.consumer.handle(as_received([message_of(tenant), *all_bad(tenant, 5)], first=begin))
    assert len(letters(group)) == 25


def judging(kit: Harness, admin: asyncpg.Connection) -> Group:
    return Group(kit, MemoryEventLog(), admin, judge_by_content, limits=Limits(tries=1, dead_in_a_row=5), judges=True)


async def test_what_one_that_judges_refuses_never_stops_it(
    kit: Harness, admin: asyncpg.Connection, tenant: str
) -> None:
    group, good = judging(kit, admin), [message_of(tenant), message_of(tenant)]
    batch = [good[0], *all_bad(tenant, 200), *[number(666)(message_of(tenant)) for _ in range(20)], good[1]]
    await group.consumer.handle(as_received(batch))
    assert len(letters(group)) == 220
    assert await group.effects() == ids_of(good)


async def test_a_handler_that_fails_at_everything_stops_one_that_judges(
    kit: Harness, admin: asyncpg.Connection, tenant: str
) -> None:
    """What is refused between two failures is no sign that the handler works: it does not end their row."""
    group = judging(kit, admin)
    mixed = [each for pair in zip(all_failing(tenant, 6), all_bad(tenant, 6), strict=True) for each in pair]
    await group.consumer.handle(as_received([message_of(tenant), *mixed[:6]]))
    await group.consumer.handle(as_received(all_bad(tenant, 8), first=7))
    assert len(letters(group)) == 14
    with pytest.raises(TooManyDeadLettersError, match="6 in a row"):
        await group.consumer.handle(as_received(mixed[6:], first=15))
    assert len(letters(group)) == 14


async def test_a_letter_is_not_lost_when_the_log_is_away(group: Group, tenant: str) -> None:
    assert isinstance(group.log, MemoryEventLog)
    messages = [message_of(tenant), *all_bad(tenant, 1), message_of(tenant)]
    log = group.log
    await log.publish(messages)
    log.failures = 2
    stop = asyncio.Event()
    running = asyncio.create_task(group.consumer.run(stop))
    await eventually(lambda: log.committed[group.name, "kit.things"] == 3)
    stop.set()
    await running
    assert len(letters(group)) == 1
    assert await group.effects() == ids_of([messages[0], messages[2]])


@pytest.mark.parametrize("large", ["value", "headers"])
async def test_a_message_too_large_for_a_letter_is_cut(group: Group, tenant: str, large: str) -> None:
    """Other systems' brokers may take more than ours promises."""
    [message] = all_bad(tenant, 1)
    if large == "value":
        message = replace(message, value=b"x" * 2_000_000)
    else:
        message = replace(message, headers={**message.headers, "big": "x" * 2_000_000})
    await group.consumer.handle(as_received([message]))
    [letter] = letters(group)
    assert message_size(Message(DEAD, letter.key, letter.value, letter.headers)) <= LARGEST_MESSAGE
    assert (letter.headers["dead_cut"], letter.headers["dead_position"]) == (
        f"of {len(message.value)} bytes",
        "kit.things/0/0",
    )


async def test_a_letter_quotes_no_row(group: Group, tenant: str, admin: asyncpg.Connection) -> None:
    """PostgreSQL's details and SQLAlchemy's parameters hold values of rows, which may be personal."""
    await admin.execute("CREATE UNIQUE INDEX only_once ON kit.effect (tenant_id) WHERE tenant_id LIKE 'secret-%'")
    secret = f"secret-{tenant}"
    try:
        await group.consumer.handle(as_received([message_of(secret)]))
        await group.consumer.handle(as_received([message_of(secret)], first=1))
    finally:
        await admin.execute("DROP INDEX kit.only_once")
    [letter] = letters(group)
    assert "only_once" in letter.headers["dead_text"]
    assert secret not in letter.headers["dead_text"]


async def test_the_event_of_a_letter_may_be_applied_later(group: Group, tenant: str) -> None:
    """A letter published again to its topic, once the handler is mended, has its effect."""
    group.judge = judge_by_content
    bad = number(669)(message_of(tenant))
    await group.consumer.handle(as_received([bad]))
    group.judge = lambda _event: None
    [letter] = letters(group)
    again = Message("kit.things", letter.key, letter.value, letter.headers)
    await group.consumer.handle(as_received([again], first=1))
    assert await group.effects() == [UUID(bad.headers["ce_id"])]


async def test_a_worker_whose_consumer_stops_ends_with_that_error(
    kit: Harness, tenant: str, admin: asyncpg.Connection
) -> None:
    """Whoever runs the worker sees one error that says why, not a group of errors."""

    async def refuse(_session: AsyncSession, _events: Sequence[Event]) -> None:
        raise RuntimeError("a broken handler")

    group = f"g-{tenant}"
    topic = f"kit.{tenant}"
    service = replace(SERVICE, jobs=lambda _runtime: {}, consumptions=[Consumption(group, topic, refuse)])
    malformed = [replace(message, topic=topic) for message in all_bad(tenant, 150)]
    await kit.runtime.log.publish(malformed)
    async with asyncio.timeout(20):
        with pytest.raises(TooManyDeadLettersError, match=group):
            await run_worker(service, kit.settings, asyncio.Event())
    assert sum((await kit.runtime.log.lag(group, topic)).values()) == 150
    assert await kit.runtime.log.lag("nobody", f"{topic}[.]dead") == {}
    assert metrics.consumer_running.labels(group)._value.get() == 0
    assert await admin.fetchval("SELECT count(*) FROM kit.inbox WHERE consumer = $1", group) == 0
