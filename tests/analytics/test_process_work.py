"""What to automate, and what is open."""

import base64
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analytics.processes.rules import Manual, Tariff, rank, saving_of, total, total_hours
from shared import clock
from shared.events import Event
from tests.analytics.feeding import MINUTE, T0, feed, observation, operation
from tests.analytics.test_process_edges import DAY, get
from tests.fixtures.services import Harness, problem

NOW = T0 + 10 * DAY


@pytest.fixture
def today() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


async def test_candidates_are_ranked_by_their_hours_and_priced(analytics: Harness, tenant: str) -> None:
    events = [operation(tenant, f"c{n}", "check", minutes=30, team="ap") for n in range(4)]
    events += [operation(tenant, f"c{n}", "check", minutes=None, team="ap") for n in range(2)]
    events += [operation(tenant, "c0", "approve", minutes=150, team="hr")]
    events += [operation(tenant, "c0", "file", minutes=None), operation(tenant, "c0", "file", minutes=None)]
    events += [operation(tenant, "c0", "pay", minutes=500, kind="automation")]
    events += [operation(tenant, "c0", "submit-claim", minutes=500)]
    await feed(analytics, events)
    document = await get(
        analytics,
        tenant,
        "automation-candidates",
        hourly_rate="30.10",
        currency="EUR",
        coverage="0.8",
        automated_cost="0.125",
    )
    items = {item["activity"]: item for item in document["items"]}
    assert list(items) == ["check", "approve", "file"]
    assert (items["check"]["n"], items["check"]["measured"], items["check"]["hours"]) == (6, 4, 3)
    assert (items["check"]["mean"], items["approve"]["hours"]) == (1800, 2.5)
    assert (items["file"]["mean"], items["file"]["hours"], items["file"]["saving"]) == (None, None, None)
    assert items["check"]["saving"] == {"labour": "72.24", "automation": "0.60", "net": "71.64", "currency": "EUR"}
    assert items["approve"]["saving"] == {"labour": "60.20", "automation": "0.10", "net": "60.10", "currency": "EUR"}
    assert (document["hours"], document["activities"], document["saving"]["net"]) == (5.5, 3, "131.74")
    assert document["unmeasured"] == 1
    alone = await get(analytics, tenant, "automation-candidates", top=1, team="hr")
    assert [(item["activity"], item["saving"]) for item in alone["items"]] == [("approve", None)]
    assert alone["saving"] is None
    assert (await get(analytics, tenant, "automation-candidates", actor_kind="automation"))["items"] == []


async def test_where_nothing_was_measured_there_is_no_total_and_no_zero(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [operation(tenant, "c", name, minutes=None) for name in ("check", "check", "file")])
    tariff = {"hourly_rate": "30", "currency": "EUR", "automated_cost": "1"}
    for filters, counted in (({}, 2), ({"activity": "none"}, 0)):
        document = await get(analytics, tenant, "automation-candidates", **tariff, **filters)
        assert (document["activities"], document["unmeasured"]) == (counted, counted)
        assert (document["hours"], document["saving"]) == (None, None)


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("hourly_rate=30", "rate-needs-currency"),
        ("currency=EUR", "rate-needs-currency"),
        ("hourly_rate=-1&currency=EUR", "invalid-input"),
        ("hourly_rate=1e3&currency=EUR", "invalid-input"),
        ("coverage=1.1", "invalid-input"),
        ("currency=euro&hourly_rate=1", "invalid-input"),
        ("from=2026-03-02&to=2026-03-01", "bad-period"),
    ],
)
async def test_a_saving_that_cannot_be_told_is_refused(
    analytics: Harness, tenant: str, question: str, code: str
) -> None:
    async with analytics.client(tenant, "viewer", **{"Accept-Language": "es"}) as client:
        refused = problem(await client.get(f"/analytics/processes/p/automation-candidates?{question}"))
    assert refused["code"] == code


amounts = st.decimals(0, 1000, places=3)


@settings(max_examples=40)
@given(
    manual=st.lists(
        st.builds(Manual, st.text(max_size=3), st.integers(1, 10**6), st.integers(0, 9), st.integers(0, 10**15)),
        max_size=6,
    ),
    tariff=st.builds(Tariff, amounts, st.sampled_from(["EUR", "JPY"]), st.decimals(0, 1, places=2), amounts),
)
def test_savings_add_up_whatever_is_automated(manual: list[Manual], tariff: Tariff) -> None:
    savings = [saving for each in rank(manual) if (saving := saving_of(each, tariff))]
    assert all(saving.net == saving.labour - saving.automation for saving in savings)
    whole = total(savings)
    assert (whole.net if whole else None) == (sum((each.net for each in savings), Decimal(0)) if savings else None)
    hours = [each.hours for each in rank(manual)]
    known = [each for each in hours if each is not None]
    assert total_hours(rank(manual)) == (sum(known) if known else None)
    assert hours == sorted(known, reverse=True) + [None] * (len(hours) - len(known))


def stream(tenant: str) -> list[Event]:
    return [
        operation(tenant, "old", "check", team="ap", finished_at=T0),
        operation(tenant, "paid", "check", finished_at=T0 + 1 * DAY),
        operation(tenant, "paid", "pay", finished_at=T0 + 2 * DAY),
        operation(tenant, "late", "check", finished_at=T0 + 3 * DAY),
        operation(tenant, "late", "approve", team="hr", finished_at=T0 + 8 * DAY),
        observation(tenant, "seen", T0 + 9 * DAY),
    ]


async def set_terminal(analytics: Harness, tenant: str, names: Any, version: str = '"0"', role: str = "admin") -> Any:
    async with analytics.client(tenant, role) as client:
        return await client.put(
            "/analytics/processes/p/settings",
            json={"terminal_activities": names},
            headers={"If-Match": version} if version else {},
        )


@pytest.mark.usefixtures("today")
async def test_without_terminal_activities_what_was_seen_lately_is_open(analytics: Harness, tenant: str) -> None:
    await feed(analytics, stream(tenant))
    document = await get(analytics, tenant, "cases", idle=3)
    assert [item["case"] for item in document["items"]] == ["late", "seen"]
    assert (document["idle_days"], document["terminal_activities"]) == (3, [])
    assert document["definition"]["id"] == "trastienda.open-cases.seen-lately"
    late, seen = document["items"]
    assert (late["age"], late["idle"]) == (7 * 86_400 + 600, 2 * 86_400)
    assert (late["last_activity"], late["last_team"], late["operations"]) == ("approve", "hr", 2)
    assert (seen["last_activity"], seen["operations"]) == (None, 0)
    assert len((await get(analytics, tenant, "cases"))["items"]) == 4


@pytest.mark.usefixtures("today")
async def test_terminal_activities_end_a_case_for_good(analytics: Harness, tenant: str, other_tenant: str) -> None:
    await feed(analytics, [*stream(tenant), *stream(other_tenant)])
    stored = await set_terminal(analytics, tenant, ["pay", "cancel", "pay"])
    assert (stored.status_code, stored.headers["etag"]) == (200, '"1"')
    assert stored.json() == {"process": "p", "terminal_activities": ["cancel", "pay"]}
    document = await get(analytics, tenant, "cases", idle=1)
    assert [item["case"] for item in document["items"]] == ["old", "late", "seen"]
    assert (document["idle_days"], document["definition"]["id"]) == (None, "trastienda.open-cases.no-terminal-activity")
    assert [item["case"] for item in (await get(analytics, tenant, "cases", team="ap"))["items"]] == ["old"]
    assert len((await get(analytics, other_tenant, "cases"))["items"]) == 4
    await feed(analytics, [operation(tenant, "old", "cancel", finished_at=T0 - 5 * DAY)])
    assert [item["case"] for item in (await get(analytics, tenant, "cases"))["items"]] == ["late", "seen"]
    again = await set_terminal(analytics, tenant, [], '"1"')
    assert again.headers["etag"] == '"2"'
    assert len((await get(analytics, tenant, "cases"))["items"]) == 4


@pytest.mark.usefixtures("today")
async def test_queues_say_after_what_open_cases_stand(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [*stream(tenant), operation(tenant, "old2", "check", finished_at=T0 + 4 * DAY)])
    await set_terminal(analytics, tenant, ["pay"])
    document = await get(analytics, tenant, "queues")
    assert document["cases"] == 4
    assert [(item["after"], item["cases"], item["idle_total"]) for item in document["items"]] == [
        ("check", 2, 16 * 86_400),
        ("approve", 1, 2 * 86_400),
        (None, 1, 86_400),
    ]
    first = document["items"][0]
    assert (first["idle_mean"], first["idle_max"]) == (8 * 86_400, 10 * 86_400)
    assert first["oldest_first_at"] == "2026-03-02T08:50:00Z"
    assert "has begun it, is not known" in document["definitions"][1]["text"]


@pytest.mark.usefixtures("today")
async def test_pages_of_open_cases_are_oldest_first(analytics: Harness, tenant: str) -> None:
    cases = [f"¿{n}?" * 60 for n in range(5)]
    await feed(analytics, [operation(tenant, case, finished_at=T0 + (i % 2) * MINUTE) for i, case in enumerate(cases)])
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await get(analytics, tenant, "cases", limit=2, **cursor)
        seen += [item["case"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert sorted(seen) == sorted(cases)
    assert {*seen[:3]} == {cases[0], cases[2], cases[4]}


MADE_UP = [
    b"x",
    b"{}",
    b"[1]",
    b'["2026-01-01T00:00:00","c"]',
    b'["0001-01-01T00:00:00+14:00","c"]',
    b'["2026-01-01T00:00:00Z","\\u0000"]',
    b'["2026-01-01T00:00:00Z","\\ud800"]',
    b'["2026-01-01T00:00:00Z",7]',
    b'[1e400,"01a215a0-1f8b-75c3-a32f-b09973be13f2"]',
    b'[99999999999999999999,"01a215a0-1f8b-75c3-a32f-b09973be13f2"]',
    b'[-1,"01a215a0-1f8b-75c3-a32f-b09973be13f2"]',
]


@pytest.mark.parametrize("made_up", MADE_UP)
@pytest.mark.parametrize("what", ["cases", "variants"])
async def test_a_cursor_that_no_page_gave_is_refused(
    analytics: Harness, tenant: str, what: str, made_up: bytes
) -> None:
    cursor = base64.urlsafe_b64encode(made_up).decode().rstrip("=")
    async with analytics.client(tenant, "viewer") as client:
        refused = await client.get(f"/analytics/processes/p/{what}", params={"cursor": cursor})
    assert problem(refused)["code"] == "invalid-cursor"


async def test_settings_are_edited_by_an_administrator_who_has_seen_them(analytics: Harness, tenant: str) -> None:
    async with analytics.client(tenant, "viewer") as client:
        empty = await client.get("/analytics/processes/p/settings")
    assert (empty.json(), empty.headers["etag"]) == ({"process": "p", "terminal_activities": []}, '"0"')
    codes = [
        problem(await set_terminal(analytics, tenant, ["pay"], version, role))["code"]
        for version, role in (('"0"', "manager"), ("", "admin"), ('"1"', "admin"))
    ]
    assert codes == ["not-allowed", "if-match-required", "if-match-failed"]
    for names in ("pay", ["x" * 201], [""], ["a"] * 51, [1]):
        assert problem(await set_terminal(analytics, tenant, names))["code"] == "invalid-input", names
