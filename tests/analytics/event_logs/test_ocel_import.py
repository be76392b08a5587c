"""Object-centric logs through HTTP, to the cases."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.analytics.event_logs.importing import assert_no_upload_left, at_work, end_of, report_of, rows, send
from tests.analytics.event_logs.ocels import EVENTS, ocel1, ocel2, ocel_sqlite
from tests.fixtures.services import Harness, problem


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def _at_work(analytics: Harness) -> AsyncIterator[None]:
    async with at_work(analytics.runtime):
        yield


async def test_every_version_becomes_the_same_cases(analytics: Harness, tenant: str, tmp_path: Path) -> None:
    asked = {"case_object_type": "order", "automatic": "Bot", "cost_attribute": "cost"}
    for content in (ocel2(), gzip.compress(ocel1()), ocel_sqlite(tmp_path)):
        report = await report_of(analytics, tenant, content, **asked)
        assert (report["events"], report["cases"], report["operations"], report["rejected"]) == (
            5,
            2,
            3,
            {"no-case": 2},
        )
        operations = await rows(analytics, tenant, "operation", "case_id, finished_at")
        assert [(op["case_id"], op["activity"], op["cost"] and str(op["cost"])) for op in operations] == [
            ("o1", "Place", "1.5"),
            ("o1", "Ship", None),
            ("o2", "Ship", None),
        ]


async def test_starts_and_completions_are_paired_as_in_other_formats(analytics: Harness, tenant: str) -> None:
    events = [
        ("s", "Pack", "2026-01-05T09:00:00Z", {"lifecycle:transition": "start"}, ("o1",)),
        ("c", "Pack", "2026-01-05T09:10:00Z", {"lifecycle:transition": "complete"}, ("o1",)),
    ]
    report = await report_of(analytics, tenant, ocel2(events), case_object_type="order")
    assert (report["paired"], report["operations"]) == (1, 1)


@pytest.mark.parametrize(("language", "words"), [("en", "has to be said"), ("es", "Hay que decir")])
async def test_the_refusal_names_the_types_there_are(
    analytics: Harness, tenant: str, language: str, words: str
) -> None:
    async with analytics.client(tenant, **{"Accept-Language": language}) as client:
        answer = await client.post("/analytics/event-logs", params={"process": "p"}, content=ocel2())
    document = problem(answer)
    assert (document["code"], document["object_types"]) == ("event-log-case-type-needed", ["item", "order"])
    assert words in document["detail"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"a": 1}', "event-log-not-ocel"),
        (b'{"a" 1                                          }', "event-log-json-malformed"),
        (b"SQLite format 3\0" + b"x" * 5_000, "event-log-sqlite-damaged"),
        (b"[]", "event-log-format-unknown"),
    ],
)
async def test_what_is_no_log_is_refused_at_once(analytics: Harness, tenant: str, content: bytes, code: str) -> None:
    async with analytics.client(tenant) as client:
        answer = await client.post("/analytics/event-logs", params={"process": "p"}, content=content)
    assert problem(answer)["code"] == code


async def test_a_large_log_that_needs_a_choice_fails_in_its_job(analytics: Harness, tenant: str) -> None:
    many = [(f"e{n}", "Place", "2026-01-05T09:00:00Z", {"note": "x" * 50}, ("o1",)) for n in range(500)]
    job = await end_of(analytics, tenant, await send(analytics, tenant, ocel2([*EVENTS, *many])))
    assert (job["status"], job["error"]["code"]) == ("failed", "event-log-case-type-needed")
    await assert_no_upload_left(analytics, tenant)
