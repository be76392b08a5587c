"""Roll-ups and cases equal what the events say: in any order, any batches, however late or often they come."""

import asyncio
import random
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.analytics.operations.consume import consume
from services.analytics.rebuilds.service import rebuild_from_facts
from shared.events import Event
from tests.analytics.feeding import MINUTE, T0, feed, observation, operation, withdrawal
from tests.analytics.oracle import assert_exact, expected_cases, expected_rollups, stored
from tests.fixtures.services import Harness

_IDS = [UUID(int=n + 1, version=4) for n in range(8)]

works = st.fixed_dictionaries(
    {
        "case": st.sampled_from(["c1", "c2", "c3"]),
        "activity": st.sampled_from(["submit-claim", "check", "pay"]),
        "process": st.sampled_from(["p", "q"]),
        "kind": st.sampled_from(["person", "automation"]),
        "team": st.sampled_from([None, "ap"]),
        # up to 90 days late or early, and close to a whole hour
        "finished_at": st.sampled_from([T0, T0 - timedelta(microseconds=1), T0 + 25 * MINUTE, T0 - timedelta(days=90)]),
        "minutes": st.sampled_from([None, 0, 7.5, 120]),
        "waited": st.sampled_from([None, 0, 30]),
        "estimated": st.booleans(),
        "outcome": st.sampled_from(["done", "error", "rework", "cancelled"]),
        "corrects": st.none() | st.integers(0, len(_IDS) - 1),
        "cost": st.sampled_from([None, ("1.10", "EUR"), ("0.05", "EUR"), ("3", "USD")]),
    }
)


def event_of(tenant: str, place: int, work: dict[str, Any]) -> Event:
    more: dict[str, Any] = {"process": work["process"], "outcome": work["outcome"], "estimated": work["estimated"]}
    if work["waited"] is not None:
        more["requested_at"] = work["finished_at"] - (work["minutes"] or 0) * MINUTE - work["waited"] * MINUTE
    if work["corrects"] not in {None, place}:
        more["corrects"] = _IDS[work["corrects"]]
    if work["cost"] is not None:
        more["cost"] = dict(zip(("amount", "currency"), work["cost"], strict=True))
    return operation(
        tenant,
        work["case"],
        work["activity"],
        minutes=work["minutes"],
        finished_at=work["finished_at"],
        kind=work["kind"],
        team=work["team"],
        event_id=_IDS[place],
        **more,
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    given_works=st.lists(works, min_size=1, max_size=len(_IDS)),
    seen=st.lists(st.tuples(st.sampled_from(["c1", "c9"]), st.sampled_from([-200, 0, 3])), max_size=3),
    withdrawn=st.lists(st.integers(0, len(_IDS) + 2), max_size=5),
    seed=st.integers(0, 2**32),
)
async def test_any_order_batching_and_repetition_gives_what_the_events_say(
    analytics: Harness,
    given_works: list[dict[str, Any]],
    seen: list[tuple[str, int]],
    withdrawn: list[int],
    seed: int,
) -> None:
    """What is withdrawn, before it arrives or after, once or more often, has never been."""
    tenant, chance = f"t-{uuid4().hex}", random.Random(seed)
    events = [event_of(tenant, place, work) for place, work in enumerate(given_works)]
    events += [observation(tenant, case, T0 + minutes * MINUTE) for case, minutes in seen]
    ids = [each.id for each in events]
    events += [withdrawal(tenant, ids[place]) for place in withdrawn if place < len(ids)]
    delivered = events + chance.sample(events, chance.randint(0, len(events)))
    chance.shuffle(delivered)
    while delivered:
        size = chance.randint(1, 5)
        await feed(analytics, delivered[:size])
        delivered = delivered[size:]
    await assert_exact(analytics, tenant, events)
    assert (await rebuild_from_facts(analytics.runtime.url, tenant, swap=False)).right


async def test_two_consumers_at_once_neither_deadlock_nor_lose_a_correction_or_a_withdrawal(analytics: Harness) -> None:
    """Overlapping batches in opposite orders, half of the operations corrected, some withdrawn by what arrives elsewhere."""
    tenant, chance = f"t-{uuid4().hex}", random.Random(4)
    ids = [uuid4() for _ in range(120)]
    events = [
        operation(
            tenant,
            f"c{n % 7}",
            f"a{n % 3}",
            event_id=event_id,
            finished_at=T0 + (n % 5) * 30 * MINUTE,
            corrects=ids[n - 1] if n % 2 else None,
        )
        for n, event_id in enumerate(ids)
    ]
    events += [withdrawal(tenant, ids[n]) for n in range(0, 120, 7)]
    batches = [chance.sample(events, 30) for _ in range(24)] + [events[:60][::-1], events[60:][::-1]]
    for four in range(0, len(batches), 4):
        await asyncio.gather(*(feed(analytics, batch) for batch in batches[four : four + 4]))
    await assert_exact(analytics, tenant, events)


@pytest.mark.parametrize("correction_first", [True, False])
async def test_a_correction_arriving_while_its_target_arrives_is_not_lost(
    analytics: Harness, correction_first: bool
) -> None:
    tenant, wrong = f"t-{uuid4().hex}", uuid4()
    events = [operation(tenant, event_id=wrong), operation(tenant, "another", "mend", corrects=wrong)]
    first, second = reversed(events) if correction_first else events
    async with analytics.runtime.worker.transaction() as session:
        await consume(session, [first])
        other = asyncio.create_task(feed(analytics, [second]))
        await asyncio.sleep(0.3)  # long enough to commit, if nothing made it wait
    await other
    await assert_exact(analytics, tenant, events)


async def test_one_batch_may_hold_several_tenants_with_the_same_ids(analytics: Harness) -> None:
    one, two, event_id, mended = f"t-{uuid4().hex}", f"t-{uuid4().hex}", uuid4(), uuid4()
    first = [operation(one, event_id=event_id, minutes=1)]
    second = [operation(two, event_id=event_id, minutes=5), operation(two, event_id=mended, corrects=event_id)]
    await feed(analytics, [*first, *second, *first])
    await assert_exact(analytics, one, first)
    await assert_exact(analytics, two, second)


async def test_of_two_events_with_one_id_the_first_counts_in_each_kind_of_fact(analytics: Harness, tenant: str) -> None:
    """An id belongs to one event; where a producer breaks that, what came first stays, however often either comes."""
    works = [operation(tenant, case, event_id=_IDS[0]) for case in ("c1", "c2")]
    seen = [msgspec.structs.replace(observation(tenant, f"o{n}", T0 + n * MINUTE), id=_IDS[0]) for n in range(2)]
    await feed(analytics, [*works, *seen, *works])
    await feed(analytics, [*seen[::-1], *works[::-1]])
    assert await stored(analytics, tenant, "rollup_hour", 6) == expected_rollups(works[:1])
    assert await stored(analytics, tenant, "case_state", 2) == expected_cases(works[:1]) | expected_cases(seen[:1])
