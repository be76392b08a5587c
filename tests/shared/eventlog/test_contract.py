"""What every event log promises. Each test runs on PostgreSQL and on Apache Kafka."""

import asyncio
import contextlib
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from shared.eventlog import (
    LARGEST_MESSAGE,
    EventLog,
    LogUnavailableError,
    Message,
    MessageTooLargeError,
    Position,
    Received,
    Subscription,
)
from tests.fixtures.eventlog import LogPlace, by_key, nothing_comes, numbered, take, values
from tests.fixtures.pace import within

ROOT = Path(__file__).parents[3]
ODD_TEXTS = ["", "ñandú ☕ 東京 🂡", 'quote " and \\ backslash', "line\nbreak\tand\x00null", "x" * 3000]


async def test_publish_returns_the_position_of_each_message(log: EventLog, area: str) -> None:
    messages = numbered(f"{area}.things", 50)
    positions = await log.publish(messages)
    async with log.subscribe(area, rf"{area}\..*") as subscription:
        read = {Position(m.topic, m.partition, m.offset): m.value for m in await take(subscription, 50)}
    assert [read[position] for position in positions] == [message.value for message in messages]


async def test_messages_of_one_key_stay_in_order_in_one_partition(log: EventLog, area: str) -> None:
    for start in range(0, 300, 100):
        await log.publish([Message(f"{area}.things", f"k{n % 11}", str(n).encode()) for n in range(start, start + 100)])
    async with log.subscribe(area, rf"{area}\.things") as subscription:
        read = await take(subscription, 300)
    assert by_key(read) == {f"k{k}": [n for n in range(300) if n % 11 == k] for k in range(11)}
    partitions = {key: {m.partition for m in read if m.key == key} for key in by_key(read)}
    assert all(len(found) == 1 for found in partitions.values())
    assert len({m.partition for m in read}) > 1, "keys spread over partitions"


async def test_every_group_sees_every_message(log: EventLog, area: str) -> None:
    await log.publish(numbered(f"{area}.things", 20))
    for group in ("first", "second"):
        async with log.subscribe(f"{area}-{group}", rf"{area}\..*") as subscription:
            assert sorted(values(await take(subscription, 20))) == list(range(20))


async def test_what_was_not_committed_comes_again_to_the_next_member(log: EventLog, area: str) -> None:
    await log.publish(numbered(f"{area}.things", 10))
    async with log.subscribe(area, rf"{area}\..*") as subscription:
        assert len(await take(subscription, 10, commit=False)) == 10
    async with log.subscribe(area, rf"{area}\..*") as subscription:
        assert sorted(values(await take(subscription, 10))) == list(range(10))
    async with log.subscribe(area, rf"{area}\..*") as subscription:
        await nothing_comes(subscription, 2.0)


async def test_rewind_gives_again_what_was_polled_since_the_last_commit(log: EventLog, area: str) -> None:
    await log.publish(numbered(f"{area}.things", 10))
    async with log.subscribe(area, rf"{area}\..*") as subscription:
        await take(subscription, 10)
        await log.publish([Message(f"{area}.things", "later", b"99")])
        for _ in range(3):
            assert values(await take(subscription, 1, commit=False)) == [99]
            await subscription.rewind()
        assert values(await take(subscription, 1)) == [99]
        await subscription.rewind()
        await nothing_comes(subscription)


async def test_commit_covers_what_was_returned_and_no_more(log: EventLog, area: str) -> None:
    await log.publish([Message(f"{area}.things", "one", str(n).encode()) for n in range(10)])
    async with log.subscribe(area, rf"{area}\..*") as subscription:
        seen: list[Received] = []
        while not seen:
            seen += await subscription.poll(3, 1.0)
        seen += await subscription.poll(2, 1.0)
        assert values(seen) == [0, 1, 2, 3, 4]
        await subscription.commit()
    async with log.subscribe(area, rf"{area}\..*") as subscription:
        assert values(await take(subscription, 5)) == [5, 6, 7, 8, 9]


async def test_poll_keeps_its_limit_and_its_wait(log: EventLog, area: str) -> None:
    await log.publish(numbered(f"{area}.things", 100))
    async with log.subscribe(area, rf"{area}\..*") as subscription:
        await take(subscription, 100)
        await log.publish(numbered(f"{area}.things", 30))
        assert 0 < len(await subscription.poll(4, 5.0)) <= 4
        await subscription.rewind()
        await take(subscription, 30)
        started = time.monotonic()
        await nothing_comes(subscription, 0.7)
        took = time.monotonic() - started
        assert took > 0.6
        assert within(3, took)


async def test_a_waiting_poll_returns_when_something_is_published(log: EventLog, area: str) -> None:
    await log.ensure_topics([f"{area}.things"])
    async with log.subscribe(area, rf"{area}\..*") as subscription:
        await log.publish(numbered(f"{area}.things", 1))
        await take(subscription, 1)
        waits = []
        for _ in range(10):
            poll = asyncio.create_task(subscription.poll(10, 10.0))
            await asyncio.sleep(0.05)
            started = time.monotonic()
            await log.publish(numbered(f"{area}.things", 1))
            assert len(await poll) == 1
            waits.append(time.monotonic() - started)
            await subscription.commit()
    assert within(0.2, sorted(waits)[5]), f"median of {waits}"


class _Sharing:
    """Two members' hands: which partitions each is working on, and what it has done."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.all_done = asyncio.Event()
        self.held: list[set[int]] = [set(), set()]
        self.done: list[list[int]] = [[], []]
        self.overlaps = 0

    async def work(self, member: int, subscription: Subscription) -> None:
        while not self.all_done.is_set():
            batch = await subscription.poll(20, 0.2)
            self.held[member] = {message.partition for message in batch}
            self.overlaps += len(self.held[0] & self.held[1])
            await asyncio.sleep(0.02)
            self.overlaps += len(self.held[0] & self.held[1])
            self.held[member] = set()
            with contextlib.suppress(LogUnavailableError):  # taken away: comes again
                await subscription.commit()
                self.done[member] += values(batch)
            if len({*self.done[0], *self.done[1]}) == self._count:
                self.all_done.set()


async def test_two_members_share_the_partitions_and_never_hold_one_together(log_place: LogPlace, area: str) -> None:
    sharing = _Sharing(4000)
    async with log_place.opened() as one, log_place.opened() as two:
        await one.ensure_topics([f"{area}.things"])
        async with one.subscribe(area, rf"{area}\..*") as first, two.subscribe(area, rf"{area}\..*") as second:
            workers = [asyncio.create_task(sharing.work(n, each)) for n, each in enumerate((first, second))]
            for start in range(0, 4000, 40):
                await one.publish(
                    [Message(f"{area}.things", f"k{n}", str(n).encode()) for n in range(start, start + 40)]
                )
                await asyncio.sleep(0.04)
            async with asyncio.timeout(30):
                await asyncio.gather(*workers)
    assert sharing.overlaps == 0
    assert all(len(done) > 400 for done in sharing.done), [len(done) for done in sharing.done]


@pytest.mark.slow
async def test_a_killed_member_is_replaced_and_nothing_is_lost(log_place: LogPlace, log: EventLog, area: str) -> None:
    await log.publish(numbered(f"{area}.things", 40))
    command = [sys.executable, str(Path(__file__).with_name("member.py")), log_place.kind, log_place.url]
    victim = await asyncio.create_subprocess_exec(
        *command, area, rf"{area}\..*", stdout=asyncio.subprocess.PIPE, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    )
    assert victim.stdout is not None
    assert re.fullmatch(rb"\d+ \d+\n", await victim.stdout.readline()), "the victim holds messages"
    handled: list[Received] = []
    async with log.subscribe(area, rf"{area}\..*") as subscription, asyncio.timeout(40):
        await subscription.poll(1000, 0.5)
        victim.kill()
        await subscription.rewind()
        while len(set(values(handled))) < 40:
            batch = await subscription.poll(1000, 0.5)
            with contextlib.suppress(LogUnavailableError):  # taken away by a rebalance: comes again
                await subscription.commit()
                handled += batch
    assert await victim.wait() == -signal.SIGKILL
    assert sorted(values(handled)) == list(range(40))


async def test_topics_made_later_are_found_and_only_whole_names_match(log: EventLog, area: str) -> None:
    async with log.subscribe(area, rf"{area}\.(one|two)") as subscription:
        await log.publish(numbered(f"{area}.one", 1))
        assert {m.topic for m in await take(subscription, 1)} == {f"{area}.one"}
        await log.publish(numbered(f"{area}.one.dead", 3))
        await log.publish(numbered(f"x{area}.one", 3))
        await log.ensure_topics([f"{area}.two"])
        await log.publish(numbered(f"{area}.two", 1))
        assert [m.topic for m in await take(subscription, 1, patience=15)] == [f"{area}.two"]
        await nothing_comes(subscription)


async def test_any_text_and_any_bytes_come_back_as_they_were(log: EventLog, area: str) -> None:
    messages = [Message(f"{area}.things", text, bytes(range(256)), {"a": text, "bé": "1"}) for text in ODD_TEXTS]
    messages += [Message(f"{area}.things", "no value", b""), Message(f"{area}.things", "no header", b"{}", {})]
    messages += [Message(f"{area}.things", "large", bytes(n % 251 for n in range(900_000)), {"size": "900000"})]
    started = time.time()
    await log.publish(messages)
    async with log.subscribe(area, rf"{area}\..*") as subscription:
        read = {message.key: message for message in await take(subscription, len(messages))}
    assert {key: (m.value, dict(m.headers)) for key, m in read.items()} == {
        m.key: (m.value, dict(m.headers)) for m in messages
    }
    assert all(abs(message.appended_at.timestamp() - started) < 30 for message in read.values())
    assert all(message.appended_at.tzinfo is not None for message in read.values())


async def test_a_message_beyond_the_limit_is_refused_with_its_whole_publication(log: EventLog, area: str) -> None:
    await log.ensure_topics([f"{area}.things"])
    with pytest.raises(MessageTooLargeError, match=r"1000001 bytes .*'k'"):
        await log.publish([*numbered(f"{area}.things", 3), Message(f"{area}.things", "k", b"x" * LARGEST_MESSAGE)])
    await log.publish([Message(f"{area}.things", "k", b"1" * (LARGEST_MESSAGE - 1))])
    async with log.subscribe(area, rf"{area}\..*") as subscription:
        assert [len(m.value) for m in await take(subscription, 1)] == [LARGEST_MESSAGE - 1]


async def test_whoever_reads_without_a_group_gets_what_is_there_and_holds_nobody_up(log: EventLog, area: str) -> None:
    await log.publish(numbered(f"{area}.things", 2_500))
    await log.publish(numbered(f"{area}.other", 3))
    await log.ensure_topics([f"{area}.empty"])
    async with log.subscribe(f"{area}-group", rf"{area}\.things") as member:
        held = await take(member, 10, commit=False)
        seen: list[Received] = []
        async with log.read(rf"{area}\.(things|empty)", {}) as batches:
            await log.publish(numbered(f"{area}.things", 5))  # after it began
            async for batch in batches:
                seen += batch
        assert len(seen) == 2_500
        assert by_key(seen) == {f"key-{key}": list(range(key, 2_500, 7)) for key in range(7)}
        await member.commit()
        assert held
    middle = {(each.topic, each.partition): each.offset for each in seen[1_000:1_001]}
    async with log.read(rf"{area}\.things", middle) as batches:
        again = [each async for batch in batches for each in batch]
    ((place, offset),) = middle.items()
    assert min(each.offset for each in again if (each.topic, each.partition) == place) == offset
    others = [each for each in seen if (each.topic, each.partition) != place]
    assert len(again) == 5 + len(others) + sum((e.topic, e.partition) == place and e.offset >= offset for e in seen)
    async with log.read(rf"{area}\.empty", {}) as batches:
        assert [batch async for batch in batches] == []


async def test_lag_counts_what_a_group_has_not_committed(log: EventLog, area: str) -> None:
    topic = f"{area}.things"
    positions = await log.publish(numbered(topic, 60))
    published = Counter((each.topic, each.partition) for each in positions)
    assert {place: n for place, n in (await log.lag(area, rf"{area}\..*")).items() if n} == dict(published)
    async with log.subscribe(area, rf"{area}\..*") as subscription:
        await take(subscription, 60, commit=False)
        assert sum((await log.lag(area, rf"{area}\..*")).values()) == 60
        await subscription.commit()
        assert set((await log.lag(area, rf"{area}\..*")).values()) == {0}
    assert await log.lag(area, "nothing like this") == {}


async def test_concurrent_publishers_leave_no_gap_and_keep_their_order(log_place: LogPlace, area: str) -> None:
    topics = [f"{area}.a", f"{area}.b"]

    async def publish(publisher: int, log: EventLog) -> list[Position]:
        made: list[Position] = []
        for step in range(15):
            order = topics if publisher % 2 else topics[::-1]  # opposite orders would deadlock careless locking
            messages = [
                Message(topic, f"p{publisher}-{n % 3}", str(step * 30 + n).encode())
                for topic in order
                for n in range(30)
            ]
            made += await log.publish(messages)
        return made

    async with log_place.opened() as one, log_place.opened() as two:
        await one.ensure_topics(topics)
        made = await asyncio.gather(*(publish(n, one if n < 4 else two) for n in range(8)))
        positions = [position for each in made for position in each]
        assert len(set(positions)) == len(positions) == 8 * 15 * 60
        for place in {(each.topic, each.partition) for each in positions}:
            offsets = sorted(each.offset for each in positions if (each.topic, each.partition) == place)
            assert offsets == list(range(len(offsets)))
        async with one.subscribe(area, rf"{area}\..*") as subscription:
            read = await take(subscription, len(positions))
    for topic in topics:
        for key, found in by_key([m for m in read if m.topic == topic]).items():
            assert found == sorted(found), f"{topic} {key}"
            assert len(found) == 150


async def test_many_messages_come_once_each_in_order(log: EventLog, area: str) -> None:
    for start in range(0, 20_000, 5_000):
        await log.publish(
            [Message(f"{area}.things", f"k{n % 97}", str(n).encode()) for n in range(start, start + 5000)]
        )
    async with log.subscribe(area, rf"{area}\..*") as subscription:
        read = await take(subscription, 20_000)
    assert sorted(values(read)) == list(range(20_000))
    assert all(found == sorted(found) for found in by_key(read).values())


async def test_a_cancelled_poll_loses_nothing(log: EventLog, area: str) -> None:
    async with log.subscribe(area, rf"{area}\..*") as subscription:
        await log.publish([Message(f"{area}.things", f"k{n % 9}", str(n).encode()) for n in range(400)])
        read: list[Received] = []
        for n in range(400):
            poll = asyncio.create_task(subscription.poll(5, 0.2))
            await asyncio.sleep(0.0005 * (n % 13))
            poll.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                read += await poll
            with contextlib.suppress(LogUnavailableError):
                await subscription.commit()
        read += await take(subscription, 400 - len(set(values(read))))
    assert set(values(read)) == set(range(400))


async def test_a_topic_is_made_once(log: EventLog, area: str) -> None:
    await asyncio.gather(*(log.ensure_topics([f"{area}.a", f"{area}.b"]) for _ in range(5)))
    await log.publish(numbered(f"{area}.a", 5))
    await log.ensure_topics([f"{area}.a"])
    assert sorted(await log.lag(area, rf"{area}\..*")) == [(f"{area}.{t}", n) for t in "ab" for n in range(4)]
    assert sum((await log.lag(area, rf"{area}\..*")).values()) == 5


async def test_a_log_knows_itself_again(log_place: LogPlace, log: EventLog) -> None:
    async with log_place.opened() as again:
        assert again.identity == log.identity
        assert len(again.identity) > 20
        await again.ping()
    with pytest.raises(LogUnavailableError):
        await again.ping()
    with pytest.raises(LogUnavailableError):
        await again.publish(numbered("closed", 1))


async def test_what_is_left_out_of_a_commit_comes_again(log: EventLog, area: str) -> None:
    """Of one partition its first half is handled, of the other nothing."""
    topics = [f"{area}.one", f"{area}.two"]
    await log.publish([Message(topic, "key", str(n).encode()) for topic in topics for n in range(6)])

    def of(topic: str, messages: Sequence[Received]) -> list[int]:
        return values([each for each in messages if each.topic == topic])

    async with log.subscribe(area, rf"{area}\..*") as subscription:
        polled = sorted(await take(subscription, 12, commit=False), key=lambda each: (each.topic, each.offset))
        await subscription.commit(polled[3:])
        again = await take(subscription, 9, commit=False)
        assert (of(topics[0], again), of(topics[1], again)) == ([3, 4, 5], [0, 1, 2, 3, 4, 5])
        await subscription.rewind()
        again = await take(subscription, 9, commit=False)
        await subscription.commit(again)
    async with log.subscribe(area, rf"{area}\..*") as subscription:
        again = await take(subscription, 9)
        assert (of(topics[0], again), of(topics[1], again)) == ([3, 4, 5], [0, 1, 2, 3, 4, 5])
        await nothing_comes(subscription)
