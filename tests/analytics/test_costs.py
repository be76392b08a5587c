"""The cost model over HTTP, and what operations cost by it."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.analytics.feeding import T0, ask, by_id, feed, kpis, operation
from tests.fixtures.services import Harness, problem

MODEL: dict[str, Any] = {
    "currency": "EUR",
    "hourly_rates": [
        {"team": "ap", "valid_from": "2026-01-01", "amount": "30"},
        {"team": "ap", "valid_from": "2026-03-03", "amount": "36.50"},
        {"team": None, "valid_from": "2026-03-01", "amount": "12"},
    ],
    "fixed_costs": [
        {"process": "p", "activity": "check", "actor_kind": None, "valid_from": "2026-01-01", "amount": "0.10"},
        {"process": "p", "activity": "check", "actor_kind": "automation", "valid_from": "2026-01-01", "amount": "0.02"},
    ],
}


async def put(
    analytics: Harness, tenant: str, model: Any, version: str | None = '"0"', role: str = "admin"
) -> httpx.Response:
    async with analytics.client(tenant, role) as client:
        headers = {} if version is None else {"If-Match": version}
        return await client.put("/analytics/cost-model", json=model, headers=headers)


async def test_the_model_is_read_replaced_and_guarded_by_its_version(analytics: Harness, tenant: str) -> None:
    async with analytics.client(tenant, "viewer") as client:
        empty = await client.get("/analytics/cost-model")
    assert (empty.json(), empty.headers["etag"]) == ({"currency": None, "hourly_rates": [], "fixed_costs": []}, '"0"')
    assert problem(await put(analytics, tenant, MODEL, version=None))["code"] == "if-match-required"
    assert problem(await put(analytics, tenant, MODEL, version='"7"'))["code"] == "if-match-failed"
    stored = await put(analytics, tenant, MODEL)
    assert (stored.status_code, stored.headers["etag"]) == (200, '"1"')
    assert {rate["amount"] for rate in stored.json()["hourly_rates"]} == {"30", "36.50", "12"}
    async with analytics.client(tenant, "viewer") as client:
        assert (await client.get("/analytics/cost-model")).json() == stored.json()
    assert problem(await put(analytics, tenant, MODEL))["code"] == "if-match-failed"
    assert problem(await put(analytics, tenant, MODEL, '"1"', role="operator"))["code"] == "not-allowed"


@pytest.mark.parametrize(
    "bad",
    [
        MODEL | {"currency": "euro"},
        MODEL | {"hourly_rates": [{"team": "ap", "valid_from": "2026-01-01", "amount": 30}]},
        MODEL | {"hourly_rates": [{"team": "ap", "valid_from": "2026-01-01", "amount": "-1"}]},
        MODEL | {"hourly_rates": [{"team": "ap", "valid_from": "January", "amount": "1"}]},
        MODEL
        | {
            "fixed_costs": [
                {"process": "p", "activity": "", "actor_kind": None, "valid_from": "2026-01-01", "amount": "1"}
            ]
        },
        MODEL | {"more": 1},
    ],
)
async def test_a_bad_model_is_refused(analytics: Harness, tenant: str, bad: Any) -> None:
    assert problem(await put(analytics, tenant, bad))["code"] == "invalid-input"


async def test_one_amount_per_team_and_day(analytics: Harness, tenant: str) -> None:
    twice = MODEL | {"hourly_rates": [MODEL["hourly_rates"][0]] * 2}
    assert problem(await put(analytics, tenant, twice))["code"] == "duplicate-cost-entry"


async def test_unmeasured_operations_are_priced_by_the_rates_in_force(analytics: Harness, tenant: str) -> None:
    day = timedelta(days=1)
    events = [
        operation(tenant, "1", "check", team="ap", minutes=20),  # 20 min x 30 + 0.10 = 10.10
        operation(tenant, "2", "check", team="ap", minutes=20, finished_at=T0 + day),  # x 36.50 + 0.10 = 12.2666...
        operation(tenant, "3", "other", team="hr", minutes=30),  # 30 min x 12 = 6
        operation(tenant, "4", "check", kind="automation", minutes=30),  # 0.02
        operation(tenant, "5", "check", team="ap", minutes=None),  # 0.10
        operation(tenant, "6", "other", team="ap", minutes=None),  # nothing known
        operation(tenant, "7", "other", kind="automation"),  # nothing known
        operation(tenant, "8", "other", team="hr", finished_at=T0 - 40 * day),  # before any rate of hr
        operation(tenant, "9", "check", team="ap", cost={"amount": "7.00", "currency": "EUR"}),  # measured
    ]
    await feed(analytics, events)
    before = (await kpis(analytics, tenant))["cost_per_operation"]
    assert (before["value"], before["n"], before["unknown"], before["unit"]) == (7, 1, 8, "EUR")
    await put(analytics, tenant, MODEL)
    cost = (await kpis(analytics, tenant))["cost_per_operation"]
    assert (cost["measured"], cost["modelled"], cost["unknown"], cost["n"]) == (1, 5, 3, 6)
    total = 10.10 + (36.50 / 3 + 0.10) + 6 + 0.02 + 0.10 + 7
    assert cost["total"] == pytest.approx(total, abs=1e-9)
    assert cost["value"] == pytest.approx(total / 6, abs=1e-9)
    groups = (await ask(analytics, tenant, group_by="activity"))["groups"]
    assert [by_id(group["kpis"])["cost_per_operation"]["n"] for group in groups] == [5, 1]
    cut = await kpis(analytics, tenant, begin="2026-03-02T08:59:30Z", end="2026-03-02T09:00:30Z")
    assert cut["cost_per_operation"]["total"] == pytest.approx(total - 36.50 / 3 - 0.10, abs=1e-9)


async def test_currencies_are_never_mixed(analytics: Harness, tenant: str) -> None:
    costs = [("1", "EUR"), ("2", "EUR"), ("30", "USD")]
    await feed(
        analytics,
        [
            operation(tenant, f"{n}", cost={"amount": amount, "currency": currency})
            for n, (amount, currency) in enumerate(costs)
        ],
    )
    mixed = (await kpis(analytics, tenant))["cost_per_operation"]
    assert (mixed["value"], mixed["n"], mixed["reason"]) == (None, 0, "several-currencies")
    assert [(each["currency"], each["value"]) for each in mixed["currencies"]] == [("EUR", 1.5), ("USD", 30)]
    one = (await kpis(analytics, tenant, currency="USD"))["cost_per_operation"]
    assert (one["value"], one["unit"], one["n"], one["band"]) == (30, "USD", 1, "insufficient-data")
    none = (await kpis(analytics, tenant, currency="GBP"))["cost_per_operation"]
    assert (none["value"], none["n"], none["reason"]) == (None, 0, "no-cost-known")
