"""Whole days are read from roll-ups by day, and tell what hours, cases and facts tell."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.analytics.indicators.as_of import look_back
from services.analytics.indicators.queries import FiguresByGroup, read_figures
from services.analytics.indicators.selection import GroupBy, Selection
from services.analytics.indicators.sums import Figures, Quantiles, Times
from services.analytics.indicators.zones import begin_of
from shared.events import Event
from tests.analytics.feeding import MINUTE, T0, ask, by_id, feed, observation, operation
from tests.analytics.test_kpis import counted_statements
from tests.fixtures.services import Harness

HOUR, DAY = 60 * MINUTE, timedelta(days=1)
ZONES = ("UTC", "Europe/Madrid", "Asia/Kolkata", "America/St_Johns", "Pacific/Kiritimati")
FIGURES = ("median", "p90", "p95", "p99", "max")
UNITS: tuple[tuple[GroupBy, ...], ...] = ((), ("day",), ("week",), ("month", "process"), ("process",))
OF_OPERATIONS: tuple[tuple[GroupBy, ...], ...] = (("team", "day"), ("activity",), ("hour",))


def stream(tenant: str, chance: random.Random, count: int) -> list[Event]:
    """Return operations and observations around the change of clocks in March, some on a midnight, some correcting."""
    events: list[Event] = []
    for _ in range(count):
        at = datetime(2026, 3, 27, tzinfo=UTC) + chance.choice(
            (HOUR, MINUTE, timedelta(seconds=1.5))
        ) * chance.randrange(96)
        at = chance.choice((at, at.replace(hour=0, minute=0, second=0, microsecond=0)))
        case, process = f"c{chance.randrange(9)}", chance.choice("pq")
        if chance.random() < 0.2:
            events.append(observation(tenant, case, at, process))
            continue
        more: dict[str, Any] = {}
        if events and chance.random() < 0.2:
            more["corrects"] = chance.choice(events).id
        if chance.random() < 0.3:
            more["cost"] = {"amount": "0.10", "currency": chance.choice(("EUR", "USD"))}
        events.append(
            operation(
                tenant,
                case,
                chance.choice(("check", "pay", "submit-it")),
                minutes=chance.choice((None, 0, chance.lognormvariate(2, 2))),
                finished_at=at,
                kind=chance.choice(("person", "automation")),
                team=chance.choice((None, "ap")),
                process=process,
                outcome=chance.choice(("done", "error", "rework")),
                **more,
            )
        )
    chance.shuffle(events)
    return events


@contextmanager
def without_days() -> Iterator[None]:
    """Let nothing be read from roll-ups by day: the careful way, by hours, cases and facts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Selection, "by_whole_days", property(lambda _: False))
        yield


def sums_alone(figures: Figures) -> Figures:
    cases = replace(figures.cases, quantiles=Quantiles())
    return replace(figures, percentiles=None, case_percentiles=None, times=Times(), cases=cases)


def assert_close(close: Quantiles, true: Quantiles) -> None:
    for figure in FIGURES:
        expected = getattr(true, figure)
        assert getattr(close, figure) == (expected and pytest.approx(expected, rel=0.01)), figure


def assert_alike(read: FiguresByGroup, careful: FiguresByGroup) -> None:
    assert set(read.groups) == set(careful.groups)
    pairs = [(read.whole, careful.whole), *((read.groups[key], careful.groups[key]) for key in careful.groups)]
    for one, other in pairs:
        assert sums_alone(one) == sums_alone(other)
        assert_close(one.cases.quantiles, other.cases.quantiles)
        for name in ("touch", "wait", "lead"):
            assert_close(getattr(one.times, name), getattr(other.times, name))


async def read(analytics: Harness, tenant: str, selection: Selection) -> FiguresByGroup:
    async with analytics.runtime.database.session(tenant) as session:
        look_back(session, selection.as_of)
        return await read_figures(session, selection)


async def put_rates(analytics: Harness, tenant: str) -> None:
    rates = [{"team": None, "valid_from": f"2026-03-{day}", "amount": f"{day}"} for day in (27, 28, 29)]
    fixed = [{"process": "p", "activity": "pay", "actor_kind": None, "valid_from": "2026-03-28", "amount": "0.3"}]
    model = {"currency": "EUR", "hourly_rates": rates, "fixed_costs": fixed}
    async with analytics.client(tenant, "admin") as client:
        stored = await client.put("/analytics/cost-model", json=model, headers={"If-Match": '"0"'})
    assert stored.status_code == 200, stored.text


MOMENTS = st.one_of(
    st.none(),
    st.builds(begin_of, st.dates(date(2026, 3, 26), date(2026, 4, 1)), st.sampled_from(ZONES)),
    st.integers(0, 6 * 86_400).map(lambda seconds: datetime(2026, 3, 26, tzinfo=UTC) + timedelta(seconds=seconds)),
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(
    chance=st.integers(0, 2**32).map(random.Random),
    periods=st.lists(st.tuples(MOMENTS, MOMENTS, st.sampled_from(ZONES)), min_size=4, max_size=4),
    filters=st.fixed_dictionaries(
        {},
        optional={
            "process": st.just("p"),
            "team": st.just("ap"),
            "activity": st.just("check"),
            "actor_kind": st.just("person"),
        },
    ),
)
async def test_days_tell_what_hours_and_cases_tell(
    analytics: Harness, chance: random.Random, periods: list[tuple[Any, Any, str]], filters: dict[str, Any]
) -> None:
    tenant = f"t-{uuid4().hex}"
    await put_rates(analytics, tenant)
    events = stream(tenant, chance, 40)
    await feed(analytics, events[:25])
    await feed(analytics, events[20:])
    for begin, end, zone in periods:
        for chosen in (dict[str, Any](), filters):
            group_by = chance.choice(UNITS + OF_OPERATIONS)
            asked = Selection(begin=begin, end=end, zone=zone, group_by=group_by, **chosen)
            with without_days():
                careful = await read(analytics, tenant, asked)
            assert careful.whole.case_percentiles == "exact"
            assert_alike(await read(analytics, tenant, asked), careful)
            assert_alike(await read(analytics, tenant, replace(asked, as_of=T0 + DAY)), careful)


async def test_whole_days_need_neither_hours_nor_cases_nor_facts(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [operation(tenant, f"c{n}", finished_at=T0 + n * DAY) for n in range(5)])
    of_weeks: dict[str, Any] = {"process": "p", "group_by": ["week", "process"]}
    for asked in (dict[str, Any](), of_weeks):
        with counted_statements(analytics) as statements:
            document = await ask(analytics, tenant, begin="2026-03-02", end="2026-03-06", **asked)
        assert by_id(document["kpis"])["case_throughput_time"]["n"] == 4
        assert not [
            one for one in statements if any(name in one for name in ("rollup_hour", "case_state", "operation "))
        ]


async def test_a_day_that_a_zone_cuts_is_read_by_the_hour(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [operation(tenant, f"c{n}", finished_at=T0 + n * DAY) for n in range(5)])
    asked = {"begin": "2026-03-02", "end": "2026-03-06", "time_zone": "Europe/Madrid", "details": "false"}
    with counted_statements(analytics) as statements:
        document = await ask(analytics, tenant, **asked)
    assert by_id(document["kpis"])["error_rate"]["n"] == 4
    operations = next(one for one in statements if "rollup_day" in one)
    assert operations.count("FROM rollup_hour") == 2
    assert "FROM operation" not in operations


async def test_what_is_taken_away_from_a_day_makes_no_group_of_it(analytics: Harness, tenant: str) -> None:
    """Madrid's day ends at 23:00 UTC: the last hour of a day that is read whole is taken away again."""
    late = T0.replace(hour=23, minute=30) + DAY
    cost = {"amount": "0.10", "currency": "USD"}
    await feed(
        analytics,
        [operation(tenant, "c", "now"), operation(tenant, "c", "late", finished_at=late, team="ap", cost=cost)],
    )
    asked: dict[str, Any] = {"begin": "2026-03-02", "end": "2026-03-04", "group_by": ["activity", "team"]}
    with counted_statements(analytics) as statements:
        document = await ask(analytics, tenant, **asked, time_zone="Europe/Madrid")
    assert any("FROM rollup_day" in one and "-n AS n" in one for one in statements)
    assert [group["group"] for group in document["groups"]] == [{"activity": "now", "team": None}]
    whole = by_id(document["kpis"])
    assert (whole["error_rate"]["n"], whole["cost_per_operation"]["total"]) == (1, None)


async def test_cases_that_left_a_day_make_no_group_of_it(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [operation(tenant, "c", "one")])
    await feed(analytics, [operation(tenant, "c", "two", finished_at=T0 + 2 * DAY)])
    document = await ask(analytics, tenant, group_by=["day"])
    cases = {group["group"]["day"]: by_id(group["kpis"])["case_throughput_time"] for group in document["groups"]}
    assert {day: case["cases"] for day, case in cases.items()} == {"2026-03-02": 0, "2026-03-04": 1}
    assert (cases["2026-03-02"]["median"], cases["2026-03-04"]["percentiles"]) == (None, "rollup")
    late = await ask(analytics, tenant, end="2026-03-03")
    assert by_id(late["kpis"])["first_pass_yield"]["value"] is None


@pytest.mark.parametrize("asked", [{"exact": "true"}, {"activity": "one"}, {"group_by": "team"}, {"group_by": "hour"}])
async def test_cases_are_read_themselves_where_roll_ups_do_not_know(
    analytics: Harness, tenant: str, asked: dict[str, str]
) -> None:
    await feed(analytics, [operation(tenant, "c", "one", minutes=7)])
    case = by_id((await ask(analytics, tenant, **asked))["kpis"])["case_throughput_time"]
    assert (case["percentiles"], case["median"], case["p99"]) == ("exact", 420, 420)
