"""A tenant's own scales."""

from typing import Any

import httpx
import pytest

from tests.analytics.feeding import ask, by_id, feed, kpis, operation
from tests.fixtures.services import Harness, problem

STRICT: dict[str, Any] = {"unit": "ratio", "excellent": 0.0, "good": 0.1, "acceptable": 0.2, "source": "our goal 2026"}


async def put(
    analytics: Harness, tenant: str, kpi: str, body: Any, version: str = '"0"', role: str = "admin", process: str = ""
) -> httpx.Response:
    async with analytics.client(tenant, role) as client:
        address = f"/analytics/bands/{kpi}"
        return await client.put(address, params={"process": process}, json=body, headers={"If-Match": version})


async def test_the_defaults_are_listed_with_their_sources(analytics: Harness, tenant: str) -> None:
    async with analytics.client(tenant, "viewer") as client:
        items = (await client.get("/analytics/bands")).json()["items"]
        payroll = (await client.get("/analytics/bands", params={"process": "payroll"})).json()["items"]
        missing = await client.get("/analytics/bands/cost_per_operation", params={"process": "payroll"})
    assert len(items) == 9
    assert {item["origin"] for item in items} == {"default"}
    assert all(item["source"] for item in items)
    assert len(payroll) == 8
    assert problem(missing)["code"] == "not-found"


async def test_an_own_scale_grades_from_then_on_and_can_be_dropped(
    analytics: Harness, tenant: str, other_tenant: str
) -> None:
    for each in (tenant, other_tenant):
        await feed(analytics, [operation(each, f"{n}", outcome="error" if n == 0 else "done") for n in range(10)])
    before = (await kpis(analytics, tenant))["error_rate"]
    assert (before["band"], before["value"]) == ("poor", 0.1)
    stored = await put(analytics, tenant, "error_rate", STRICT)
    assert (stored.status_code, stored.headers["etag"], stored.json()["origin"]) == (200, '"1"', "tenant")
    after = (await kpis(analytics, tenant))["error_rate"]
    assert (after["band"], after["band_source"]) == ("good", "our goal 2026")
    assert (await kpis(analytics, other_tenant))["error_rate"]["band"] == "poor"
    by_process = (await ask(analytics, tenant, group_by="process"))["groups"][0]
    assert by_id(by_process["kpis"])["error_rate"]["band"] == "good"
    own = await put(analytics, tenant, "error_rate", STRICT | {"good": 0.05, "minimum_n": 10}, process="p")
    assert own.status_code == 200
    assert (await kpis(analytics, tenant, process="p"))["error_rate"]["band"] == "acceptable"
    assert problem(await put(analytics, tenant, "error_rate", STRICT))["code"] == "if-match-failed"
    async with analytics.client(tenant, "admin") as client:
        stale = await client.delete("/analytics/bands/error_rate", headers={"If-Match": '"9"'})
        gone = await client.delete("/analytics/bands/error_rate", headers={"If-Match": '"1"'})
        again = await client.delete("/analytics/bands/error_rate", headers={"If-Match": '"1"'})
    assert (problem(stale)["code"], gone.status_code, problem(again)["code"]) == ("if-match-failed", 204, "not-found")
    assert (await kpis(analytics, tenant))["error_rate"]["band"] == "poor"


async def test_no_version_of_a_scale_comes_again_after_it_was_dropped(analytics: Harness, tenant: str) -> None:
    address, seen = "/analytics/bands/error_rate", ['"0"']
    async with analytics.client(tenant, "admin") as client:
        for n in range(3):
            assert (await client.get(address)).headers["etag"] == '"0"'
            for stale in seen[1:]:
                assert problem(await put(analytics, tenant, "error_rate", STRICT, stale))["code"] == "if-match-failed"
            stored = await put(analytics, tenant, "error_rate", STRICT | {"source": f"goal {n}"})
            assert (stored.status_code, stored.json()["source"]) == (200, f"goal {n}")
            for stale in seen:
                assert problem(await put(analytics, tenant, "error_rate", STRICT, stale))["code"] == "if-match-failed"
                gone = await client.delete(address, headers={"If-Match": stale})
                assert problem(gone)["code"] == "if-match-failed"
            seen.append(stored.headers["etag"])
            assert (await client.delete(address, headers={"If-Match": seen[-1]})).status_code == 204
            assert problem(await client.delete(address, headers={"If-Match": seen[-1]}))["code"] == "not-found"
            assert (await client.get(address)).json()["origin"] == "default"
            items = (await client.get("/analytics/bands")).json()["items"]
            assert {item["origin"] for item in items} == {"default"}
    assert seen == ['"0"', '"1"', '"2"', '"3"']


@pytest.mark.parametrize(
    ("kpi", "body", "code"),
    [
        ("error_rate", STRICT | {"good": 0.3}, "limits-cross"),
        ("automation_level", STRICT, "limits-cross"),
        ("error_rate", STRICT | {"unit": "s"}, "wrong-unit"),
        ("cost_per_operation", STRICT | {"unit": "euro"}, "wrong-unit"),
        ("error_rate", STRICT | {"excellent": "0"}, "invalid-input"),
        ("error_rate", STRICT | {"source": ""}, "invalid-input"),
        ("error_rate", STRICT | {"minimum_n": 0}, "invalid-input"),
        ("happiness", STRICT, "invalid-input"),
    ],
)
async def test_a_scale_that_cannot_be_is_refused(
    analytics: Harness, tenant: str, kpi: str, body: Any, code: str
) -> None:
    assert problem(await put(analytics, tenant, kpi, body))["code"] == code


async def test_only_an_administrator_sets_scales(analytics: Harness, tenant: str) -> None:
    assert problem(await put(analytics, tenant, "error_rate", STRICT, role="manager"))["code"] == "not-allowed"


async def test_a_scale_in_another_currency_grades_that_currency(analytics: Harness, tenant: str) -> None:
    events = [operation(tenant, f"{n}", cost={"amount": "3", "currency": "USD"}) for n in range(5)]
    await feed(analytics, events)
    assert (await kpis(analytics, tenant))["cost_per_operation"]["band"] == "insufficient-data"
    dollars = {"unit": "USD", "excellent": 2, "good": 3, "acceptable": 4, "source": "own"}
    assert (await put(analytics, tenant, "cost_per_operation", dollars)).status_code == 200
    assert (await kpis(analytics, tenant))["cost_per_operation"]["band"] == "good"
