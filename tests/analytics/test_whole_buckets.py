"""Control charts are of whole days and weeks: what is not over, or is cut by the period, is no point."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.analytics.control_charts.buckets import Asked, Bucket
from shared import clock
from shared.events import Event
from tests.analytics.feeding import T0, answer, feed, operation
from tests.analytics.test_control_charts import DAY, chart, chart_of, days
from tests.fixtures.services import Harness, problem

HOUR, MICROSECOND = timedelta(hours=1), timedelta(microseconds=1)
EARLY, LATE = datetime(2025, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
# Clocks change in all but UTC and Kathmandu: in Santiago and Havana about midnight, on Lord Howe by half an hour.
ZONES = ["UTC", "Europe/Madrid", "America/Santiago", "America/Havana", "Australia/Lord_Howe", "Asia/Kathmandu"]
MADRID = ZoneInfo("Europe/Madrid")

moments = st.datetimes(datetime(2025, 3, 1), datetime(2026, 11, 30), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


def first_day_of(moment: datetime, bucket: Bucket, zone: str) -> str:
    """Return the bucket a moment falls in, by the zone's calendar."""
    day = moment.astimezone(ZoneInfo(zone)).date()
    return (day - timedelta(days=day.weekday() if bucket == "week" else 0)).isoformat()


@given(moments, st.sampled_from(["day", "week"]), st.sampled_from(ZONES))
@example(datetime(2026, 9, 6, 4, 30, tzinfo=UTC), "day", "America/Santiago")
@example(datetime(2025, 11, 2, 4, 30, tzinfo=UTC), "day", "America/Havana")
def test_a_bucket_holds_its_moments_and_no_other(moment: datetime, bucket: Bucket, zone: str) -> None:
    begin, end = Asked(bucket, zone, None, None, LATE).bounds(first_day_of(moment, bucket, zone))
    assert begin <= moment < end
    own = first_day_of(moment, bucket, zone)
    assert first_day_of(begin, bucket, zone) == first_day_of(end - MICROSECOND, bucket, zone) == own
    assert first_day_of(begin - MICROSECOND, bucket, zone) != own != first_day_of(end, bucket, zone)


@given(
    moments, moments, st.sampled_from(["begin", "end", "now"]), st.sampled_from(["day", "week"]), st.sampled_from(ZONES)
)
def test_a_bucket_is_whole_until_a_moment_cuts_it(
    moment: datetime, cut: datetime, name: str, bucket: Bucket, zone: str
) -> None:
    first_day = first_day_of(moment, bucket, zone)
    known: dict[str, Any] = {"begin": EARLY, "end": None, "now": LATE}
    assert Asked(bucket, zone, **known).is_whole(first_day)
    begin, end = Asked(bucket, zone, **known).bounds(first_day)
    for at in (cut, begin, begin + MICROSECOND, end - MICROSECOND, end):
        kept = at <= begin if name == "begin" else at >= end
        assert Asked(bucket, zone, **{**known, name: at}).is_whole(first_day) is kept


def test_a_day_is_as_long_as_the_clocks_make_it() -> None:
    madrid = Asked("day", "Europe/Madrid", None, None, LATE)
    lengths = {
        day: end - begin for day in ("2026-03-28", "2026-03-29", "2026-10-25") for begin, end in [madrid.bounds(day)]
    }
    assert lengths == {"2026-03-28": 24 * HOUR, "2026-03-29": 23 * HOUR, "2026-10-25": 25 * HOUR}


async def test_a_day_that_is_not_over_raises_no_signal(analytics: Harness, tenant: str) -> None:
    await feed(analytics, days(tenant, 31, range(30, 31)))
    today = T0 + 30 * DAY
    midnight = today.replace(hour=0) + DAY
    with clock.frozen(midnight):
        over = await chart(analytics, tenant, "processing_time")
    assert (over["points"][-1]["bucket"], over["left_out"]) == ("2026-04-01", [])
    assert "2026-04-01" in {bucket for signal in over["signals"] for bucket in signal["buckets"]}
    with clock.frozen(midnight - MICROSECOND):
        running = await chart(analytics, tenant, "processing_time")
    assert running["left_out"] == [{"bucket": "2026-04-01", "n": 20, "reason": "incomplete"}]
    assert running["signals"] == []
    with clock.frozen(midnight):
        before = await chart(analytics, tenant, "processing_time", end="2026-04-01")
    same = ("points", "baseline", "signals", "limits", "rules")
    assert {name: running[name] for name in same} == {name: before[name] for name in same}


@pytest.mark.parametrize("kpi", ["processing_time", "error_rate", "case_throughput_time"])
async def test_a_day_that_the_period_cuts_is_no_point(analytics: Harness, tenant: str, kpi: str) -> None:
    await feed(analytics, days(tenant, 40))
    whole = await chart(analytics, tenant, kpi, begin="2026-03-05", end="2026-04-03")
    assert (len(whole["points"]), whole["left_out"]) == (29, [])
    cut = await chart(analytics, tenant, kpi, begin="2026-03-04T08:00:00Z", end="2026-04-03T12:00:00Z")
    assert [(each["bucket"], each["reason"]) for each in cut["left_out"]] == [
        ("2026-03-04", "incomplete"),
        ("2026-04-03", "incomplete"),
    ]
    assert {name: cut[name] for name in ("points", "baseline", "signals")} == {
        name: whole[name] for name in ("points", "baseline", "signals")
    }


async def test_weeks_are_whole_from_monday_to_monday(analytics: Harness, tenant: str) -> None:
    await feed(analytics, days(tenant, 110, range(0)))
    asked: dict[str, Any] = {"bucket": "week", "begin": "2026-03-04", "end": "2026-06-13"}
    weeks = await chart(analytics, tenant, "automation_level", **asked)
    assert {point["n"] for point in weeks["points"]} == {140}
    assert (weeks["points"][0]["bucket"], len(weeks["points"])) == ("2026-03-09", 13)
    assert weeks["left_out"] == [
        {"bucket": "2026-03-02", "n": 100, "reason": "incomplete"},
        {"bucket": "2026-06-08", "n": 100, "reason": "incomplete"},
    ]


def hourly(tenant: str, begin: datetime, end: datetime) -> list[Event]:
    """Return an operation for each hour of the period."""
    hours = int((end - begin) / HOUR)
    return [operation(tenant, f"{n}", minutes=10 + n % 7, finished_at=begin + n * HOUR) for n in range(hours)]


async def test_the_day_on_which_clocks_change_is_over_at_the_zones_midnight(analytics: Harness, tenant: str) -> None:
    begin, end = datetime(2026, 3, 15, tzinfo=MADRID), datetime(2026, 3, 30, tzinfo=MADRID)
    await feed(analytics, hourly(tenant, begin.astimezone(UTC), end.astimezone(UTC)))
    asked: dict[str, Any] = {"begin": "2026-03-15", "time_zone": "Europe/Madrid"}
    with clock.frozen(end - MICROSECOND):
        running = await chart(analytics, tenant, "processing_time", **asked)
    assert running["left_out"] == [{"bucket": "2026-03-29", "n": 23, "reason": "incomplete"}]
    with clock.frozen(end):  # 22:00 UTC
        over = await chart(analytics, tenant, "processing_time", **asked)
        plain = await chart(analytics, tenant, "processing_time", begin="2026-03-15")
    assert (over["points"][-1]["bucket"], over["points"][-1]["n"], over["left_out"]) == ("2026-03-29", 23, [])
    assert [each["bucket"] for each in plain["left_out"]] == ["2026-03-29"]


async def test_what_is_incomplete_does_not_make_twelve(analytics: Harness, tenant: str) -> None:
    await feed(analytics, days(tenant, 12))
    asked: dict[str, Any] = {"end": "2026-03-13T23:59:59Z"}
    refused = problem(await chart_of(analytics, tenant, "error_rate", **asked))
    assert (refused["code"], refused["found"], refused["left_out"]) == ("too-few-buckets", 11, 1)
    assert len((await chart(analytics, tenant, "error_rate", end="2026-03-14"))["points"]) == 12


async def test_a_day_is_incomplete_whatever_it_holds(analytics: Harness, tenant: str) -> None:
    sizes = [*[6] * 13, 3]
    await feed(analytics, [answer(tenant, 4, at=T0 + day * DAY) for day, size in enumerate(sizes) for _ in range(size)])
    with clock.frozen(T0 + 13 * DAY + HOUR):
        document = await chart(analytics, tenant, "internal_satisfaction")
    assert {each["bucket"]: each["reason"] for each in document["left_out"]}["2026-03-15"] == "incomplete"
    assert "2026-03-15" not in {point["bucket"] for point in document["points"]}
