"""What goes out comes back as the same work: exported, imported by another tenant, asked for its indicators."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from shared.events import Event
from tests.analytics.event_logs.importing import end_of, send
from tests.analytics.exports.exporting import at_work, export
from tests.analytics.feeding import MINUTE, T0, feed, kpis, observation, operation
from tests.fixtures.services import Harness

STRANGE = '=A1+"x"; <&>\t\'\n áñ€😀'
DAY = timedelta(days=1)


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def _at_work(analytics: Harness) -> AsyncIterator[None]:
    async with at_work(analytics.runtime):
        yield


def work(tenant: str) -> list[Event]:
    """Return every kind of operation: overlapping itself, without a start, assumed, waited for, wrong, dear, repeated."""
    wrong = uuid4()
    cost = {"amount": "12.345678901", "currency": "EUR"}
    return [
        operation(tenant, "c1", "check", minutes=30, finished_at=T0 + 30 * MINUTE, team="ap"),
        operation(tenant, "c1", "check", minutes=5, finished_at=T0 + 10 * MINUTE, cost=cost),
        operation(tenant, "c1", "check", minutes=None, finished_at=T0 + 8 * MINUTE, outcome="rework"),
        operation(tenant, "c1", "pay", minutes=3, finished_at=T0 + DAY, requested_at=T0 + DAY - 90 * MINUTE),
        operation(tenant, "c2", "check", minutes=2, kind="automation", event_id=wrong),
        operation(tenant, "c2", "mend", minutes=7, finished_at=T0 + 60 * MINUTE, corrects=wrong),
        operation(tenant, "c2", "assume", minutes=15, finished_at=T0 + 90 * MINUTE, estimated=True),
        operation(tenant, "c3", "check", minutes=0, kind="automation", outcome="error"),
        operation(tenant, "c3", "check", minutes=0, kind="automation"),
        operation(tenant, "c4", "drop", minutes=4, outcome="cancelled", cost={"amount": "0.5", "currency": "EUR"}),
        operation(tenant, f"=c{STRANGE}".replace("\n", " ").replace("\t", " "), STRANGE.strip(), minutes=1, team="-t"),
        *[operation(tenant, f"d{n:04}", "book", minutes=n % 7, finished_at=T0 + n * MINUTE) for n in range(1_200)],
        # A start that is never closed, before a completion whose start nobody saw: they do not belong together.
        observation(tenant, "c1", T0, activity="check", transition="start"),
        observation(tenant, "c3", T0 - DAY, activity="check", transition="start"),
        observation(tenant, "c3", T0 + 2 * DAY, activity=STRANGE.strip(), transition="ate_abort"),
        observation(tenant, "c3", T0 + 2 * DAY, activity=STRANGE.strip(), transition="ate_abort"),
        observation(tenant, "seen only", T0, activity="=check", transition="schedule"),
    ]


def comparable(indicators: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the figures without what an export cannot carry: corrections come back as errors."""
    kept = {kpi: {k: v for k, v in entry.items() if k != "advice"} for kpi, entry in indicators.items()}
    errors = kept["error_rate"]
    errors["errors"] += errors.pop("corrected")
    return kept


@pytest.mark.parametrize(
    ("form", "query"),
    [
        ("xes", {"cost_attribute": "cost:total"}),
        ("csv", {"cost_attribute": "cost"}),
        ("ocel2-json", {"cost_attribute": "cost:total"}),
        ("ocel2-sqlite", {"cost_attribute": "cost:total"}),
    ],
)
async def test_every_indicator_survives(
    analytics: Harness, tenant: str, other_tenant: str, form: str, query: dict[str, str]
) -> None:
    await feed(analytics, work(tenant))
    content, result = await export(analytics, tenant, format=form)
    assert (result["operations"], result["cases"]) == (1_211, 1_206)
    assert (result["observations"], result["observations_left_out"]) == (5, 0)
    job = await end_of(analytics, other_tenant, await send(analytics, other_tenant, content, process="p", **query))
    assert job["status"] == "succeeded", job["error"]
    report = job["result"]
    assert (report["operations"], report["observations"], report["rejected"]) == (1_211, 5, {})
    assert report["unpaired_starts"] == 2
    before, after = await kpis(analytics, tenant), await kpis(analytics, other_tenant)
    assert before["processing_time"]["wait_mean"] is not None
    assert before["error_rate"]["corrected"] == 1
    assert before["case_throughput_time"]["cases"] == 1_206
    assert comparable(after) == comparable(before)
