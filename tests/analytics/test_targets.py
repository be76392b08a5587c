"""Targets over HTTP: set, read, edited, dropped, refused."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import httpx
import pytest

from services.analytics.targets.rules import judge, rounded
from services.analytics.targets.schemas import TargetIn
from services.analytics.targets.service import create_target
from shared import clock
from shared.auth import Principal
from tests.analytics.feeding import T0, answer, feed, operation
from tests.analytics.test_kpis import counted_statements
from tests.fixtures.services import Harness, problem

NOW = T0 + timedelta(days=1, minutes=20)
OWNER = {"kind": "team", "id": "payables"}
ERRORS: dict[str, Any] = {"process": "p", "kpi": "error_rate", "value": "0.05", "owner": OWNER}


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


async def send(
    analytics: Harness, tenant: str, method: str, path: str = "", role: str = "admin", **more: Any
) -> httpx.Response:
    async with analytics.client(tenant, role) as client:
        return await client.request(method, f"/analytics/targets{path}", **more)


async def create(analytics: Harness, tenant: str, **values: Any) -> dict[str, Any]:
    made = await send(analytics, tenant, "POST", json=ERRORS | values)
    assert made.status_code == 201, made.text
    document: dict[str, Any] = made.json()
    return document


async def test_a_target_is_set_read_edited_and_dropped(analytics: Harness, tenant: str, other_tenant: str) -> None:
    key = {"Idempotency-Key": "set-it-once"}
    made = await send(analytics, tenant, "POST", json=ERRORS, headers=key)
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    again = await send(analytics, tenant, "POST", json=ERRORS, headers=key)
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (made.json(), "true")
    path = f"/{made.json()['id']}"
    assert made.headers["location"] == f"/analytics/targets{path}"
    read = await send(analytics, tenant, "GET", path, role="viewer")
    assert (read.json(), read.headers["etag"]) == (made.json(), '"1"')
    assert {name: read.json()[name] for name in ("direction", "unit", "days", "state", "since", "last_value")} == {
        "direction": "at-most",
        "unit": "ratio",
        "days": 30,
        "state": "unknown",
        "since": None,
        "last_value": None,
    }
    change = {"value": "0.1", "days": 7, "owner": {"kind": "person", "id": "maria@example.test"}}
    codes = [
        problem(await send(analytics, tenant, "PUT", path, json=change, headers=headers))["code"]
        for headers in ({}, {"If-Match": '"7"'})
    ]
    assert codes == ["if-match-required", "if-match-failed"]
    edited = await send(analytics, tenant, "PUT", path, json=change, headers={"If-Match": '"1"'})
    assert (edited.status_code, edited.headers["etag"], edited.json()["value"]) == (200, '"2"', "0.1")
    pseudonym = edited.json()["owner"]["id"]
    assert (len(pseudonym), "maria" in edited.text) == (20, False)
    sent_back = change | {"owner": edited.json()["owner"]}
    same = await send(analytics, tenant, "PUT", path, json=sent_back, headers={"If-Match": '"2"'})
    assert same.json()["owner"]["id"] == pseudonym
    assert problem(await send(analytics, other_tenant, "GET", path))["code"] == "not-found"
    stale = await send(analytics, tenant, "DELETE", path, headers={"If-Match": '"1"'})
    gone = await send(analytics, tenant, "DELETE", path, headers={"If-Match": '"3"'})
    assert (problem(stale)["code"], gone.status_code) == ("if-match-failed", 204)
    for method, suffix in (("GET", ""), ("GET", "/state"), ("PUT", ""), ("DELETE", "")):
        body = change if method == "PUT" else None
        assert problem(await send(analytics, tenant, method, path + suffix, json=body))["code"] == "not-found"


async def test_the_list_is_paged_and_filtered(analytics: Harness, tenant: str) -> None:
    made = [(await create(analytics, tenant, process=f"p{n}"))["id"] for n in range(3)]
    await create(analytics, tenant, kpi="automation_level", value="0.5")
    with counted_statements(analytics) as statements:
        first = (await send(analytics, tenant, "GET", params={"limit": 2, "kpi": "error_rate"})).json()
    assert len(statements) == 2, statements  # the tenant, the page
    second = (
        await send(analytics, tenant, "GET", params={"limit": 2, "kpi": "error_rate", "cursor": first["next_cursor"]})
    ).json()
    assert [item["id"] for item in (*first["items"], *second["items"])] == made[::-1]
    for parameters, n in (({"process": "p1"}, 1), ({"state": "breached"}, 0), ({"state": "unknown"}, 4)):
        assert len((await send(analytics, tenant, "GET", params=parameters)).json()["items"]) == n


@pytest.mark.parametrize("bad", [{"team": "x"}, {"State": "met"}, {"state": "bad"}, {"limit": "0"}, {"cursor": "x"}])
async def test_a_question_about_what_does_not_exist_is_refused(
    analytics: Harness, tenant: str, bad: dict[str, str]
) -> None:
    code = "invalid-cursor" if "cursor" in bad else "invalid-input"
    assert problem(await send(analytics, tenant, "GET", params=bad))["code"] == code


async def test_an_empty_filter_is_none(analytics: Harness, tenant: str) -> None:
    await create(analytics, tenant)
    nothing = {"process": "", "kpi": "", "state": "", "cursor": "", "limit": ""}
    assert len((await send(analytics, tenant, "GET", params=nothing)).json()["items"]) == 1


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"value": "5"}, "not-a-share"),
        ({"value": 0.05}, "invalid-input"),
        ({"value": "-1"}, "invalid-input"),
        ({"kpi": "happiness"}, "invalid-input"),
        ({"currency": "EUR"}, "currency-misplaced"),
        ({"kpi": "cost_per_operation"}, "currency-missing"),
        ({"kpi": "internal_satisfaction", "activity": "check"}, "never-measured"),
        ({"days": 0}, "invalid-input"),
        ({"days": "30"}, "invalid-input"),
        ({"owner": "maria"}, "invalid-input"),
        ({"colour": "red"}, "invalid-input"),
    ],
)
async def test_a_target_that_cannot_be_is_refused(
    analytics: Harness, tenant: str, values: dict[str, Any], code: str
) -> None:
    assert problem(await send(analytics, tenant, "POST", json=ERRORS | values))["code"] == code


async def test_one_target_for_one_figure_set_by_an_administrator(analytics: Harness, tenant: str) -> None:
    first = await create(analytics, tenant)
    taken = problem(await send(analytics, tenant, "POST", json=ERRORS | {"value": "0.2"}))
    assert (taken["code"], taken["target"]) == ("target-exists", first["id"])
    await create(analytics, tenant, team="ap")
    for currency in ("EUR", "USD"):
        cost = await create(analytics, tenant, kpi="cost_per_operation", currency=currency, value="2.5")
        assert cost["unit"] == currency
    assert problem(await send(analytics, tenant, "POST", role="manager", json=ERRORS))["code"] == "not-allowed"


async def test_no_more_targets_than_are_watched(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.analytics.targets.service.MAX_TARGETS", 1)
    await create(analytics, tenant)
    assert problem(await send(analytics, tenant, "POST", json=ERRORS | {"team": "x"}))["code"] == "too-many-targets"


async def test_targets_set_at_once_are_counted_one_after_another(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.analytics.targets.service.MAX_TARGETS", 1)
    async with analytics.runtime.database.transaction(tenant) as session:
        first = TargetIn.model_validate(ERRORS)
        await create_target(session, first, Principal("ana", tenant, frozenset()), b"key")
        second = asyncio.create_task(send(analytics, tenant, "POST", json=ERRORS | {"team": "x"}))
        await asyncio.sleep(0.5)  # time for it to count, if it did not wait
    assert problem(await second)["code"] == "too-many-targets"


async def state(analytics: Harness, tenant: str, **values: Any) -> dict[str, Any]:
    made = await create(analytics, tenant, **values)
    answered = await send(analytics, tenant, "GET", f"/{made['id']}/state", role="viewer")
    assert answered.status_code == 200, answered.text
    document: dict[str, Any] = answered.json()
    return document


async def test_the_state_is_the_indicator_over_the_last_days(analytics: Harness, tenant: str) -> None:
    events = [operation(tenant, f"{n}", team="ap", outcome="error" if n == 0 else "done") for n in range(20)]
    events += [operation(tenant, f"{n}", outcome="error", finished_at=T0 - timedelta(days=9)) for n in range(9)]
    await feed(analytics, events)
    document = await state(analytics, tenant, days=7)
    assert document | {"definition": None, "id": None} == {
        "id": None,
        "state": "met",
        "since": "2026-03-03T09:20:00Z",
        "value": "0.05",
        "n": 20,
        "target": "0.05",
        "unit": "ratio",
        "direction": "at-most",
        "period": {"from": "2026-02-24T09:00:00Z", "to": "2026-03-03T09:20:00Z"},
        "definition": None,
    }
    assert document["definition"]["id"] == "trastienda.error-rate.operations"
    assert (await state(analytics, tenant, team="ap", value="0.049"))["state"] == "breached"
    assert (await state(analytics, tenant, activity="check", days=30))["state"] == "breached"
    level = await state(analytics, tenant, kpi="automation_level", value="0.1")
    assert (level["state"], level["direction"], level["value"]) == ("breached", "at-least", "0.0")
    nothing = await state(analytics, tenant, process="q")
    assert (nothing["state"], nothing["since"], nothing["value"], nothing["n"]) == ("unknown", None, None, 0)


async def test_money_is_judged_to_the_last_digit(analytics: Harness, tenant: str) -> None:
    amount = "123456789012.123456"  # more digits than a float has
    events = [operation(tenant, f"{n}", cost={"amount": amount, "currency": "EUR"}) for n in range(5)]
    await feed(analytics, [*events, operation(tenant, "x", cost={"amount": "9", "currency": "USD"})])
    cost = {"kpi": "cost_per_operation", "currency": "EUR"}
    met = await state(analytics, tenant, value=amount, **cost)
    assert (met["state"], met["value"], met["n"], met["unit"]) == ("met", amount, 5, "EUR")
    below = await state(analytics, tenant, value="123456789012.123455", team=None, activity="check", **cost)
    assert below["state"] == "breached"
    dollars = await state(analytics, tenant, kpi="cost_per_operation", currency="USD", value="9")
    assert (dollars["state"], dollars["value"], dollars["n"]) == ("unknown", "9", 1)
    nothing = await state(analytics, tenant, kpi="cost_per_operation", currency="CHF", value="9")
    assert (nothing["state"], nothing["value"], nothing["n"]) == ("unknown", None, 0)


def test_a_mean_is_rounded_once_and_only_to_be_shown() -> None:
    assert [str(rounded(Fraction(*each))) for each in ((1, 3), (2, 3), (151, 40), (100, 1), (0, 1), (-1, 8))] == [
        "0.333333333333",
        "0.666666666667",
        "3.775",
        "100",
        "0",
        "-0.125",
    ]
    assert judge("lower", Decimal("0.333333"), Fraction(1, 3), 5) == "breached"
    assert judge("lower", Decimal("0.333333"), Fraction(333_333, 1_000_000), 5) == "met"


@pytest.mark.parametrize("kpi", ["processing_time", "case_throughput_time", "internal_satisfaction"])
async def test_a_state_takes_three_statements(analytics: Harness, tenant: str, kpi: str) -> None:
    made = await create(analytics, tenant, kpi=kpi, value="1")
    with counted_statements(analytics) as statements:
        await send(analytics, tenant, "GET", f"/{made['id']}/state")
    assert len(statements) == 3, statements  # the tenant, the target, its figure


async def test_answers_of_less_than_five_are_not_told(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [answer(tenant, 1) for _ in range(4)])
    hidden = await state(analytics, tenant, kpi="internal_satisfaction", value="0.8")
    assert (hidden["state"], hidden["value"], hidden["n"]) == ("unknown", None, 4)
    await feed(analytics, [answer(tenant, 5)])
    answered = await send(analytics, tenant, "GET", f"/{hidden['id']}/state")
    shown = answered.json()
    assert (shown["state"], shown["value"]) == ("breached", "0.2")
