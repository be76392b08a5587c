"""Hours, days, weeks and months of a time zone, on the days that have 23 or 25 hours and where offsets are half hours."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.analytics.indicators.zones import begin_of, whole_hours_since
from services.analytics.operations.fields import EARLIEST, Plausibility
from tests.analytics.explaining import explain, respond
from tests.analytics.feeding import answer, ask, by_id, feed, kpis, operation
from tests.fixtures.services import Harness, problem

HOUR = timedelta(hours=1)


async def feed_hourly(analytics: Harness, tenant: str, begin: datetime, hours: int) -> None:
    """Feed an operation, a case and an answer 45 minutes into every hour."""
    stamps = [begin + n * HOUR + timedelta(minutes=45) for n in range(hours)]
    await feed(analytics, [operation(tenant, f"c{at}", minutes=1 + at.hour, finished_at=at) for at in stamps])
    await feed(analytics, [answer(tenant, 5, at=at) for at in stamps])


async def counts(analytics: Harness, tenant: str, unit: str, zone: str, **asked: Any) -> dict[str, tuple[int, ...]]:
    """Return how many operations, cases and answers each group has."""
    document = await ask(analytics, tenant, group_by=unit, time_zone=zone, **asked)
    assert document["time_zone"] == zone
    found = {}
    for group in document["groups"]:
        each = by_id(group["kpis"])
        names = ("error_rate", "case_throughput_time", "internal_satisfaction")
        found[group["group"][unit]] = tuple(each[name]["n"] for name in names)
        assert each["processing_time"]["percentiles"] == "exact"
        assert each["processing_time"]["n"] == each["error_rate"]["n"]
    return found


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
async def test_a_day_on_which_clocks_change_has_its_hours(
    analytics: Harness, tenant: str, day: str, hours: int
) -> None:
    noon = datetime.fromisoformat(f"{day}T12:00:00Z")
    await feed_hourly(analytics, tenant, noon - 36 * HOUR, 72)
    days = await counts(analytics, tenant, "day", "Europe/Madrid")
    assert days[day] == (hours, hours, hours)
    tomorrow = (noon + timedelta(days=1)).date().isoformat()
    assert days[tomorrow] == (24, 24, 24)
    assert sum(operations for operations, *_ in days.values()) == 72
    asked = {"begin": day, "end": tomorrow, "time_zone": "Europe/Madrid"}
    assert (await kpis(analytics, tenant, **asked))["error_rate"]["n"] == hours
    of_day = await counts(analytics, tenant, "hour", "Europe/Madrid", begin=day, end=tomorrow)
    assert len(of_day) == hours
    assert set(of_day.values()) == {(1, 1, 1)}


async def test_half_hours_are_cut_where_the_zone_cuts_them(analytics: Harness, tenant: str) -> None:
    """In India 18:45 UTC is after midnight, 18:15 is not: the hour from 18:00 on belongs to two days."""
    await feed_hourly(analytics, tenant, datetime(2026, 3, 1, tzinfo=UTC), 48)
    early = datetime(2026, 3, 1, 18, 15, tzinfo=UTC)
    await feed(analytics, [operation(tenant, "early", finished_at=early), answer(tenant, 1, at=early)])
    days = await counts(analytics, tenant, "day", "Asia/Kolkata")
    assert days == {"2026-03-01": (19, 19, 19), "2026-03-02": (24, 24, 24), "2026-03-03": (6, 6, 6)}
    assert await counts(analytics, tenant, "month", "Asia/Kolkata") == {"2026-03-01": (49, 49, 49)}
    hours = await counts(analytics, tenant, "hour", "Asia/Kolkata", begin="2026-03-01", end="2026-03-02")
    assert min(hours) == "2026-03-01T00:30:00Z"
    assert hours["2026-03-01T17:30:00Z"] == (2, 2, 2)
    one = await kpis(analytics, tenant, begin="2026-03-02", end="2026-03-03", time_zone="Asia/Kolkata")
    assert (one["error_rate"]["n"], one["processing_time"]["percentiles"]) == (24, "rollup")


async def test_weeks_and_months_begin_at_the_zones_midnight(analytics: Harness, tenant: str) -> None:
    late = datetime(2026, 5, 31, 22, 30, tzinfo=UTC)  # Monday, 1 June, 0:30 in Madrid
    await feed(analytics, [operation(tenant, "c", finished_at=late), answer(tenant, 5, at=late)])
    for unit, label in (("day", "2026-06-01"), ("week", "2026-06-01"), ("month", "2026-06-01")):
        assert await counts(analytics, tenant, unit, "Europe/Madrid") == {label: (1, 1, 1)}
    utc = await ask(analytics, tenant, group_by="month", time_zone="")
    assert utc["groups"][0]["group"] == {"month": "2026-05-01"}


async def test_groups_of_a_zone_hold_what_facts_say(analytics: Harness, tenant: str) -> None:
    """Local mean time until 1901 is no whole hours off: such operations are cut by the zone as well."""
    old = datetime(1900, 6, 1, 0, 10, tzinfo=UTC)  # 31 May, 23:55:16 in Madrid
    new = datetime(2026, 6, 1, 22, 10, tzinfo=UTC)
    both = [operation(tenant, "c1", finished_at=old), operation(tenant, "c2", finished_at=new)]
    await feed(analytics, both, Plausibility(EARLIEST))
    found = await counts(analytics, tenant, "day", "Europe/Madrid")
    assert found == {"1900-05-31": (1, 1, 0), "2026-06-02": (1, 1, 0)}
    assert list(await counts(analytics, tenant, "day", "Europe/Madrid", end="1900-12-31")) == ["1900-05-31"]
    assert list(await counts(analytics, tenant, "day", "Europe/Madrid", begin="2026-06-02")) == ["2026-06-02"]


async def test_costs_are_those_of_the_utc_day_in_every_zone(analytics: Harness, tenant: str) -> None:
    model = {
        "currency": "EUR",
        "hourly_rates": [
            {"team": None, "valid_from": "2026-01-01", "amount": "60"},
            {"team": None, "valid_from": "2026-03-02", "amount": "120"},
        ],
        "fixed_costs": [],
    }
    async with analytics.client(tenant, "admin") as client:
        stored = await client.put("/analytics/cost-model", json=model, headers={"If-Match": '"0"'})
    assert stored.status_code == 200, stored.text
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    stamps = [midnight - timedelta(minutes=1), midnight + timedelta(minutes=1)]
    await feed(analytics, [operation(tenant, f"c{at}", minutes=1, finished_at=at) for at in stamps])
    for zone in ("UTC", "Europe/Madrid", "Asia/Kolkata"):
        assert (await kpis(analytics, tenant, group_by="day", time_zone=zone))["cost_per_operation"]["total"] == 3


@pytest.mark.parametrize("zone", ["Madrid", "europe/madrid", "localtime", "../etc/passwd", "UTC'; --"])
async def test_what_is_no_time_zone_is_refused(analytics: Harness, tenant: str, zone: str) -> None:
    async with analytics.client(tenant, "viewer") as client:
        refused = await client.get("/analytics/kpis", params={"time_zone": zone, "from": "2026-03-01"})
    assert refused.status_code == 422
    assert problem(refused)["code"] == "invalid-input"


@pytest.mark.parametrize(
    ("zone", "year"),
    [("Europe/Madrid", 1970), ("America/Caracas", 2016), ("Asia/Kolkata", 2100), ("Australia/Lord_Howe", 2100)],
)
def test_since_when_a_zone_is_whole_hours_off(zone: str, year: int) -> None:
    assert abs(whole_hours_since(zone).year - year) <= 1


def test_a_date_begins_when_clocks_skip_its_midnight() -> None:
    day = datetime(2018, 11, 4, tzinfo=UTC).date()
    assert begin_of(day, "America/Sao_Paulo") == datetime(2018, 11, 4, 3, tzinfo=UTC)


async def test_an_explanation_takes_the_dates_of_the_zone_too(analytics: Harness, tenant: str) -> None:
    """October in Madrid has an hour more than the dates of UTC would say; each moment is a microsecond from a bound."""
    october, november = datetime(2026, 9, 30, 22, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC)
    instant = timedelta(microseconds=1)
    moments = [october - instant, october, november - instant, november]
    await feed(analytics, [operation(tenant, f"c{n}", finished_at=at) for n, at in enumerate(moments)])
    asked = {"begin": "2026-10-01", "end": "2026-11-01", "time_zone": "Europe/Madrid"}
    shown = (await kpis(analytics, tenant, **asked))["error_rate"]
    explained = await explain(analytics, tenant, "error_rate", **asked)
    assert [item["case"] for item in explained["operations"]["items"]] == ["c1", "c2"]
    assert (explained["value"], explained["n"], explained["time_zone"]) == (shown["value"], 2, "Europe/Madrid")
    compared = await explain(
        analytics, tenant, "error_rate", **asked, compare_to_from="2026-11-01", compare_to_to="2026-12-01"
    )
    assert compared["comparison"]["n"] == 1
    refused = problem(await respond(analytics, tenant, "error_rate", asked | {"time_zone": "Europe/Atlantis"}))
    assert [error["at"] for error in refused["errors"]] == ["query.time_zone"]


async def test_a_process_is_looked_at_over_the_dates_of_a_zone(analytics: Harness, tenant: str) -> None:
    finished = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)  # 00:30 of the first of April in Madrid
    await feed(analytics, [operation(tenant, "c", activity, finished_at=finished) for activity in ("check", "pay")])
    asked = {"from": "2026-04-01", "to": "2026-05-01"}
    async with analytics.client(tenant, "viewer") as client:
        for what in ("edges", "variants"):
            found = {}
            for zone in ("UTC", "Europe/Madrid"):
                parameters = {**asked, "time_zone": zone}
                answered = await client.get(f"/analytics/processes/p/{what}", params=parameters)
                assert answered.status_code == 200, answered.text
                found[zone] = (len(answered.json()["items"]), answered.json()["period"]["from"])
            assert found == {"UTC": (0, "2026-04-01T00:00:00Z"), "Europe/Madrid": (1, "2026-03-31T22:00:00Z")}
        refused = await client.get("/analytics/processes/p/edges", params={"time_zone": "Madrid"})
    assert problem(refused)["errors"][0]["at"] == "query.time_zone"
