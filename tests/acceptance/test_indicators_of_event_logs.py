"""Public event logs go in over HTTP, travel the event log, and come out as the known indicators."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from shared.consumer import Consumer
from shared.jobs import JobRunner
from tests.fixtures.indicators import ONE_MS, compare_with_truth
from tests.fixtures.known_logs import FOLDER, figures_of, has_starts, known_logs, require, settings_of
from tests.fixtures.services import Harness
from tests.fixtures.workers import Tell

LOGS = known_logs()


def test_there_are_logs_to_hold_against() -> None:
    require(LOGS, "event logs with truth.json")


@asynccontextmanager
async def at_work(analytics: Harness) -> AsyncIterator[None]:
    """Run the service's consumer and jobs, as its worker does."""
    runtime, stop = analytics.runtime, asyncio.Event()
    consumption = analytics.service.consumptions[0]
    consumer = Consumer(consumption, runtime.worker, runtime.log)
    runner = JobRunner(analytics.service.name, runtime.url, runtime.worker, analytics.service.jobs(runtime))
    async with asyncio.TaskGroup() as group:
        group.create_task(consumer.run(stop))
        group.create_task(runner.run(stop))
        try:
            yield
        finally:
            stop.set()


async def import_log(analytics: Harness, tenant: str, name: str) -> dict[str, Any]:
    truth, log = LOGS[name], (FOLDER / name).read_bytes()
    parameters = {"process": "imported", **settings_of(name)}
    async with analytics.client(tenant) as client:
        accepted = await client.post("/analytics/event-logs", params=parameters, content=log)
        assert accepted.status_code == 202, accepted.text
        async with asyncio.timeout(120 + (truth.get("events_raw") or 0) / 500):
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


def assert_close(rollups: dict[str, Any], exact: dict[str, Any]) -> None:
    """See that roll-ups give percentiles within 1 % of the exact ones (held against truth), and all else alike."""
    for close, true in zip(
        [rollups["kpis"], *(group["kpis"] for group in rollups["groups"])],
        [exact["kpis"], *(group["kpis"] for group in exact["groups"])],
        strict=True,
    ):
        touch, known = close[0], true[0]
        assert (touch["percentiles"], known["percentiles"]) == ("rollup", "exact")
        for figures, expected in ((touch, known), (touch["wait"], known["wait"]), (touch["lead"], known["lead"])):
            for figure in ("median", "p90", "p95", "p99", "max"):
                assert figures[figure] == (expected[figure] and pytest.approx(expected[figure], rel=0.01))
        assert {**close[5], "variants": None} == {**true[5], "variants": None}
        assert [*close[1:5], *close[6:]] == [*true[1:5], *true[6:]]


@pytest.mark.parametrize("name", LOGS)
async def test_a_log_gives_its_known_indicators_and_again_the_same(
    analytics: Harness, tenant: str, name: str, tell: Tell
) -> None:
    truth = LOGS[name]
    async with at_work(analytics):
        report = (await import_log(analytics, tenant, name))["result"]
        document = await answer(analytics, tenant, group_by="activity", exact=True)
        await import_log(analytics, tenant, name)
        assert await answer(analytics, tenant, group_by="activity", exact=True) == document
    kpis = {kpi["id"]: kpi for kpi in document["kpis"]}
    assert compare_with_truth(figures_of(name), kpis, has_starts=has_starts(name)) == []
    assert_close(await answer(analytics, tenant, group_by="activity"), document)
    assert report["events"] == (truth.get("events_raw") or report["events"])
    account = {"paired": "paired", "orphan_complete": "orphan_completes", "unpaired_start": "unpaired_starts"}
    for figure in account.keys() & truth.get("touch", {}).keys():
        assert report[account[figure]] == truth["touch"][figure], figure
    by_activity = {group["group"]["activity"]: group["kpis"][0] for group in document["groups"]}
    for activity, known in truth.get("touch", {}).get("per_activity", {}).items():
        got = by_activity[activity]
        assert (got["id"], got["n"]) == ("processing_time", known.get("n", got["n"]))
        for figure, expected in known.items():
            if figure != "n":
                assert got["value" if figure == "mean" else figure] == pytest.approx(expected, abs=ONE_MS), activity
    tell(f"{name}: {kpis['case_throughput_time']['n']} cases, {len(by_activity)} activities as known")
