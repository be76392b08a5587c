"""Indicators in working time, against the calendar's days added up by hand, to the microsecond."""

import csv
import random
from datetime import UTC, datetime, timedelta
from statistics import fmean, quantiles
from typing import Any

import msgspec
import pytest

from services.analytics.operations.fields import EARLIEST, Plausibility
from shared.events import Event
from tests.analytics.explaining import digest_of, explain, explain_all, listed, recompute, respond
from tests.analytics.feeding import MINUTE, ask, by_id, feed, kpis, observation, operation
from tests.analytics.working import MADRID, days_of, put_calendar, worked
from tests.fixtures.services import Harness, problem

FRIDAY = datetime(2026, 3, 27, 15, 30, tzinfo=UTC)  # 16:30 in Madrid; clocks change on Sunday
MONDAY = datetime(2026, 3, 30, 7, 20, tzinfo=UTC)  # 09:20 in Madrid
BEGIN, END = "2026-03-01", "2026-07-01"


def scattered(tenant: str, count: int, chance: random.Random) -> list[Event]:
    """Return operations about a change of clocks, some without request or start, in cases of three."""
    events = []
    for n in range(count):
        finished = FRIDAY + timedelta(microseconds=chance.randrange(40 * 86_400_000_000))
        started = finished - timedelta(microseconds=chance.randrange(9_000_000_000)) if n % 5 else None
        requested = (started or finished) - timedelta(microseconds=chance.randrange(10 * 86_400_000_000))
        stamps: dict[str, Any] = {"started_at": started} if started else {}
        stamps |= {"requested_at": requested} if n % 7 else {}
        events.append(
            operation(
                tenant,
                f"c{n // 3}",
                f"a{n % 2}",
                minutes=None,
                finished_at=finished,
                team="ap" if n % 4 else None,
                **stamps,
                estimated=n % 11 == 1 and started is not None,
            )
        )
    return events


def works_of(events: list[Event]) -> list[dict[str, Any]]:
    works = [msgspec.json.decode(event.data)["work"] for event in events]
    for work in works:
        for name in ("requested_at", "started_at", "finished_at"):
            work[name] = datetime.fromisoformat(work[name]) if work.get(name) else None
        if work["estimated"]:
            work["started_at"] = None
    return works


def durations(works: list[dict[str, Any]], days: list[dict[str, Any]]) -> tuple[list[float], list[float]]:
    """Return waits and lead times of operations, in working seconds."""
    asked = [work for work in works if work["requested_at"]]
    waits = [worked(days, work["requested_at"], work["started_at"]) for work in asked if work["started_at"]]
    return waits, [worked(days, work["requested_at"], work["finished_at"]) for work in asked]


def case_times(works: list[dict[str, Any]], days: list[dict[str, Any]]) -> list[float]:
    stamps: dict[str, list[datetime]] = {}
    for work in works:
        # An assumed start is a moment of the case, too, but never the first or last here.
        known = [work[name] for name in ("requested_at", "started_at", "finished_at") if work[name]]
        stamps.setdefault(work["case"], []).extend(known)
    return [worked(days, min(each), max(each)) for each in stamps.values()]


def assert_figures(got: dict[str, Any], expected: list[float], mean: str = "mean") -> None:
    assert got["n"] == len(expected)
    assert got[mean] == pytest.approx(fmean(expected), rel=1e-12)
    cut = quantiles(expected, n=100, method="inclusive")
    for name, place in (("median", 50), ("p90", 90), ("p95", 95), ("p99", 99)):
        assert got[name] == pytest.approx(cut[place - 1], rel=1e-9, abs=1e-6), name
    assert got["max"] == pytest.approx(max(expected), rel=1e-12)


async def test_waiting_over_a_weekend_does_not_count(analytics: Harness, tenant: str) -> None:
    await put_calendar(analytics, tenant)
    work = operation(tenant, minutes=10, requested_at=FRIDAY, finished_at=MONDAY + 10 * MINUTE)
    await feed(analytics, [work])
    got = await kpis(analytics, tenant, calendar="office")
    touch, case = got["processing_time"], got["case_throughput_time"]
    assert touch["wait"]["mean"] == touch["wait_mean"] == touch["wait"]["p99"] == (90 + 20) * 60
    assert touch["lead"]["mean"] == touch["lead"]["max"] == (90 + 30) * 60
    assert touch["value"] == touch["median"] == 600  # as measured
    assert case["value"] == case["median"] == case["max"] == (90 + 30) * 60
    assert (touch["percentiles"], case["percentiles"]) == ("exact", "exact")


async def test_work_at_night_is_work(analytics: Harness, tenant: str) -> None:
    await put_calendar(analytics, tenant)
    night = datetime(2026, 3, 28, 2, tzinfo=UTC)
    await feed(analytics, [operation(tenant, minutes=30, finished_at=night, requested_at=night - 60 * MINUTE)])
    touch = (await kpis(analytics, tenant, calendar="office"))["processing_time"]
    assert (touch["value"], touch["max"], touch["total"]) == (1800, 1800, 1800)
    assert (touch["wait"]["n"], touch["wait"]["mean"], touch["lead"]["mean"], touch["lead"]["max"]) == (1, 0, 0, 0)


async def test_every_figure_is_that_of_the_days_added_up_by_hand(analytics: Harness, tenant: str) -> None:
    await put_calendar(analytics, tenant)
    events = scattered(tenant, 120, random.Random(3))
    await feed(analytics, events)
    works, days = works_of(events), await days_of(analytics, tenant, BEGIN, END)
    got = await kpis(analytics, tenant, calendar="office")
    waits, leads = durations(works, days)
    assert_figures(got["processing_time"]["wait"], waits)
    assert_figures(got["processing_time"]["lead"], leads)
    assert_figures(got["case_throughput_time"], case_times(works, days), "value")
    plain = await kpis(analytics, tenant, exact="true")
    for name in ("value", "n", "median", "p99", "max", "total", "unknown", "estimated", "band"):
        assert got["processing_time"][name] == plain["processing_time"][name]
    for kpi in plain.keys() - {"processing_time", "case_throughput_time"}:
        assert got[kpi] == plain[kpi]


async def test_groups_filters_zone_and_period_go_together_with_a_calendar(analytics: Harness, tenant: str) -> None:
    await put_calendar(analytics, tenant)
    events = scattered(tenant, 120, random.Random(4))
    await feed(analytics, events)
    days = await days_of(analytics, tenant, BEGIN, END)
    asked: dict[str, Any] = {
        "calendar": "office",
        "activity": "a1",
        "begin": "2026-03-29",
        "end": "2026-04-20",
        "time_zone": "Asia/Kolkata",
        "group_by": ["team", "week"],
    }
    document = await ask(analytics, tenant, **asked)
    begin, end = (datetime.fromisoformat(f"{day}T00:00+05:30") for day in ("2026-03-29", "2026-04-20"))
    works = [work for work in works_of(events) if work["activity"] == "a1" and begin <= work["finished_at"] < end]
    waits, leads = durations(works, days)
    assert_figures(by_id(document["kpis"])["processing_time"]["wait"], waits)
    assert_figures(by_id(document["kpis"])["processing_time"]["lead"], leads)
    counted = 0
    for group in document["groups"]:
        team, week = group["group"]["team"] or "", group["group"]["week"]
        first = datetime.fromisoformat(f"{week}T00:00+05:30")
        mine = [
            work
            for work in works
            if (work["actor"]["team"] or "") == team and first <= work["finished_at"] < first + timedelta(weeks=1)
        ]
        waits, leads = durations(mine, days)
        for got, expected in zip(
            (by_id(group["kpis"])["processing_time"][name] for name in ("wait", "lead")), (waits, leads), strict=True
        ):
            assert got["n"] == len(expected)
            assert got["mean"] == (pytest.approx(fmean(expected), rel=1e-12) if expected else None)
            assert got["max"] == (pytest.approx(max(expected), rel=1e-12) if expected else None)
        counted += len(leads)
    assert counted == by_id(document["kpis"])["processing_time"]["lead"]["n"]


@pytest.mark.parametrize("details", ["true", "false"])
async def test_means_are_the_same_with_and_without_details(analytics: Harness, tenant: str, details: str) -> None:
    await put_calendar(analytics, tenant)
    await feed(analytics, scattered(tenant, 30, random.Random(5)))
    got = await kpis(analytics, tenant, calendar="office", details=details)
    true = await kpis(analytics, tenant, calendar="office", exact="true")
    for name in ("wait", "lead"):
        assert got["processing_time"][name]["mean"] == true["processing_time"][name]["mean"]
        assert (got["processing_time"][name]["median"] is None) == (details == "false")
    assert got["case_throughput_time"]["value"] == true["case_throughput_time"]["value"]
    assert got["processing_time"]["percentiles"] == ("exact" if details == "true" else None)
    assert (got["case_throughput_time"]["variants"], true["case_throughput_time"]["variants"] is None) == (None, False)


async def test_the_definition_names_the_calendar_and_its_version(analytics: Harness, tenant: str) -> None:
    await put_calendar(analytics, tenant)
    await feed(analytics, [operation(tenant, requested_at=FRIDAY, finished_at=MONDAY)])
    first = await ask(analytics, tenant, calendar="office")
    assert first["calendar"] == {"name": "office", "version": 1, "time_zone": "Europe/Madrid"}
    case = by_id(first["kpis"])["case_throughput_time"]
    assert case["definition"]["id"] == "trastienda.case-throughput.first-to-last@office.v1"
    assert "calendar office, version 1 (Europe/Madrid)" in case["definition"]["text"]
    touch = by_id(first["kpis"])["processing_time"]["definition"]
    assert touch["id"] == "trastienda.processing-time.touch-mean@office.v1"
    assert "calendar office, version 1 (Europe/Madrid)" in touch["text"]
    assert by_id(first["kpis"])["error_rate"]["definition"]["id"] == "trastienda.error-rate.operations"
    weekends = MADRID["weekly_hours"] | {"saturday": [{"from": "00:00", "to": "24:00"}]}
    await put_calendar(analytics, tenant, MADRID | {"weekly_hours": weekends}, seen='"1"')
    second = by_id((await ask(analytics, tenant, calendar="office"))["kpis"])["case_throughput_time"]
    assert second["definition"]["id"] == "trastienda.case-throughput.first-to-last@office.v2"
    assert second["value"] == case["value"] + 86_400
    plain = await ask(analytics, tenant)
    assert plain["calendar"] is None
    assert (
        by_id(plain["kpis"])["case_throughput_time"]["definition"]["id"] == "trastienda.case-throughput.first-to-last"
    )


async def test_no_scale_by_the_clock_grades_working_time(analytics: Harness, tenant: str) -> None:
    await put_calendar(analytics, tenant)
    await feed(analytics, [operation(tenant, f"c{n}", minutes=60, finished_at=MONDAY + 60 * MINUTE) for n in range(6)])
    assert (await kpis(analytics, tenant))["case_throughput_time"]["band"] == "excellent"
    for language, word in (("en", "by the clock"), ("es", "reloj")):
        async with analytics.client(tenant, "viewer", **{"Accept-Language": language}) as client:
            answered = (await client.get("/analytics/kpis", params={"calendar": "office"})).json()
        case = by_id(answered["kpis"])["case_throughput_time"]
        assert (case["band"], case["band_source"]) == ("insufficient-data", None)
        assert word in case["advice"]
        assert word in case["definition"]["text"]
        assert by_id(answered["kpis"])["processing_time"]["band"] == "poor"
    told = await explain(analytics, tenant, "case_throughput_time", calendar="office")
    assert told["band"] == {"band": "insufficient-data", "why": "working-time", "limit": None, "scale": None}


@pytest.mark.parametrize("gone", [False, True])
async def test_a_calendar_that_is_not_there_is_refused(
    analytics: Harness, tenant: str, other_tenant: str, *, gone: bool
) -> None:
    await put_calendar(analytics, other_tenant)
    if gone:
        await put_calendar(analytics, tenant)
        async with analytics.client(tenant, "admin") as client:
            await client.delete("/analytics/calendars/office", headers={"If-Match": '"1"'})
    async with analytics.client(tenant, "viewer") as client:
        refused = problem(await client.get("/analytics/kpis", params={"calendar": "office"}))
    assert (refused["code"], refused["calendar"]) == ("unknown-calendar", "office")
    assert problem(await respond(analytics, tenant, "case_throughput_time", {"calendar": "office"}))["code"] == (
        "unknown-calendar"
    )
    async with analytics.client(tenant, "viewer") as client:
        assert problem(await client.get("/analytics/kpis", params={"calendar": "No Name"}))["code"] == "invalid-input"
        assert (await client.get("/analytics/kpis", params={"calendar": ""})).json()["calendar"] is None


async def test_another_tenants_calendar_of_the_same_name_measures_nothing_here(
    analytics: Harness, tenant: str, other_tenant: str
) -> None:
    always = {
        "time_zone": "UTC",
        "weekly_hours": {
            day: [{"from": "00:00", "to": "24:00"}]
            for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
        },
    }
    await put_calendar(analytics, tenant)
    await put_calendar(analytics, other_tenant, always)
    for each in (tenant, other_tenant):
        await feed(analytics, [operation(each, requested_at=FRIDAY, finished_at=MONDAY, minutes=0)])
    mine = (await kpis(analytics, tenant, calendar="office"))["processing_time"]["wait"]["mean"]
    theirs = (await kpis(analytics, other_tenant, calendar="office"))["processing_time"]["wait"]["mean"]
    assert (mine, theirs) == (110 * 60, (MONDAY - FRIDAY).total_seconds())


async def test_old_and_future_stamps_are_measured_too(analytics: Harness, tenant: str) -> None:
    await put_calendar(analytics, tenant, MADRID | {"holidays": None})
    first, last = datetime(1948, 1, 5, 10, tzinfo=UTC), datetime(2026, 3, 2, 10, tzinfo=UTC)
    both = [observation(tenant, "c1", first), operation(tenant, "c1", finished_at=last)]
    await feed(analytics, both, Plausibility(EARLIEST))
    case = (await kpis(analytics, tenant, calendar="office"))["case_throughput_time"]
    weeks = (last - first).days // 7  # both are Mondays, at 11:00 (in 1948 and 2026 an hour from UTC in Madrid)
    assert case["value"] == weeks * 40 * 3600


async def test_without_any_data_there_is_no_value(analytics: Harness, tenant: str) -> None:
    await put_calendar(analytics, tenant)
    got = await kpis(analytics, tenant, calendar="office", process="nothing")
    assert (got["case_throughput_time"]["value"], got["case_throughput_time"]["n"]) == (None, 0)
    assert (got["processing_time"]["wait"]["n"], got["processing_time"]["wait"]["mean"]) == (0, None)


async def test_a_table_names_the_calendar(analytics: Harness, tenant: str) -> None:
    await put_calendar(analytics, tenant)
    await feed(analytics, [operation(tenant, requested_at=FRIDAY, finished_at=MONDAY, minutes=0)])
    async with analytics.client(tenant, "viewer") as client:
        answered = await client.get("/analytics/kpis", params={"calendar": "office", "format": "csv"})
    rows = {row["id"]: row for row in csv.DictReader(answered.text.splitlines())}
    assert rows["processing_time"]["wait_mean"] == "6600.0"
    assert "@office.v1" in rows["case_throughput_time"]["definition"]


async def test_an_explanation_adds_up_to_the_last_digit(analytics: Harness, tenant: str) -> None:
    await put_calendar(analytics, tenant)
    events = scattered(tenant, 60, random.Random(6))
    await feed(analytics, events)
    asked: dict[str, Any] = {"calendar": "office", "begin": "2026-03-30", "end": "2026-05-01"}
    document, items = await explain_all(analytics, tenant, "case_throughput_time", 7, **asked)
    value = (await kpis(analytics, tenant, **asked))["case_throughput_time"]["value"]
    assert recompute(document, items) == document["value"] == value
    assert document["definition"]["id"] == "trastienda.case-throughput.first-to-last@office.v1"
    assert document["digest"]["value"] == digest_of(items)
    days = await days_of(analytics, tenant, BEGIN, END)
    for item in items:
        begin, end = (datetime.fromisoformat(item[name]) for name in ("first_at", "last_at"))
        assert int(item["contributes"]["duration_us"]) == pytest.approx(worked(days, begin, end) * 1e6, abs=1)
    cursor = listed(document)["next_cursor"]
    await put_calendar(analytics, tenant, seen='"1"')
    again = await respond(analytics, tenant, "case_throughput_time", asked | {"cursor": cursor})
    assert problem(again)["code"] == "invalid-cursor"


async def test_a_comparison_is_in_working_time_too(analytics: Harness, tenant: str) -> None:
    await put_calendar(analytics, tenant)
    await feed(analytics, scattered(tenant, 90, random.Random(8)))
    periods: list[dict[str, Any]] = [
        {"begin": "2026-04-15", "end": "2026-05-10"},
        {"begin": "2026-03-20", "end": "2026-04-15"},
    ]
    now, before = [
        (await kpis(analytics, tenant, calendar="office", **period))["case_throughput_time"]["value"]
        for period in periods
    ]
    asked = periods[0] | {"compare_to_from": "2026-03-20", "compare_to_to": "2026-04-15", "by": "team"}
    told = (await explain(analytics, tenant, "case_throughput_time", calendar="office", **asked))["comparison"]
    assert told["value"] == before
    assert float(told["difference"]) == pytest.approx(now - before, abs=1e-9)
    assert sum(float(part["total"]) for part in told["parts"]) == pytest.approx(now - before, abs=1e-9)


async def test_an_indicator_without_such_times_takes_no_calendar(analytics: Harness, tenant: str) -> None:
    await put_calendar(analytics, tenant)
    for kpi in ("processing_time", "error_rate", "case_rework_rate"):
        refused = problem(await respond(analytics, tenant, kpi, {"calendar": "office"}))
        assert (refused["code"], refused["kpi"]) == ("calendar-misplaced", kpi)


async def test_the_past_is_answered_in_working_time_too(analytics: Harness, tenant: str) -> None:
    await put_calendar(analytics, tenant)
    known = operation(tenant, "c1", minutes=10, requested_at=FRIDAY, finished_at=MONDAY)
    late = operation(tenant, "c1", "late", minutes=5, requested_at=FRIDAY - timedelta(weeks=1), finished_at=FRIDAY)
    await feed(analytics, [msgspec.structs.replace(known, time=MONDAY)])
    then = await kpis(analytics, tenant, calendar="office", exact="true")
    await feed(analytics, [msgspec.structs.replace(late, time=MONDAY + 60 * MINUTE)])
    now = await kpis(analytics, tenant, calendar="office", exact="true")
    assert now["case_throughput_time"]["value"] == then["case_throughput_time"]["value"] + 40 * 3600
    as_of = (MONDAY + 30 * MINUTE).isoformat()
    assert await kpis(analytics, tenant, calendar="office", exact="true", as_of=as_of) == then
    told = await explain(analytics, tenant, "case_throughput_time", calendar="office", as_of=as_of)
    assert told["value"] == recompute(told, told["cases"]["items"]) == then["case_throughput_time"]["value"]
