"""`as_of` tells what an honest reader would have been told then: the figures of whoever got only what was known by then."""

import csv
import io
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.analytics.operations.facts import known_at
from services.analytics.operations.fields import EARLIEST
from shared.clock import frozen
from shared.events import Event
from tests.analytics.explaining import LISTED, explain, listed
from tests.analytics.feeding import MINUTE, T0, answer, ask, by_id, feed, observation, operation, withdrawal
from tests.analytics.test_costs import MODEL, put
from tests.analytics.test_rollups import event_of, works
from tests.fixtures.services import Harness, problem

DAYS = [T0 + timedelta(days=n) for n in (1, 2, 3, 4)]
QUESTIONS: list[dict[str, Any]] = [
    {},
    {"exact": "true", "group_by": ["activity", "team"]},
    {"group_by": ["day", "process"], "begin": (T0 - timedelta(days=1)).isoformat(), "end": (T0 + MINUTE).isoformat()},
    {"team": "ap", "actor_kind": "person", "group_by": "week", "time_zone": "Europe/Madrid"},
    {"details": "false", "process": "p", "group_by": "hour"},
]


def recorded(event: Event, at: datetime) -> Event:
    return msgspec.structs.replace(event, time=at)


async def figures(analytics: Harness, tenant: str, **parameters: Any) -> list[Any]:
    """Return all that the questions answer, but for the moment that was asked for."""
    answers = [await ask(analytics, tenant, **question, **parameters) for question in QUESTIONS]
    return [(each["kpis"], each["groups"]) for each in answers]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    given_works=st.lists(st.tuples(works, st.sampled_from(DAYS)), min_size=1, max_size=8),
    seen=st.lists(st.tuples(st.sampled_from(["c1", "c9"]), st.sampled_from(DAYS)), max_size=3),
    scores=st.lists(st.tuples(st.integers(1, 5), st.sampled_from(DAYS)), max_size=8),
    withdrawn=st.lists(st.tuples(st.integers(0, 18), st.sampled_from(DAYS)), max_size=6),
    seed=st.integers(0, 2**32),
)
async def test_the_past_is_that_of_whoever_knew_no_more(
    analytics: Harness,
    given_works: list[tuple[dict[str, Any], datetime]],
    seen: list[tuple[str, datetime]],
    scores: list[tuple[int, datetime]],
    withdrawn: list[tuple[int, datetime]],
    seed: int,
) -> None:
    """In any order, with corrections, withdrawals and repetitions, at moments at, before and after those of recording."""
    tenant, chance = f"t-{uuid4().hex}", random.Random(seed)
    events = [recorded(event_of(tenant, place, work), at) for place, (work, at) in enumerate(given_works)]
    events += [recorded(observation(tenant, case, T0 + 5 * MINUTE), at) for case, at in seen]
    events += [recorded(answer(tenant, score), at) for score, at in scores]
    ids = [each.id for each in events]
    events += [withdrawal(tenant, ids[place], at=at) for place, at in withdrawn if place < len(ids)]
    delivered = events + chance.sample(events, chance.randint(0, len(events)))
    chance.shuffle(delivered)
    for start in range(0, len(delivered), 3):
        await feed(analytics, delivered[start : start + 3])
    for moment in (DAYS[chance.randrange(4)], DAYS[1] - timedelta(microseconds=1)):
        knew_no_more = f"o-{uuid4().hex}"
        known = [msgspec.structs.replace(each, tenant=knew_no_more) for each in delivered if each.time <= moment]
        await feed(analytics, known)
        assert await figures(analytics, tenant, as_of=moment.isoformat()) == await figures(analytics, knew_no_more)
    assert await figures(analytics, tenant, as_of=datetime.now(UTC).isoformat()) == await figures(analytics, tenant)


def told(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "as_of"}


async def test_an_explanation_and_a_comparison_are_those_of_the_past(
    analytics: Harness, tenant: str, other_tenant: str
) -> None:
    events = story(tenant)
    early = [msgspec.structs.replace(each, tenant=other_tenant) for each in events if each.time <= DAYS[1]]
    await feed(analytics, events)
    await feed(analytics, early)
    for each in (tenant, other_tenant):
        assert (await put(analytics, each, MODEL)).status_code == 200
    for kpi in (*LISTED, "internal_satisfaction"):
        asked = {
            "compare_to_from": (T0 - timedelta(days=30)).isoformat(),
            "compare_to_to": T0.isoformat(),
            "begin": T0.isoformat(),
        }
        past = await explain(analytics, tenant, kpi, as_of=DAYS[1].isoformat(), **asked)
        assert told(past) == told(await explain(analytics, other_tenant, kpi, **asked))
        assert past["comparison"]["n"] > 0
        assert past["as_of"] == DAYS[1].isoformat().replace("+00:00", "Z")
        assert told(past) != told(await explain(analytics, tenant, kpi, **asked))


def story(tenant: str) -> list[Event]:
    """Return a stream whose second half was recorded later, some of it to correct the first."""
    early = [
        operation(
            tenant,
            f"c{n // 3}",
            f"a{n % 3}",
            minutes=n + 1,
            finished_at=T0 + (n - 6) * 60 * MINUTE,
            kind="automation" if n % 4 == 3 else "person",
            team="ap" if n % 2 else None,
            outcome="rework" if n == 7 else "done",
        )
        for n in range(12)
    ]
    late = [
        operation(tenant, f"c{n}", "mend", finished_at=T0 + n * MINUTE, minutes=50, corrects=early[6 + n].id)
        for n in range(3)
    ]
    answers = [answer(tenant, 5 if n % 2 else 3, at=T0 + (n - 6) * MINUTE) for n in range(12)]
    return [
        *(recorded(each, DAYS[n % 2]) for n, each in enumerate([*early, *answers])),
        *(recorded(withdrawal(tenant, early[n].id), DAYS[2 * (n % 2)]) for n in (1, 4, 9)),
        *(recorded(each, DAYS[2]) for each in [*late, *(answer(tenant, 1, at=T0 + n * MINUTE) for n in range(6))]),
    ]


async def test_pages_of_the_past_go_on_in_the_past(analytics: Harness, tenant: str) -> None:
    await feed(analytics, story(tenant))
    past = {"as_of": DAYS[1].isoformat(), "limit": 5}
    first = listed(await explain(analytics, tenant, "error_rate", **past))
    second = listed(await explain(analytics, tenant, "error_rate", cursor=first["next_cursor"], **past))
    third = listed(await explain(analytics, tenant, "error_rate", cursor=second["next_cursor"], **past))
    assert [len(each["items"]) for each in (first, second, third)] == [5, 5, 1]
    assert third["next_cursor"] is None
    async with analytics.client(tenant, "viewer") as client:
        asked = {"limit": 5, "cursor": first["next_cursor"]}
        refused = await client.get("/analytics/kpis/error_rate/explanation", params=asked)
    assert problem(refused)["code"] == "invalid-cursor"


async def test_before_anything_was_known_there_is_nothing(analytics: Harness, tenant: str) -> None:
    await feed(analytics, story(tenant))
    document = await ask(analytics, tenant, as_of="2026-03-03", group_by="activity")
    assert (document["as_of"], document["groups"]) == ("2026-03-03T00:00:00Z", [])
    assert {(each["value"], each["n"]) for each in document["kpis"]} == {(None, 0)}


async def test_a_date_is_its_first_moment_in_the_time_zone(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [recorded(operation(tenant), datetime(2026, 3, 3, 23, 0, tzinfo=UTC))])  # midnight in Madrid
    assert by_id((await ask(analytics, tenant, as_of="2026-03-03"))["kpis"])["error_rate"]["n"] == 0
    there = await ask(analytics, tenant, as_of="2026-03-04", time_zone="Europe/Madrid")
    assert by_id(there["kpis"])["error_rate"]["n"] == 1
    assert (await ask(analytics, tenant))["as_of"] is None


@pytest.mark.parametrize("path", ["/analytics/kpis", "/analytics/kpis/error_rate/explanation"])
@pytest.mark.parametrize(("language", "word"), [("en", "nobody knows"), ("es", "nadie sabe")])
async def test_what_will_be_known_is_refused(
    analytics: Harness, tenant: str, path: str, language: str, word: str
) -> None:
    with frozen(T0):
        async with analytics.client(tenant, "viewer", **{"Accept-Language": language}) as client:
            at_once = await client.get(path, params={"as_of": T0.isoformat()})
            later = await client.get(path, params={"as_of": (T0 + timedelta(seconds=1)).isoformat()})
    assert at_once.status_code == 200, at_once.text
    document = problem(later)
    assert (later.status_code, document["code"]) == (422, "as-of-in-future")
    assert word in document["detail"]
    assert "as_of" in document["hint"]


async def test_another_tenants_past_is_not_seen(analytics: Harness, tenant: str, other_tenant: str) -> None:
    """The same cases, and a correction of the other tenant that names this one's operation."""
    event_id = uuid4()
    await feed(analytics, [recorded(operation(tenant, event_id=event_id), DAYS[0])])
    await feed(
        analytics,
        [
            recorded(operation(other_tenant, event_id=event_id), DAYS[0]),
            recorded(operation(other_tenant, corrects=event_id), DAYS[0]),
            recorded(answer(other_tenant, 1), DAYS[0]),
        ],
    )
    found = by_id((await ask(analytics, tenant, as_of=DAYS[1].isoformat(), exact="true"))["kpis"])
    assert (found["error_rate"]["n"], found["error_rate"]["corrected"]) == (1, 0)
    assert (found["case_throughput_time"]["cases"], found["internal_satisfaction"]["n"]) == (1, 0)
    items = listed(await explain(analytics, tenant, "case_throughput_time", as_of=DAYS[1].isoformat()))["items"]
    assert [each["event_ids"] for each in items] == [[str(event_id)]]


async def test_a_table_of_the_past_says_so(analytics: Harness, tenant: str) -> None:
    await feed(analytics, story(tenant))
    async with analytics.client(tenant, "viewer") as client:
        past = await client.get("/analytics/kpis", params={"format": "csv", "as_of": DAYS[1].isoformat()})
        now = await client.get("/analytics/kpis", params={"format": "csv"})
    assert {row["as_of"] for row in csv.DictReader(io.StringIO(past.text))} == {
        DAYS[1].isoformat().replace("+00:00", "Z")
    }
    assert "as_of" not in now.text.partition("\n")[0]


def test_a_producers_clock_may_be_anything() -> None:
    wild = recorded(operation("t"), datetime(1, 1, 1, tzinfo=UTC))
    assert known_at(wild) == EARLIEST
    assert known_at(recorded(wild, datetime(9999, 12, 31, tzinfo=UTC))).year == 3000
    assert known_at(recorded(wild, T0)) == T0
