"""GET /analytics/kpis/{kpi}/control-chart."""

import random
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.events import Event
from tests.analytics.feeding import T0, answer, ask, by_id, feed, operation
from tests.analytics.test_kpis import counted_statements
from tests.fixtures.services import Harness, problem

DAY = timedelta(days=1)
SHIFT = ["2026-04-11", "2026-04-12", "2026-04-13"]  # 40 to 42 days after T0


async def chart_of(
    analytics: Harness, tenant: str, kpi: str, language: str = "en", **parameters: Any
) -> httpx.Response:
    names = {"begin": "from", "end": "to"}
    async with analytics.client(tenant, "viewer", **{"Accept-Language": language}) as client:
        return await client.get(
            f"/analytics/kpis/{kpi}/control-chart",
            params={names.get(name, name): value for name, value in parameters.items()},
        )


async def chart(analytics: Harness, tenant: str, kpi: str, **parameters: Any) -> dict[str, Any]:
    answered = await chart_of(analytics, tenant, kpi, **parameters)
    assert answered.status_code == 200, answered.text
    document: dict[str, Any] = answered.json()
    return document


def days(tenant: str, count: int = 60, shifted: range = range(40, 43)) -> list[Event]:
    """Return operations of so many days: twice as long and twice as often wrong on the days of the shift."""
    chance, events = random.Random(3), []
    for day in range(count):
        worse = 2 if day in shifted else 1
        events += [
            operation(
                tenant,
                f"{day}-{n}",
                minutes=chance.gauss(10, 2) * worse,
                finished_at=T0 + day * DAY,
                outcome="error" if chance.random() < 0.2 * worse else "done",
                cost={"amount": f"{worse * chance.gauss(5, 1):.2f}", "currency": "EUR"},
                kind="person" if n % 2 else "automation",
            )
            for n in range(20)
        ]
    return events


@pytest.mark.parametrize(
    ("kpi", "kind"), [("processing_time", "xmr"), ("cost_per_operation", "xmr"), ("error_rate", "p")]
)
async def test_a_shift_of_three_days_is_found(analytics: Harness, tenant: str, kpi: str, kind: str) -> None:
    await feed(analytics, days(tenant))
    document = await chart(analytics, tenant, kpi)
    assert (document["chart"], document["baseline"]["buckets"], len(document["points"])) == (kind, 60, 60)
    by_day = by_id_of_days(await ask(analytics, tenant, group_by="day"), kpi)
    assert {point["bucket"]: (point["value"], point["n"]) for point in document["points"]} == by_day
    found = {bucket for signal in document["signals"] for bucket in signal["buckets"] if signal["side"] == "above"}
    assert found >= set(SHIFT) if kind == "xmr" else found & set(SHIFT)
    outside = [p["bucket"] for p in document["points"] if not p["lower"] <= p["value"] <= p["upper"]]
    assert outside == [b for s in document["signals"] if s["rule"] == "beyond-3-sigma" for b in s["buckets"]]


def by_id_of_days(document: dict[str, Any], kpi: str) -> dict[str, tuple[float, int]]:
    groups = {group["group"]["day"]: by_id(group["kpis"])[kpi] for group in document["groups"]}
    return {day: (found["value"], found["n"]) for day, found in groups.items()}


async def test_a_new_baseline_takes_the_new_level_for_granted(analytics: Harness, tenant: str) -> None:
    await feed(analytics, days(tenant, 50, range(25, 50)))
    loud = await chart(analytics, tenant, "processing_time")
    assert loud["signals"]
    calm = await chart(analytics, tenant, "processing_time", baseline_from="2026-03-27")
    assert (calm["signals"], calm["baseline"]["buckets"], len(calm["points"])) == ([], 25, 50)
    assert {point["upper"] is None for point in calm["points"][:25]} == {True}
    assert all(point["upper"] and point["sigmas"] is not None for point in calm["points"][25:])
    only = await chart(analytics, tenant, "processing_time", rules=["six-trending"])
    assert {signal["rule"] for signal in only["signals"]} <= {"six-trending"}
    assert [each["rule"] for each in only["rules"]] == ["six-trending"]


async def test_weeks_and_filters_make_the_series(analytics: Harness, tenant: str) -> None:
    await feed(analytics, days(tenant, 90, range(0)))
    weeks = await chart(analytics, tenant, "automation_level", bucket="week")
    assert [point["n"] for point in weeks["points"]] == [140] * 12 + [120]
    assert weeks["points"][1]["bucket"] == "2026-03-09"
    people = await chart(
        analytics, tenant, "processing_time", actor_kind="person", begin="2026-03-10", end="2026-04-10"
    )
    assert {point["n"] for point in people["points"]} == {10}
    assert (people["points"][0]["bucket"], people["baseline"]["buckets"]) == ("2026-03-10", 31)
    assert people["filters"]["actor_kind"] == "person"
    cases = await chart(analytics, tenant, "case_throughput_time")
    assert (cases["chart"], cases["unit"], len(cases["points"])) == ("xmr", "s", 90)


async def test_satisfaction_is_drawn_from_buckets_that_hide_everyone(analytics: Harness, tenant: str) -> None:
    chance, events = random.Random(5), []
    for day in range(16):
        size = 4 if day in {3, 7} else 8
        events += [answer(tenant, chance.randint(2, 5), at=T0 + day * DAY) for _ in range(size)]
    await feed(analytics, events)
    document = await chart(analytics, tenant, "internal_satisfaction")
    assert len(document["points"]) == 14
    assert document["left_out"] == [
        {"bucket": day, "n": 4, "reason": "too-few-answers"} for day in ("2026-03-05", "2026-03-09")
    ]
    none = await chart_of(analytics, tenant, "internal_satisfaction", activity="check")
    assert problem(none)["code"] == "too-few-buckets"


async def test_one_hidden_day_is_not_the_difference_to_the_whole(analytics: Harness, tenant: str) -> None:
    sizes = [3, *[6] * 13]
    await feed(analytics, [answer(tenant, 4, at=T0 + day * DAY) for day, size in enumerate(sizes) for _ in range(size)])
    hidden = (await chart(analytics, tenant, "internal_satisfaction"))["left_out"]
    assert sorted(each["n"] for each in hidden) == [3, 6]


async def test_eleven_buckets_are_too_few(analytics: Harness, tenant: str, other_tenant: str) -> None:
    await feed(analytics, [*days(tenant, 12), *days(other_tenant, 30)])
    refused = problem(await chart_of(analytics, tenant, "error_rate", end="2026-03-13"))
    assert (refused["code"], refused["found"], refused["needed"]) == ("too-few-buckets", 11, 12)
    spanish = problem(await chart_of(analytics, tenant, "error_rate", baseline_from="2026-03-03", language="es"))
    assert "necesita 12 tramos" in spanish["detail"]
    assert len((await chart(analytics, tenant, "error_rate"))["points"]) == 12
    unmeasured = [operation(tenant, minutes=None, finished_at=T0 - (n + 1) * DAY) for n in range(9)]
    await feed(analytics, unmeasured)
    document = await chart(analytics, tenant, "processing_time")
    assert [each["reason"] for each in document["left_out"]] == ["nothing-measured"] * 9


async def test_costs_are_charted_in_one_currency(analytics: Harness, tenant: str) -> None:
    dollars = [operation(tenant, cost={"amount": "3", "currency": "USD"}, finished_at=T0 + n * DAY) for n in range(15)]
    await feed(analytics, [*days(tenant, 15), *dollars])
    refused = problem(await chart_of(analytics, tenant, "cost_per_operation"))
    assert (refused["code"], refused["currencies"]) == ("several-currencies", "EUR, USD")
    chosen = await chart(analytics, tenant, "cost_per_operation", currency="USD")
    assert (chosen["unit"], {point["value"] for point in chosen["points"]}) == ("USD", {3})
    assert chosen["signals"] == []


@pytest.mark.parametrize(
    ("kpi", "parameters", "code"),
    [
        ("happiness", {}, "invalid-input"),
        ("error_rate", {"bucket": "hour"}, "invalid-input"),
        ("error_rate", {"rules": "seven"}, "invalid-input"),
        ("error_rate", {"baseline_from": "soon"}, "invalid-input"),
        ("error_rate", {"group_by": "day"}, "invalid-input"),
        ("error_rate", {"begin": "2026-03-02", "end": "2026-03-01"}, "bad-period"),
    ],
)
async def test_what_cannot_be_charted_is_refused(
    analytics: Harness, tenant: str, kpi: str, parameters: dict[str, str], code: str
) -> None:
    assert problem(await chart_of(analytics, tenant, kpi, **parameters))["code"] == code


@pytest.mark.parametrize("kpi", ["processing_time", "error_rate", "case_rework_rate"])
async def test_a_chart_is_one_statement(analytics: Harness, tenant: str, kpi: str) -> None:
    await feed(analytics, days(tenant, 20))
    with counted_statements(analytics) as statements:
        await chart(analytics, tenant, kpi)
    assert len(statements) == 2, statements  # the tenant, the series


async def test_days_and_the_baseline_are_those_of_the_zone(analytics: Harness, tenant: str) -> None:
    late = T0.replace(hour=23, minute=30)  # the next day in Madrid, from the 3rd of March on
    await feed(
        analytics, [operation(tenant, f"{n}", minutes=10 + n % 3, finished_at=late + n * DAY) for n in range(40)]
    )
    asked: dict[str, Any] = {"begin": "2026-03-05", "end": "2026-04-10", "baseline_from": "2026-03-20"}
    got = await chart(analytics, tenant, "processing_time", time_zone="Europe/Madrid", **asked)
    assert got["time_zone"] == "Europe/Madrid"
    assert got["period"] == {"from": "2026-03-04T23:00:00Z", "to": "2026-04-09T22:00:00Z"}
    assert got["baseline"]["from"] == "2026-03-19T23:00:00Z"
    buckets = [point["bucket"] for point in got["points"]]
    assert (buckets[0], buckets[-1], len(buckets)) == ("2026-03-05", "2026-04-09", 36)
    assert next(point["bucket"] for point in got["points"] if point["lower"] is not None) == "2026-03-20"
    plain = await chart(analytics, tenant, "processing_time", **asked)
    assert plain["time_zone"] == "UTC"
    assert plain["points"][0]["bucket"] == "2026-03-05"
    assert plain["points"][0]["value"] != got["points"][0]["value"]
    refused = problem(await chart_of(analytics, tenant, "error_rate", time_zone="Mars"))
    assert refused["errors"][0]["type"] == "time_zone"
