"""Bad rows of an imported table between good ones: left out with a reason, or used without the part in question."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import pytest_asyncio
from prometheus_client import Counter

from services.analytics import metrics
from tests.analytics.bad_input.document import of_door
from tests.analytics.bad_input.kinds import GOOD_ROW, OPERATIONS, Kind
from tests.analytics.bad_input.outcome import figures_of, outcome_of
from tests.analytics.event_logs.importing import at_work, end_of, send
from tests.fixtures.services import Harness

IMPORT = "import"
REASONS = ("no-case", "start-after-end")
OPTIONS = {
    "process": "p",
    "format": "csv",
    "case_column": "case",
    "activity_column": "activity",
    "start_column": "started",
    "timestamp_column": "at",
    "cost_attribute": "cost",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def _at_work(analytics: Harness) -> AsyncIterator[None]:
    async with at_work(analytics.runtime):
        yield


def table_of(kind: Kind) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, tuple(GOOD_ROW))
    writer.writeheader()
    writer.writerows([GOOD_ROW, kind.texts, GOOD_ROW])
    return text.getvalue().encode("utf-8", "surrogatepass")


def total(counter: Counter, reasons: Sequence[str]) -> float:
    return sum(float(counter.labels(reason)._value.get()) for reason in reasons)


def left_out() -> list[float]:
    return [total(metrics.import_rejected_total, REASONS), total(metrics.import_remarks_total, REASONS)]


async def imported(analytics: Harness, tenant: str, kind: Kind) -> str:
    job = await end_of(analytics, tenant, await send(analytics, tenant, table_of(kind), **OPTIONS))
    assert job["status"] == "succeeded", job["error"]
    report = job["result"]
    remarks = [*report["remarks"], *(["naive-stamps"] if report["naive_stamps"] else [])]
    assert report["events"] == 3 == report["operations"] + sum(report["rejected"].values())
    assert set(report["rejected"]) | set(report["remarks"]) == {sample["reason"] for sample in report["samples"]}
    refusal = None
    if report["rejected"]:
        [reason] = report["rejected"]
        refusal = f"left out `{reason}`"
    said = outcome_of(await figures_of(analytics, tenant), refusal, kind.cost)
    return said + (f"; {', '.join(f'`{each}`' for each in remarks)}" if remarks else "")


async def test_every_kind_becomes_what_the_document_says(analytics: Harness) -> None:
    prefix = f"i-{uuid4().hex[:8]}"
    told = [name for name, kind in OPERATIONS.items() if kind.row is not None]
    found = {name: await imported(analytics, f"{prefix}-{n}", OPERATIONS[name]) for n, name in enumerate(told)}
    assert found == of_door("An operation", IMPORT)


async def test_what_was_left_out_is_counted(analytics: Harness, tenant: str, other_tenant: str) -> None:
    before = left_out()
    await imported(analytics, tenant, OPERATIONS["no case"])
    await imported(analytics, other_tenant, OPERATIONS["it ends before it starts"])
    assert [now - then for now, then in zip(left_out(), before, strict=True)] == [1, 1]


async def test_a_log_of_which_nothing_can_be_used_is_counted_too(analytics: Harness, tenant: str) -> None:
    before, [header, _, bad, _] = left_out(), table_of(OPERATIONS["no case"]).splitlines(keepends=True)
    job = await end_of(analytics, tenant, await send(analytics, tenant, header + bad, **OPTIONS))
    assert job["status"] == "failed"
    assert "no-case 1" in str(job["error"])
    assert [now - then for now, then in zip(left_out(), before, strict=True)] == [1, 0]
