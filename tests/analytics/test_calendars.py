"""Calendars over HTTP: what is kept, what is refused, and versions that never come again."""

import asyncio
from typing import Any

import pytest

from tests.analytics.working import MADRID, OFFICE, days_of, put_calendar
from tests.fixtures.services import Harness, problem


async def test_a_calendar_is_kept_as_it_was_given(analytics: Harness, tenant: str) -> None:
    extra = {
        "closed_days": ["2026-12-24", "2026-12-24"],
        "open_days": [{"day": "2026-12-26", "hours": [{"from": "22:30", "to": "24:00"}]}],
    }
    stored = await put_calendar(analytics, tenant, MADRID | extra)
    assert (stored.status_code, stored.headers["etag"]) == (200, '"1"'), stored.text
    async with analytics.client(tenant, "viewer") as client:
        got = await client.get("/analytics/calendars/office")
    assert got.json() == stored.json()
    assert got.headers["etag"] == '"1"'
    document = got.json()
    assert (document["name"], document["version"], document["time_zone"]) == ("office", 1, "Europe/Madrid")
    assert document["weekly_hours"] == MADRID["weekly_hours"]
    assert document["closed_days"] == ["2026-12-24"]
    assert document["open_days"] == extra["open_days"]
    holidays = document["holidays"]
    assert (holidays["country"], holidays["region"], holidays["last"]) == ("ES", "MD", "2100-12-25")
    assert holidays["n"] > 1_000


async def test_a_day_says_why_and_when_it_is_open(analytics: Harness, tenant: str) -> None:
    extra = {
        "closed_days": ["2026-05-04"],
        "open_days": [{"day": "2026-05-01", "hours": [{"from": "10:00", "to": "12:00"}]}],
    }
    await put_calendar(analytics, tenant, MADRID | extra)
    days = {day["day"]: day for day in await days_of(analytics, tenant, "2026-04-30", "2026-05-06")}
    assert [days[f"2026-05-0{n}"]["reason"] for n in (1, 2, 3, 4, 5)] == [
        "open-day",
        "holiday",  # of Madrid, a Saturday
        "weekly-hours",
        "closed-day",
        "weekly-hours",
    ]
    assert [day["seconds"] for day in days.values()] == [28_800, 7_200, 0, 0, 0, 28_800]
    assert days["2026-05-01"]["open"] == [{"from": "2026-05-01T08:00:00Z", "to": "2026-05-01T10:00:00Z"}]
    (winter,) = await days_of(analytics, tenant, "2026-01-07", "2026-01-08")
    assert winter["open"][0] == {"from": "2026-01-07T08:00:00Z", "to": "2026-01-07T13:00:00Z"}
    assert await days_of(analytics, tenant, "2026-05-01", "2026-05-01") == []


async def test_versions_go_on_and_never_come_again(analytics: Harness, tenant: str) -> None:
    address = "/analytics/calendars/office"
    assert problem(await put_calendar(analytics, tenant, seen=""))["code"] == "if-match-required"
    assert problem(await put_calendar(analytics, tenant, seen='"1"'))["code"] == "if-match-failed"
    assert (await put_calendar(analytics, tenant)).headers["etag"] == '"1"'
    assert problem(await put_calendar(analytics, tenant))["code"] == "if-match-failed"
    assert (await put_calendar(analytics, tenant, seen='"1"')).headers["etag"] == '"2"'
    async with analytics.client(tenant, "admin") as client:
        assert problem(await client.delete(address))["code"] == "if-match-required"
        assert problem(await client.delete(address, headers={"If-Match": '"1"'}))["code"] == "if-match-failed"
        assert (await client.delete(address, headers={"If-Match": '"2"'})).status_code == 204
        assert problem(await client.delete(address, headers={"If-Match": '"2"'}))["code"] == "not-found"
        assert problem(await client.get(address))["code"] == "not-found"
        assert (
            problem(await client.get(f"{address}/days", params={"from": "2026-01-01", "to": "2026-01-02"}))["code"]
            == "not-found"
        )
        assert (await client.get("/analytics/calendars")).json() == {"items": [], "next_cursor": None}
    assert problem(await put_calendar(analytics, tenant, seen='"2"'))["code"] == "if-match-failed"
    assert (await put_calendar(analytics, tenant)).headers["etag"] == '"3"'


async def test_of_two_first_editors_at_once_one_is_told(analytics: Harness, tenant: str) -> None:
    answers = await asyncio.gather(*(put_calendar(analytics, tenant, MADRID | {"holidays": None}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]


async def test_calendars_are_listed_by_name_page_by_page(analytics: Harness, tenant: str, other_tenant: str) -> None:
    names = ["zagreb", "b-2", "b-10", "a"]
    for name in names:
        assert (await put_calendar(analytics, tenant, MADRID | {"holidays": None}, name)).status_code == 200
    await put_calendar(analytics, other_tenant, name="theirs")
    found, cursor = [], None
    async with analytics.client(tenant, "viewer") as client:
        while True:
            asked = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await client.get("/analytics/calendars", params=asked)).json()
            found += [each["name"] for each in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert problem(await client.get("/analytics/calendars", params={"cursor": "x"}))["code"] == "invalid-cursor"
        assert problem(await client.get("/analytics/calendars/theirs"))["code"] == "not-found"
    assert found == sorted(names)


async def test_only_an_administrator_sets_calendars(analytics: Harness, tenant: str) -> None:
    assert problem(await put_calendar(analytics, tenant, role="manager"))["code"] == "not-allowed"


def weekly(*hours: Any) -> dict[str, Any]:
    return {"weekly_hours": {"monday": list(hours)}}


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ({"time_zone": "Madrid"}, "invalid-input", "time_zone"),
        ({"time_zone": ""}, "invalid-input", "time_zone"),
        ({"time_zone": ["UTC"]}, "invalid-input", "string_type"),
        ({"weekly_hours": {"someday": OFFICE}}, "invalid-input", "literal_error"),
        ({"weekly_hours": {}}, "invalid-input", "never_open"),
        (weekly(), "invalid-input", "never_open"),
        (weekly({"from": "18:00", "to": "09:00"}), "invalid-input", "hours_backwards"),
        (weekly({"from": "09:00", "to": "09:00"}), "invalid-input", "hours_backwards"),
        (weekly({"from": "9:00", "to": "10:00"}), "invalid-input", "string_pattern_mismatch"),
        (weekly({"from": "24:00", "to": "24:00"}), "invalid-input", "string_pattern_mismatch"),
        (weekly({"from": "09:00", "to": "24:01"}), "invalid-input", "string_pattern_mismatch"),
        (weekly({"from": "09:00", "to": "12:00"}, {"from": "11:00", "to": "13:00"}), "invalid-input", "hours_overlap"),
        (weekly({"from": "09:00"}), "invalid-input", "missing"),
        (weekly({"from": "09:00", "to": "10:00", "begin": "09:00"}), "invalid-input", "extra_forbidden"),
        (weekly(*[{"from": f"{n:02}:00", "to": f"{n:02}:30"} for n in range(11)]), "invalid-input", "too_long"),
        ({"closed_days": ["2101-01-01"]}, "invalid-input", "less_than_equal"),
        ({"closed_days": ["24/12/2026"]}, "invalid-input", "date_parsing"),
        ({"open_days": [{"day": "2026-12-26", "hours": []}]}, "invalid-input", "too_short"),
        ({"open_days": [{"day": "2026-12-26", "hours": OFFICE}] * 2}, "invalid-input", "day_twice"),
        (
            {"open_days": [{"day": "2026-12-26", "hours": OFFICE}], "closed_days": ["2026-12-26"]},
            "invalid-input",
            "day_twice",
        ),
        ({"holidays": {"country": "es"}}, "invalid-input", "string_pattern_mismatch"),
        ({"holidays": {"country": "XX"}}, "unknown-country", None),
        ({"holidays": {"country": "ES", "region": "ZZ"}}, "unknown-region", None),
        ({"more": 1}, "invalid-input", "extra_forbidden"),
    ],
)
@pytest.mark.parametrize("language", ["en", "es"])
async def test_a_calendar_that_cannot_be_is_refused(
    analytics: Harness, tenant: str, change: dict[str, Any], code: str, told: str | None, language: str
) -> None:
    async with analytics.client(tenant, "admin", **{"Accept-Language": language}) as client:
        refused = problem(
            await client.put("/analytics/calendars/office", json=MADRID | change, headers={"If-Match": '"0"'})
        )
        assert refused["code"] == code
        if told:
            assert {each["type"] for each in refused["errors"]} == {told}
            assert all(each["message"] for each in refused["errors"])
        assert problem(await client.get("/analytics/calendars/office"))["code"] == "not-found"


@pytest.mark.parametrize("name", ["Office", "a_b", "-a", "a" * 65, "of%20fice"])
async def test_a_name_that_cannot_stand_in_an_id_is_refused(analytics: Harness, tenant: str, name: str) -> None:
    assert problem(await put_calendar(analytics, tenant, name=name))["code"] == "invalid-input"


@pytest.mark.parametrize(
    ("begin", "end"),
    [("2026-01-02", "2026-01-01"), ("2026-01-01", "2027-01-03"), ("2026-01-01", ""), ("1899-12-31", "1900-01-02")],
)
async def test_days_that_cannot_be_shown_are_refused(analytics: Harness, tenant: str, begin: str, end: str) -> None:
    await put_calendar(analytics, tenant)
    async with analytics.client(tenant, "viewer") as client:
        answered = await client.get("/analytics/calendars/office/days", params={"from": begin, "to": end})
    assert problem(answered)["code"] == "invalid-input"


async def test_holidays_of_any_country_can_be_closed(analytics: Harness, tenant: str) -> None:
    stored = await put_calendar(analytics, tenant, MADRID | {"holidays": {"country": "IN"}})
    assert stored.status_code == 200, stored.text
    assert stored.json()["holidays"]["n"] > 100
