"""GET /analytics/forecasts, over HTTP."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.analytics.calendars.holidays import read_holidays
from shared.clock import frozen
from shared.errors import Language
from shared.events import Event
from tests.analytics.feeding import feed, operation
from tests.analytics.working import MADRID, put_calendar
from tests.fixtures.services import Harness, problem

MONDAY = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)
WEEKDAYS = (4, 3, 2, 2, 1, 0, 0)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def long_after() -> Iterator[None]:
    """Let every day that is asked for lie in the past, unless a test says otherwise."""
    with frozen(datetime(2027, 1, 4, 12, tzinfo=UTC)):
        yield


def arriving(tenant: str, weeks: int = 4, **more: Any) -> list[Event]:
    """Return operations of 30 minutes that arrive and end within each day."""
    return [
        operation(tenant, f"{day}-{each}", minutes=30, finished_at=MONDAY + day * DAY + timedelta(minutes=each), **more)
        for day in range(7 * weeks)
        for each in range(WEEKDAYS[day % 7])
    ]


async def ask(analytics: Harness, tenant: str, role: str = "viewer", **parameters: Any) -> httpx.Response:
    names = {"begin": "from"}
    async with analytics.client(tenant, role, **{"Accept-Language": "en"}) as client:
        return await client.get(
            "/analytics/forecasts", params={names.get(name, name): value for name, value in parameters.items()}
        )


async def forecast(analytics: Harness, tenant: str, **parameters: Any) -> dict[str, Any]:
    answered = await ask(analytics, tenant, **parameters)
    assert answered.status_code == 200, answered.text
    document: dict[str, Any] = answered.json()
    return document


async def test_a_week_is_forecast_with_its_work_its_people_and_its_errors(analytics: Harness, tenant: str) -> None:
    await feed(analytics, arriving(tenant))
    got = await forecast(
        analytics, tenant, process="p", begin="2026-03-02", days=8, hours_per_person=4, utilisation=0.5
    )
    assert [day["arrivals"]["expected"] for day in got["days"]] == [*WEEKDAYS, 4]
    assert [day["day"] for day in got["days"]][::7] == ["2026-03-02", "2026-03-09"]
    first = got["days"][0]
    assert first["arrivals"] == {"expected": 4, "low": 4, "high": 4}
    assert first["workload"] == {"expected": 7200, "low": 7200, "high": 7200}
    assert first["staffing"] == {"hours": 2, "people": 1, "heads": 1}
    assert (first["basis"], first["n"], first["holiday"], first["weeks_ahead"]) == ("weekday", 4, None, 1)
    assert got["definition"]["id"] == "trastienda.forecast.weekday-mean"
    assert got["history"] == {
        "from": "2026-02-02",
        "to": "2026-03-01",
        "last_arrival": "2026-02-27",
        "days": 28,
        "arrivals": 48,
        "holidays": 0,
        "holiday_ratio": None,
    }
    assert got["touch"] == {
        "mean": 1800,
        "person_mean": 1800,
        "automation_mean": None,
        "person_share": 1,
        "n": 48,
        "unknown": 0,
    }
    one, two = got["backtest"]["arrivals"]
    assert (one["weeks_ahead"], one["n"], one["mae"], one["seasonal_naive_mae"]) == (1, 14, 0, 0)
    assert (one["coverage"], one["coverage_n"]) == (None, 0)
    assert (two["weeks_ahead"], two["n"]) == (2, 7)
    assert [each["mae"] for each in got["backtest"]["workload"]] == [0, 0]


async def test_every_input_is_echoed_with_its_default(analytics: Harness, tenant: str) -> None:
    await feed(analytics, arriving(tenant))
    with frozen(datetime(2026, 3, 2, 12, tzinfo=UTC)):
        got = await forecast(analytics, tenant, process="", country="")
    assert got["inputs"] == {
        "process": None,
        "activity": None,
        "team": None,
        "actor_kind": None,
        "from": "2026-03-02",
        "days": 14,
        "weeks": 4,
        "time_zone": "UTC",
        "country": None,
        "region": None,
        "calendar": None,
        "settling_days": 0,
        "settling_source": "measured",
        "hours_per_person": 7.5,
        "utilisation": 0.85,
    }
    assert len(got["days"]) == 14


async def test_an_operation_arrives_when_it_was_requested_else_started_else_finished(
    analytics: Harness, tenant: str
) -> None:
    night = datetime(2026, 2, 3, 0, 10, tzinfo=UTC)  # 20 minutes earlier it was Monday
    await feed(
        analytics,
        [
            *arriving(tenant),
            operation(tenant, "asked", finished_at=night + DAY, requested_at=night - timedelta(minutes=20)),
            operation(tenant, "started", finished_at=night, minutes=20),
            operation(tenant, "finished", finished_at=night, minutes=None),
        ],
    )
    got = await forecast(analytics, tenant, begin="2026-03-02", days=2, settling_days=0)
    assert [day["arrivals"]["expected"] for day in got["days"]] == [4 + 2 / 4, 3 + 1 / 4]
    assert got["touch"]["unknown"] == 1


async def test_days_whose_operations_are_still_open_are_left_out(analytics: Harness, tenant: str) -> None:
    await feed(
        analytics,
        [
            operation(tenant, f"{day}", finished_at=MONDAY + (day + 5) * DAY, requested_at=MONDAY + day * DAY)
            for day in range(35)
        ],
    )
    got = await forecast(analytics, tenant, begin="2026-03-09", days=3)
    assert (got["inputs"]["settling_days"], got["history"]["to"]) == (5, "2026-03-03")
    assert [day["arrivals"]["expected"] for day in got["days"]] == [1, 1, 1]
    assert [day["weeks_ahead"] for day in got["days"]] == [1, 1, 2]
    hasty = await forecast(analytics, tenant, begin="2026-03-09", days=1, settling_days=0)
    assert hasty["days"][0]["arrivals"]["expected"] == 1
    assert hasty["history"]["arrivals"] == 30  # what was not finished then was not known then


async def test_days_that_have_not_happened_are_no_days_without_arrivals(analytics: Harness, tenant: str) -> None:
    await feed(analytics, arriving(tenant))
    with frozen(datetime(2026, 3, 2, 12, tzinfo=UTC)):
        got = await forecast(analytics, tenant, begin="2026-03-16", days=8)
        far = await forecast(analytics, tenant, begin="2199-12-31", days=1, country="ES")
    assert (got["history"]["to"], got["history"]["days"]) == ("2026-03-01", 28)
    assert [day["arrivals"]["expected"] for day in got["days"]] == [*WEEKDAYS, 4]
    assert [day["weeks_ahead"] for day in got["days"]] == [*[3] * 7, 4]
    assert [each["weeks_ahead"] for each in got["backtest"]["arrivals"]] == [3, 4]
    assert (far["days"][0]["arrivals"]["expected"], far["history"]["to"]) == (3, "2026-03-01")


async def test_holidays_of_the_country_and_region_are_forecast_apart(analytics: Harness, tenant: str) -> None:
    await feed(analytics, arriving(tenant, weeks=14))  # 2 February to 10 May
    spain = await forecast(analytics, tenant, begin="2026-05-11", days=6, country="ES")
    madrid = await forecast(analytics, tenant, begin="2026-05-11", days=6, country="ES", region="MD")
    assert spain["history"]["holidays"] == 2  # Good Friday and 1 May
    assert madrid["history"]["holidays"] > 2
    assert (spain["history"]["holiday_ratio"], madrid["history"]["holiday_ratio"]) == (1, 1)
    (christmas,) = (await forecast(analytics, tenant, begin="2026-12-25", days=1, country="ES"))["days"]
    assert (christmas["holiday"], christmas["basis"]) == ("Christmas Day", "holiday")
    async with analytics.client(tenant, "viewer", **{"Accept-Language": "es"}) as client:
        spanish = await client.get("/analytics/forecasts", params={"from": "2026-12-25", "days": 1, "country": "ES"})
    assert spanish.json()["days"][0]["holiday"] == "Natividad del Señor"


@pytest.mark.parametrize(
    ("country", "language", "name"),
    [("FR", "es", "Noël"), ("PT", "es", "Dia de Natal"), ("FR", "en", "Christmas Day"), ("MX", "es", "Navidad")],
)
def test_holidays_are_named_in_the_callers_language_else_in_the_countrys_own(
    country: str, language: Language, name: str
) -> None:
    christmas = date(2026, 12, 25)
    assert read_holidays(country, None, christmas, christmas, language) == {christmas: name}


async def test_without_touch_times_there_is_no_workload_and_no_zero(analytics: Harness, tenant: str) -> None:
    events = [operation(tenant, f"{day}", minutes=None, finished_at=MONDAY + day * DAY) for day in range(28)]
    await feed(analytics, events)
    got = await forecast(analytics, tenant, begin="2026-03-02", days=1)
    assert (got["days"][0]["workload"], got["days"][0]["staffing"]) == (None, None)
    assert got["backtest"]["workload"] == []
    assert (got["touch"]["mean"], got["touch"]["person_mean"], got["touch"]["automation_mean"]) == (None, None, None)
    assert (got["touch"]["person_share"], got["touch"]["n"], got["touch"]["unknown"]) == (1, 0, 28)


async def test_operations_that_take_no_time_are_no_work(analytics: Harness, tenant: str) -> None:
    """Systems that stamp begin and end at once are many; one day they may learn to tell the two apart."""
    events = [operation(tenant, f"{day}", minutes=0, finished_at=MONDAY + day * DAY) for day in range(28)]
    await feed(analytics, events)
    got = await forecast(analytics, tenant, begin="2026-03-02", days=1)
    assert got["days"][0]["workload"] == {"expected": 0, "low": 0, "high": 0}
    assert got["days"][0]["staffing"] == {"hours": 0, "people": 0, "heads": 0}
    assert got["backtest"]["workload"][0]["mae"] == 0
    later = [operation(tenant, f"{day}", minutes=30, finished_at=MONDAY + day * DAY) for day in range(28, 35)]
    await feed(analytics, later)
    got = await forecast(analytics, tenant, begin="2026-03-09", days=1)
    workload = got["days"][0]["workload"]
    assert workload["low"] <= workload["expected"] == 1800 / 4 <= workload["high"]  # one of four weeks


async def test_a_process_that_has_stopped_needs_nobody(analytics: Harness, tenant: str) -> None:
    await feed(analytics, arriving(tenant))
    got = await forecast(analytics, tenant, begin="2026-06-01", days=1)
    (day,) = got["days"]
    assert (got["history"]["last_arrival"], day["arrivals"]["expected"]) == ("2026-02-27", 0)
    assert (day["workload"]["expected"], day["workload"]["low"]) == (0, 0)
    assert (day["workload"]["high"] is None) == (day["arrivals"]["high"] > 0)
    assert day["staffing"] == {"hours": 0, "people": 0, "heads": 0}


async def test_automation_works_but_needs_no_people(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [*arriving(tenant), *arriving(tenant, kind="automation")])
    both = (await forecast(analytics, tenant, begin="2026-03-02", days=1))["days"][0]
    assert (both["arrivals"]["expected"], both["workload"]["expected"]) == (8, 8 * 1800)
    assert both["staffing"]["hours"] == 2
    alone = (await forecast(analytics, tenant, begin="2026-03-02", days=1, actor_kind="automation"))["days"][0]
    assert (alone["workload"]["expected"], alone["staffing"]) == (7200, {"hours": 0, "people": 0, "heads": 0})


async def test_work_is_weighed_by_what_each_kind_of_actor_did_not_by_what_was_observed(
    analytics: Harness, tenant: str
) -> None:
    people = arriving(tenant)
    unseen = [operation(tenant, f"u{n}", minutes=None, finished_at=MONDAY + n * DAY) for n in range(28)]
    machines = [
        operation(tenant, f"m{n}", kind="automation", minutes=1, finished_at=MONDAY + n % 28 * DAY) for n in range(76)
    ]
    await feed(analytics, [*people, *unseen, *machines])  # half of it by people
    got = await forecast(analytics, tenant, begin="2026-03-02", days=1)
    assert {name: got["touch"][name] for name in ("mean", "person_mean", "automation_mean", "person_share")} == {
        "mean": 0.5 * 1800 + 0.5 * 60,
        "person_mean": 1800,
        "automation_mean": 60,
        "person_share": 0.5,
    }
    (day,) = got["days"]
    assert day["workload"]["expected"] == day["arrivals"]["expected"] * 930
    assert day["staffing"]["hours"] * 3600 == day["arrivals"]["expected"] * 900
    tried = [got["backtest"][what][0]["n"] for what in ("arrivals", "workload")]
    assert tried == [14, 10]  # of the weekends' people nothing was observed


async def test_work_is_unknown_while_nothing_of_a_kind_of_actor_was_observed(analytics: Harness, tenant: str) -> None:
    blind = [operation(tenant, f"b{n}", process="b", finished_at=MONDAY + n * DAY) for n in range(28)]
    blind += [operation(tenant, "b", process="b", minutes=None, kind="automation", finished_at=MONDAY + 20 * DAY)]
    await feed(analytics, blind)
    got = await forecast(analytics, tenant, process="b", begin="2026-03-02", days=1)
    assert (got["touch"]["mean"], got["days"][0]["workload"], got["backtest"]["workload"]) == (None, None, [])
    assert got["days"][0]["staffing"]["hours"] > 0


@pytest.mark.parametrize("language", ["en", "es"])
async def test_too_short_a_history_is_refused_with_its_days(analytics: Harness, tenant: str, language: str) -> None:
    await feed(analytics, arriving(tenant))
    async with analytics.client(tenant, "viewer", **{"Accept-Language": language}) as client:
        refused = problem(await client.get("/analytics/forecasts", params={"from": "2026-02-22"}))
        assert (await client.get("/analytics/forecasts", params={"from": "2026-02-23"})).status_code == 200
        nothing = problem(await client.get("/analytics/forecasts", params={"process": "none", "from": "2026-02-22"}))
    assert (refused["status"], refused["code"], refused["days"], refused["needed"]) == (
        422,
        "too-little-history",
        20,
        21,
    )
    assert "20" in refused["detail"]
    assert ("arrivals" if language == "en" else "llegadas") in refused["detail"]
    assert nothing["days"] == 0


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"days": 0}, "invalid-input"),
        ({"days": 61}, "invalid-input"),
        ({"days": "1.0"}, "invalid-input"),
        ({"weeks": 0}, "invalid-input"),
        ({"begin": "1749-01-01"}, "invalid-input"),
        ({"begin": "2026-02-30"}, "invalid-input"),
        ({"begin": "1700006400"}, "invalid-input"),
        ({"utilisation": 1.01}, "invalid-input"),
        ({"utilisation": "nan"}, "invalid-input"),
        ({"hours_per_person": 0}, "invalid-input"),
        ({"hours_per_person": "5e-324", "utilisation": "0.1"}, "invalid-input"),
        ({"hours_per_person": 0.09}, "invalid-input"),
        ({"utilisation": "1e-300"}, "invalid-input"),
        ({"utilisation": 0.009}, "invalid-input"),
        ({"settling_days": -1}, "invalid-input"),
        ({"country": "es"}, "invalid-input"),
        ({"region": "MD"}, "invalid-input"),
        ({"actor_kind": "robot"}, "invalid-input"),
        ({"more": 1}, "invalid-input"),
        ({"country": "XX"}, "unknown-country"),
        ({"country": "ES", "region": "ZZ"}, "unknown-region"),
    ],
)
async def test_a_bad_question_is_refused(analytics: Harness, tenant: str, bad: dict[str, Any], code: str) -> None:
    assert problem(await ask(analytics, tenant, **bad))["code"] == code


async def test_nobody_sees_what_arrives_at_another_tenant(analytics: Harness, tenant: str, other_tenant: str) -> None:
    await feed(analytics, arriving(tenant))
    assert problem(await ask(analytics, other_tenant, begin="2026-03-02"))["days"] == 0
    async with analytics.anonymous() as client:
        assert problem(await client.get("/analytics/forecasts"))["code"] == "invalid-token"


async def test_days_are_those_of_the_zone(analytics: Harness, tenant: str) -> None:
    late = MONDAY.replace(hour=23, minute=30)  # Tuesday in Madrid
    events = [
        operation(tenant, f"{day}-{each}", minutes=1, finished_at=late + day * DAY)
        for day in range(28)
        for each in range(WEEKDAYS[day % 7])
    ]
    await feed(analytics, events)
    asked: dict[str, Any] = {"process": "p", "begin": "2026-03-03", "days": 7, "settling_days": 0}
    madrid = await forecast(analytics, tenant, time_zone="Europe/Madrid", **asked)
    assert madrid["inputs"]["time_zone"] == "Europe/Madrid"
    assert madrid["history"]["from"] == "2026-02-03"
    assert [day["arrivals"]["expected"] for day in madrid["days"]] == list(WEEKDAYS)  # from Tuesday on
    plain = await forecast(analytics, tenant, **asked)
    assert plain["inputs"]["time_zone"] == "UTC"
    assert plain["history"]["from"] == "2026-02-02"
    assert [day["arrivals"]["expected"] for day in plain["days"]] == [*WEEKDAYS[1:], 3]  # the last Monday had none yet


async def test_what_is_today_depends_on_the_zone(analytics: Harness, tenant: str) -> None:
    await feed(analytics, arriving(tenant))
    with frozen(datetime(2026, 3, 1, 23, 30, tzinfo=UTC)):
        plain = await forecast(analytics, tenant, process="p", settling_days=0)
        madrid = await forecast(analytics, tenant, process="p", settling_days=0, time_zone="Europe/Madrid")
    assert (plain["inputs"]["from"], madrid["inputs"]["from"]) == ("2026-03-01", "2026-03-02")
    assert (plain["history"]["to"], madrid["history"]["to"]) == ("2026-02-28", "2026-03-01")


async def test_a_calendar_says_which_days_are_closed(analytics: Harness, tenant: str, other_tenant: str) -> None:
    own: dict[str, Any] = {
        "closed_days": ["2026-02-16"],
        "open_days": [{"day": "2026-03-02", "hours": [{"from": "09:00", "to": "10:00"}]}],
    }
    of_andalusia = MADRID | {"holidays": {"country": "ES", "region": "AN"}} | own
    assert (await put_calendar(analytics, tenant, of_andalusia)).status_code == 200
    await feed(analytics, arriving(tenant))
    got = await forecast(analytics, tenant, process="p", begin="2026-02-27", days=5, calendar="office", settling_days=0)
    assert got["inputs"]["calendar"] == {"name": "office", "version": 1, "time_zone": "Europe/Madrid"}
    assert (got["inputs"]["time_zone"], got["inputs"]["country"]) == ("Europe/Madrid", None)
    assert got["history"]["holidays"] == 1
    days = {day["day"]: day for day in got["days"]}
    assert days["2026-02-28"]["holiday"] is not None  # of Andalusia, by its name
    assert days["2026-02-28"]["basis"] == "holiday"
    assert (days["2026-03-02"]["holiday"], days["2026-03-02"]["n"]) == (None, 3)  # three ordinary Mondays
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"calendar": "none"}, "unknown-calendar"),
        ({"calendar": "office", "country": "ES"}, "invalid-input"),
        ({"time_zone": "Mars"}, "invalid-input"),
    ]
    for bad, code in refusals:
        assert problem(await ask(analytics, tenant, **bad))["code"] == code
    assert problem(await ask(analytics, other_tenant, calendar="office"))["code"] == "unknown-calendar"
