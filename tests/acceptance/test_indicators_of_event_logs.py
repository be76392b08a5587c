"""Public event logs go in over HTTP, travel the event log, and come out as the known indicators."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.consumer import Consumer
from shared.jobs import JobRunner
from tests.fixtures.services import Harness

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("TRASTIENDA_TEST_DATA", ROOT / "../shared/data")).resolve() / "event-logs"
TRUTH = FOLDER / "truth.json"
LOGS: dict[str, Any] = json.loads(TRUTH.read_text())["logs"] if TRUTH.exists() else {}

pytestmark = pytest.mark.skipif(not LOGS, reason=f"no event logs with known answers in {FOLDER}")
ONE_MS = 0.001001


@asynccontextmanager
async def at_work(analytics: Harness) -> AsyncIterator[None]:
    """Run the service's consumer and jobs, as its worker does."""
    runtime, stop = analytics.runtime, asyncio.Event()
    consumption = analytics.service.consumptions[0]
    consumer = Consumer(consumption.group, consumption.pattern, consumption.handler, runtime.worker, runtime.log)
    runner = JobRunner(analytics.service.name, runtime.url, runtime.worker, analytics.service.jobs(runtime))
    async with asyncio.TaskGroup() as group:
        group.create_task(consumer.run(stop))
        group.create_task(runner.run(stop))
        try:
            yield
        finally:
            stop.set()


async def import_log(analytics: Harness, tenant: str, log: bytes, truth: dict[str, Any]) -> dict[str, Any]:
    parameters: dict[str, Any] = {"process": "imported", "automatic": truth.get("system_resources", [])}
    if "cost_total" in truth:
        parameters["cost_attribute"] = "Costs"
    async with analytics.client(tenant) as client:
        accepted = await client.post("/analytics/event-logs", params=parameters, content=log)
        assert accepted.status_code == 202, accepted.text
        async with asyncio.timeout(120):
            while True:
                job: dict[str, Any] = (await client.get(accepted.headers["location"])).json()
                if job["status"] in {"succeeded", "failed"}:
                    assert job["status"] == "succeeded", job
                    return job
                await asyncio.sleep(0.1)


async def answer(analytics: Harness, tenant: str, **parameters: Any) -> dict[str, Any]:
    async with analytics.client(tenant, "viewer") as client:
        answered = await client.get("/analytics/kpis", params={"process": "imported", **parameters})
    assert answered.status_code == 200, answered.text
    document: dict[str, Any] = answered.json()
    return document


def compare(expected: dict[str, Any], kpis: dict[str, dict[str, Any]]) -> dict[str, tuple[Any, Any]]:
    """Return what the truth says and what came out, by name, for everything the truth speaks of."""
    throughput, rework = kpis["case_throughput_time"], kpis["case_rework_rate"]
    cost, level = kpis["cost_per_operation"], kpis["automation_level"]
    got = {
        "events_raw": throughput["events"],
        "cases": throughput["n"],
        "events_complete": kpis["error_rate"]["n"],
        "rework_cases": rework["rework_cases"],
        "rework_case_rate": rework["value"],
        "rework_events": rework["rework_events"],
        "rework_event_rate": kpis["error_rate"]["value"],
        "cost_total": cost["total"],
        "cost_per_event": cost["value"],
        "auto_events": level["automation"],
        "automation_event_rate": level["value"],
        "touchless_cases": kpis["no_touch_rate"]["no_touch_cases"],
        "touchless_case_rate": kpis["no_touch_rate"]["value"],
        "variants_complete": throughput["variants"],
    }
    return {name: (expected[name], value) for name, value in got.items() if name in expected}


@pytest.mark.parametrize("name", LOGS)
async def test_a_log_gives_its_known_indicators_and_again_the_same(analytics: Harness, tenant: str, name: str) -> None:
    truth, log = LOGS[name], (FOLDER / name).read_bytes()
    async with at_work(analytics):
        await import_log(analytics, tenant, log, truth)
        document = await answer(analytics, tenant, group_by="activity")
        await import_log(analytics, tenant, log, truth)
        assert await answer(analytics, tenant, group_by="activity") == document
    kpis = {kpi["id"]: kpi for kpi in document["kpis"]}
    pairs = compare(truth, kpis)
    assert {known: value if isinstance(value, int) else round(value, 6) for known, (_, value) in pairs.items()} == {
        known: expected for known, (expected, _) in pairs.items()
    }
    throughput = kpis["case_throughput_time"]
    for known, expected in truth["throughput_s"].items():
        assert throughput["value" if known == "mean" else known] == pytest.approx(expected, abs=ONE_MS), known
    touched = 0
    if "touch" in truth:
        touched = check_touch_times(truth["touch"], kpis["processing_time"], document["groups"])
    else:
        assert (kpis["processing_time"]["value"], kpis["processing_time"]["n"]) == (None, 0)
    print(f"{name}: {throughput['n']} cases, {len(pairs)} counts and rates, {touched} touch times as known")  # noqa: T201 - what the acceptance tests counted


def check_touch_times(expected: dict[str, Any], touch: dict[str, Any], groups: list[dict[str, Any]]) -> int:
    assert touch["n"] == expected["paired"]
    assert touch["value"] == pytest.approx(expected["touch_mean_s"], abs=ONE_MS)
    assert touch["median"] == pytest.approx(expected["touch_median_s"], abs=ONE_MS)
    assert touch["p95"] == pytest.approx(expected["touch_p95_s"], abs=ONE_MS)
    by_activity = {group["group"]["activity"]: group["kpis"][0] for group in groups}
    for activity, known in expected["per_activity"].items():
        got = by_activity[activity]
        assert (got["id"], got["n"]) == ("processing_time", known["n"])
        assert got["value"] == pytest.approx(known["mean"], abs=ONE_MS)
        assert got["median"] == pytest.approx(known["median"], abs=ONE_MS)
        assert got["p95"] == pytest.approx(known["p95"], abs=ONE_MS)
    return int(touch["n"])
