"""Event logs through HTTP, store, job, event log and consumer, to the figures."""

import gzip
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
import pytest_asyncio

from tests.analytics.event_logs.importing import (
    LOG,
    MONDAY,
    assert_no_upload_left,
    at_work,
    end_of,
    long_log,
    report_of,
    rows,
    send,
    stamp,
    state,
)
from tests.analytics.event_logs.logs import event, table, trace, xes
from tests.fixtures.services import Harness, problem


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def _at_work(analytics: Harness) -> AsyncIterator[None]:
    async with at_work(analytics.runtime):
        yield


async def test_a_log_becomes_operations_cases_and_a_report(analytics: Harness, tenant: str) -> None:
    report = await report_of(analytics, tenant, LOG, automatic=["System"], cost_attribute="Costs", currency="USD")
    samples = report.pop("samples")
    assert report == {
        "events": 9, "cases": 2, "operations": 4, "observations": 2, "paired": 2, "unpaired_starts": 1,
        "orphan_completes": 0, "rejected": {"no-case": 1}, "remarks": {}, "naive_stamps": 0,
        "cost": "6.5", "unassigned_cost": "0", "currency": "USD", "withdrawn": 0, "visible": True,
        "changes": {"new": 6},
    }  # fmt: skip
    assert samples == [{"reason": "no-case", "position": "event 9", "text": "Register"}]
    operations = await rows(analytics, tenant, "operation", "finished_at, case_id")
    brief = [(op["case_id"], op["activity"], op["actor_kind"], op["touch_us"], op["outcome"]) for op in operations]
    minute = 60_000_000
    assert brief == [
        ("c1", "Register", "automation", None, "done"),
        ("c2", "Register", "automation", None, "done"),
        ("c1", "Repair", "person", 10 * minute, "done"),
        ("c1", "Repair", "person", 30 * minute, "rework"),
    ]
    assert [(str(op["cost"]), op["currency"], op["team"]) for op in operations if op["cost"] is not None] == [
        ("1.5", "USD", ""),
        ("5", "USD", "Workshop"),
    ]
    cases = await rows(analytics, tenant, "case_state", "case_id")
    assert [(case["case_id"], case["first_at"], case["last_at"]) for case in cases] == [
        ("c1", MONDAY, MONDAY + timedelta(minutes=60)),
        ("c2", MONDAY + timedelta(minutes=5), MONDAY + timedelta(minutes=90)),
    ]


async def test_people_become_pseudonyms_and_machines_keep_their_names(analytics: Harness, tenant: str) -> None:
    await report_of(analytics, tenant, LOG, automatic=["System"])
    actors = {op["actor_id"] for op in await rows(analytics, tenant, "operation", "id")}
    assert "System" in actors
    assert len(actors) == 3
    assert not {"Ana", "Luis"} & actors


async def test_importing_again_in_any_format_changes_nothing(analytics: Harness, tenant: str) -> None:
    header = (
        "case:concept:name",
        "concept:name",
        "time:timestamp",
        "lifecycle:transition",
        "org:resource",
        "org:group",
    )
    as_csv = table(
        header,
        ("c1", "Register", stamp(0), "complete", "System", ""),
        ("c1", "Repair", stamp(1), "start", "Ana", "Workshop"),
        ("c1", "Repair", stamp(11), "complete", "Ana", "Workshop"),
        ("c2", "Repair", stamp(90), "start", "", ""),
        ("c1", "Repair", stamp(20), "start", "Luis", ""),
        ("c1", "Repair", stamp(50), "complete", "Luis", ""),
        ("c1", "Archive", stamp(60), "schedule", "", ""),
        ("c2", "Register", stamp(5), "complete", "System", ""),
        delimiter=";",
    )
    first = await report_of(analytics, tenant, LOG, automatic="System")
    before = await state(analytics, tenant)
    again = [
        await report_of(analytics, tenant, content) for content in (LOG, gzip.compress(LOG), gzip.compress(as_csv))
    ]
    assert await state(analytics, tenant) == before
    names = ("cases", "operations", "observations", "paired", "unpaired_starts")
    assert [[each[name] for name in names] for each in again] == [[first[name] for name in names]] * 3


async def test_tenants_and_processes_do_not_mix(analytics: Harness, tenant: str, other_tenant: str) -> None:
    await report_of(analytics, tenant, LOG)
    await report_of(analytics, tenant, LOG, process="another")
    address = await send(analytics, other_tenant, LOG)
    await end_of(analytics, other_tenant, address)
    assert len(await rows(analytics, tenant, "operation", "id")) == 8
    assert len(await rows(analytics, other_tenant, "operation", "id")) == 4
    async with analytics.client(tenant) as client:
        assert problem(await client.get(address))["code"] == "not-found"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "event-log-empty"),
        (b"PK\x03\x04", "event-log-format-unknown"),
        (b"%PDF-1.7", "event-log-format-unknown"),
        (b"a,b,c\n1,2,3\n", "event-log-column-missing"),
        (b"<?xml version='1.0'?><!DOCTYPE log SYSTEM 'file:///etc/passwd'><log/>", "event-log-doctype-refused"),
        (b"<html></html>", "event-log-not-xes"),
        (LOG[:-20], "event-log-truncated"),
        (gzip.compress(LOG)[:-20], "event-log-gzip-damaged"),
        (b"<log>" + b"<x>" * 100, "event-log-too-deep"),
    ],
)
async def test_what_is_no_log_is_refused_at_once(analytics: Harness, tenant: str, content: bytes, code: str) -> None:
    async with analytics.client(tenant) as client:
        answer = await client.post("/analytics/event-logs", params={"process": "p"}, content=content)
    assert answer.status_code == 422
    document = problem(answer)
    assert document["code"] == code
    assert document["hint"]
    assert await rows(analytics, tenant, "job", "id") == []


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"process": ""},
        {"process": "p", "format": "mxml"},
        {"process": "p", "currency": "euro"},
        {"process": "p", "proces": "x"},
        {"process": " "},
        {"process": "\u3000\x1c"},
        {"process": "p", "automatic": "\t"},
        {"process": "p", "team_column": "\n"},
    ],
)
async def test_a_wrong_question_is_refused(analytics: Harness, tenant: str, query: dict[str, str]) -> None:
    async with analytics.client(tenant) as client:
        answer = await client.post("/analytics/event-logs", params=query, content=LOG)
    assert problem(answer)["code"] == "invalid-input"


@pytest.mark.parametrize(
    ("language", "message"), [("en", "Input should not be blank"), ("es", "no debe estar en blanco")]
)
async def test_a_blank_process_is_refused_in_the_callers_language(
    analytics: Harness, tenant: str, language: str, message: str
) -> None:
    async with analytics.client(tenant, **{"Accept-Language": language}) as client:
        answer = await client.post("/analytics/event-logs", params={"process": " "}, content=LOG)
    assert problem(answer)["errors"] == [{"at": "query.process", "message": message, "type": "blank_text"}]


async def test_importing_needs_its_scope(analytics: Harness, tenant: str) -> None:
    async with analytics.client(tenant, "viewer") as client:
        answer = await client.post("/analytics/event-logs", params={"process": "p"}, content=LOG)
    assert problem(answer)["code"] == "not-allowed"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: xes(*long_log(200))[:-60], "event-log-truncated"),
        (lambda: gzip.compress(xes(*long_log(9_000)))[:-9], "event-log-gzip-damaged"),
        (lambda: xes(*long_log(200), trace("c", event("A", stamp(0)), "<broken>")), "event-log-xml-malformed"),
        (lambda: xes(*[trace("c", *[event("A", "soon", note="x" * 400)] * 300)]), "event-log-nothing-readable"),
    ],
)
async def test_a_file_that_proves_broken_later_imports_nothing(
    analytics: Harness, tenant: str, make: Callable[[], bytes], code: str
) -> None:
    job = await end_of(analytics, tenant, await send(analytics, tenant, make()))
    assert (job["status"], job["error"]["code"]) == ("failed", code)
    assert job["error"]["detail"]["en"] != job["error"]["detail"]["es"]
    assert await state(analytics, tenant) == [[], [], [], []]
    await assert_no_upload_left(analytics, tenant)


async def test_a_log_is_withdrawn_by_the_log_and_imported_anew_by_another_revision(
    analytics: Harness, tenant: str, other_tenant: str
) -> None:
    """Whatever the format; a second process of the same log, and what another log brought, stay."""
    await report_of(analytics, tenant, LOG, process="kept")
    kept = await state(analytics, tenant)
    first = await report_of(analytics, tenant, LOG, automatic=["System"])
    imported = await state(analytics, tenant)
    for _ in range(2):
        gone = await report_of(analytics, tenant, LOG, withdraw="wrong process")
        assert (gone["operations"], gone["observations"], gone["withdrawn"], gone["visible"]) == (4, 2, 6, True)
        assert await state(analytics, tenant) == kept
    again = await report_of(analytics, tenant, LOG, automatic=["System"])
    assert again == {**first, "withdrawn": 6, "changes": {}}
    assert await state(analytics, tenant) == kept
    anew = await report_of(analytics, tenant, LOG, automatic=["System"], revision=1)
    assert anew == first
    assert [len(each) for each in await state(analytics, tenant)] == [len(each) for each in imported]
    assert (await report_of(analytics, tenant, LOG, withdraw="once more", revision=2))["withdrawn"] == 0
    assert (await report_of(analytics, tenant, LOG, withdraw="once more", revision=1))["withdrawn"] == 6
    assert await state(analytics, tenant) == kept
    assert (await report_of(analytics, other_tenant, LOG, withdraw="not mine"))["withdrawn"] == 0
    reasons = {row["reason"] for row in await rows(analytics, tenant, "withdrawal", "id")}
    assert reasons == {"wrong process", "once more"}


@pytest.mark.parametrize(("language", "word"), [("en", "blank"), ("es", "blanco")])
async def test_a_withdrawal_of_a_log_needs_a_reason(analytics: Harness, tenant: str, language: str, word: str) -> None:
    async with analytics.client(tenant, **{"Accept-Language": language}) as client:
        for query, at in (
            ({"withdraw": " "}, "withdraw"),
            ({"revision": "-1"}, "revision"),
            ({"revision": "1.0"}, "revision"),
        ):
            refused = await client.post("/analytics/event-logs", params={"process": "p", **query}, content=LOG)
            (error,) = problem(refused)["errors"]
            assert error["at"] == f"query.{at}"
            assert word in error["message"] or at == "revision"
