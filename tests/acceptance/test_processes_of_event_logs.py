"""Variants of public event logs are as many as known, and their candidates for automation stand in the known order."""

from typing import Any

import pytest

from tests.acceptance.test_indicators_of_event_logs import LOGS, at_work, import_log
from tests.fixtures.indicators import ONE_MS
from tests.fixtures.known_logs import has_starts
from tests.fixtures.services import Harness

REPAIR = "repair-example.xes.gz"
ORDER = ["Repair (Complex)", "Test Repair", "Analyze Defect", "Repair (Simple)"]  # by n x mean touch time


async def ask(analytics: Harness, tenant: str, what: str, **parameters: Any) -> dict[str, Any]:
    async with analytics.client(tenant, "viewer") as client:
        answered = await client.get(f"/analytics/processes/imported/{what}", params=parameters)
    assert answered.status_code == 200, answered.text
    document: dict[str, Any] = answered.json()
    return document


async def every_variant(analytics: Harness, tenant: str) -> list[dict[str, Any]]:
    page = await ask(analytics, tenant, "variants", limit=100)
    items = list(page["items"])
    while page["next_cursor"] is not None:
        page = await ask(analytics, tenant, "variants", limit=100, cursor=page["next_cursor"])
        items += page["items"]
    return items


@pytest.mark.parametrize("name", sorted(name for name in LOGS if LOGS[name].get("variants_complete") is not None))
async def test_a_log_has_its_known_variants(analytics: Harness, tenant: str, name: str) -> None:
    truth = LOGS[name]
    async with at_work(analytics):
        await import_log(analytics, tenant, name)
    document = await ask(analytics, tenant, "variants")
    variants = await every_variant(analytics, tenant)
    assert document["variants"] == len(variants) == truth["variants_complete"]
    assert len({item["id"] for item in variants}) == len(variants)
    assert sum(item["cases"] for item in variants) == document["cases"] <= truth.get("cases", document["cases"])
    edges = await ask(analytics, tenant, "edges", top=200)
    followed = sum(item["cases"] * (item["length"] - 1) for item in variants)
    assert followed == edges["steps"] == truth.get("events_complete", followed + document["cases"]) - document["cases"]
    hours = [
        item["hours"]
        for item in (await ask(analytics, tenant, "automation-candidates"))["items"]
        if item["hours"] is not None
    ]
    assert hours == sorted(hours, reverse=True)
    if "touch" in truth or not has_starts(name):
        assert bool(hours) == (truth.get("touch", {}).get("paired", 0) > 0)

    if name == REPAIR:
        await assert_repairs_in_order(analytics, tenant)


async def assert_repairs_in_order(analytics: Harness, tenant: str) -> None:
    document = await ask(analytics, tenant, "automation-candidates", hourly_rate="36", currency="EUR", coverage="0.5")
    items = [item for item in document["items"] if item["hours"] is not None]
    assert [item["activity"] for item in items] == ORDER
    for item in items:
        known = LOGS[REPAIR]["touch"]["per_activity"][item["activity"]]
        assert item["mean"] == pytest.approx(known["mean"], abs=ONE_MS)
        assert item["hours"] == pytest.approx(item["n"] * known["mean"] / 3600, rel=1e-5)
        assert float(item["saving"]["net"]) == pytest.approx(item["hours"] * 36 * 0.5, abs=0.006)
