"""Percentiles of touch, wait and lead times: within 1 % from roll-ups, exact from facts, and named accordingly."""

import csv
import random
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.events import Event
from tests.analytics.feeding import MINUTE, T0, ask, by_id, feed, kpis, operation
from tests.analytics.test_kpis import counted_statements
from tests.fixtures.services import Harness

FIGURES = ("median", "p90", "p95", "p99", "max")
NOTHING = {"n": 0, "mean": None} | dict.fromkeys(FIGURES)


def skewed(tenant: str, count: int, chance: random.Random) -> list[Event]:
    """Return operations with lognormal durations, spread over nine days and some keys."""
    events = []
    for n in range(count):
        finished = T0 + timedelta(seconds=chance.uniform(0, 9 * 86_400))
        minutes = chance.lognormvariate(1, 1.5) if n % 7 else None
        asked = finished - ((minutes or 0) + chance.lognormvariate(4, 2)) * MINUTE
        work = operation(
            tenant,
            f"c{n}",
            f"a{n % 2}",
            minutes=minutes,
            finished_at=finished,
            team="ap" if n % 3 else None,
            requested_at=asked if n % 5 else None,
        )
        events.append(work)
    return events


def assert_close(close: dict[str, Any], true: dict[str, Any]) -> None:
    assert (close["n"], close["value"]) == (true["n"], true["value"])
    for name in ("wait", "lead"):
        assert (close[name]["n"], close[name]["mean"]) == (true[name]["n"], true[name]["mean"])
    for figures, expected in ((close, true), (close["wait"], true["wait"]), (close["lead"], true["lead"])):
        for figure in FIGURES:
            assert figures[figure] == (expected[figure] and pytest.approx(expected[figure], rel=0.01)), figure


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"activity": "a1"},
        {"team": "ap", "process": "p"},
        {"process": "nothing"},
        {"begin": "2026-03-03", "end": "2026-03-09"},
        {"begin": "2026-03-03T07:30:00Z", "end": "2026-03-08T19:00:00.5Z"},
        {"begin": "2026-03-04T01:00:00Z", "end": "2026-03-04T23:00:00Z", "activity": "a0"},
        {"end": "2026-03-05T12:00:00Z"},
        {"begin": "2026-03-05T12:00:00Z", "group_by": ["team"]},
        {"group_by": ["activity", "team"]},
        {"group_by": ["day"]},
        {"group_by": ["week", "activity"], "begin": "2026-03-04T12:00:00Z"},
        {"group_by": ["month"]},
    ],
)
async def test_roll_ups_are_within_one_percent_of_facts(analytics: Harness, tenant: str, asked: dict[str, Any]) -> None:
    await feed(analytics, skewed(tenant, 400, random.Random(7)))
    close, true = await ask(analytics, tenant, **asked), await ask(analytics, tenant, **asked, exact="true")
    assert [group["group"] for group in close["groups"]] == [group["group"] for group in true["groups"]]
    pairs = [(close["kpis"], true["kpis"])]
    pairs += [(one["kpis"], other["kpis"]) for one, other in zip(close["groups"], true["groups"], strict=True)]
    for one, other in pairs:
        assert (one[0]["percentiles"], other[0]["percentiles"]) == ("rollup", "exact")
        assert_close(one[0], other[0])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spans=st.lists(st.integers(0, 10**13) | st.integers(0, 3), min_size=1, max_size=7))
async def test_few_durations_of_any_length_are_close_too(analytics: Harness, spans: list[int]) -> None:
    tenant = f"t-{uuid4().hex}"
    events = [
        operation(tenant, minutes=None, started_at=T0 - timedelta(microseconds=span), finished_at=T0) for span in spans
    ]
    await feed(analytics, events)
    close, true = await kpis(analytics, tenant), await kpis(analytics, tenant, exact="true")
    assert_close(close["processing_time"], true["processing_time"])


async def test_what_is_unknown_is_null_and_the_reading_is_named(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [operation(tenant, minutes=None)])
    for asked, reading in [
        ({}, "rollup"),
        ({"exact": "true"}, "exact"),
        ({"group_by": "hour"}, "exact"),
        ({"details": "false"}, None),
        ({"details": "false", "exact": "true"}, None),
    ]:
        got = await kpis(analytics, tenant, **asked)
        touch, throughput = got["processing_time"], got["case_throughput_time"]
        assert (touch["wait"], touch["lead"], touch["percentiles"]) == (NOTHING, NOTHING, reading)
        assert [touch[figure] for figure in FIGURES] == [None] * 5
        assert throughput["percentiles"] == reading
        assert throughput["variants"] == (1 if asked == {"exact": "true"} else None)
        assert throughput["median"] == (reading and 0)


async def test_without_details_there_are_means_alone(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [operation(tenant, minutes=2, requested_at=T0 - 5 * MINUTE)])
    touch = (await kpis(analytics, tenant, details="false"))["processing_time"]
    assert (touch["value"], touch["wait"]["mean"], touch["lead"]["mean"]) == (120, 180, 300)
    assert [touch[name] or touch["wait"][name] or touch["lead"][name] for name in FIGURES] == [None] * 5


async def test_whole_days_are_read_without_a_single_fact(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [operation(tenant, minutes=3)])
    with counted_statements(analytics) as statements:
        document = await ask(analytics, tenant, begin="2026-03-01", end="2026-03-08", group_by=["activity", "day"])
    assert by_id(document["kpis"])["processing_time"]["median"] == pytest.approx(180, rel=0.01)
    # Cases of an activity are those that hold such an operation: only that looks at facts.
    reading = [statement for statement in statements if "FROM operation" in statement]
    assert len(reading) == 1, reading
    assert "case_state" in reading[0]


async def test_a_table_has_a_column_for_each_figure_of_each_duration(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [operation(tenant, minutes=2, requested_at=T0 - 5 * MINUTE)])
    async with analytics.client(tenant, "viewer") as client:
        answered = await client.get("/analytics/kpis", params={"format": "csv", "exact": "true"})
    row = next(csv.DictReader(answered.text.splitlines()))
    assert (row["id"], row["median"], row["percentiles"]) == ("processing_time", "120.0", "exact")
    assert (row["wait_mean"], row["wait_n"], row["wait_p99"], row["lead_median"]) == ("180.0", "1", "180.0", "300.0")
