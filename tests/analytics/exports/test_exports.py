"""Exports over HTTP: what the files hold, who may have them, how long, and what is refused."""

import csv
import io
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree as ET

import pytest
import pytest_asyncio
from sqlalchemy import text

from services.analytics.exports.job import jobs
from services.analytics.exports.queries import Source
from services.analytics.exports.schemas import ExportOrder
from services.analytics.exports.service import sweep
from shared.jobs import JobRunner
from tests.analytics.event_logs.importing import end_of
from tests.analytics.exports.exporting import at_work, export, fetch, order
from tests.analytics.feeding import MINUTE, T0, feed, observation, operation, withdrawal
from tests.fixtures.services import Harness, problem

XES = "{http://www.xes-standard.org/}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def working(analytics: Harness) -> AsyncIterator[Harness]:
    async with at_work(analytics.runtime):
        yield analytics


def attributes(node: ET.Element) -> dict[str, str]:
    return {child.attrib["key"]: child.attrib["value"] for child in node if "key" in child.attrib}


async def test_an_xes_log_declares_its_extensions_and_orders_its_events(working: Harness, tenant: str) -> None:
    nasty = 'a&b<c>"d"\t\n\x01e'
    await feed(
        working,
        [
            operation(tenant, "c2", "pay", minutes=None, team="ap & co"),
            operation(tenant, "c1", nasty, minutes=10, cost={"amount": "1.50", "currency": "USD"}),
            operation(tenant, "c1", "check", minutes=20, finished_at=T0 + MINUTE),
            observation(tenant, "c1", T0),
        ],
    )
    content, result = await export(working, tenant)
    log = ET.fromstring(content)
    assert log.tag == f"{XES}log"
    declared = {each.attrib["prefix"] for each in log.iter(f"{XES}extension")}
    assert {"concept", "lifecycle", "time", "org", "cost"} <= declared
    traces = {
        attributes(each)["concept:name"]: [attributes(e) for e in each.iter(f"{XES}event")]
        for each in log.iter(f"{XES}trace")
    }
    assert list(traces) == ["c1", "c2"]
    brief = [(e["concept:name"], e["lifecycle:transition"], e["time:timestamp"]) for e in traces["c1"]]
    seen = nasty.replace("\x01", "\N{REPLACEMENT CHARACTER}")
    assert brief == [
        ("check", "start", (T0 - 19 * MINUTE).isoformat(timespec="microseconds")),
        (seen, "start", (T0 - 10 * MINUTE).isoformat(timespec="microseconds")),
        (seen, "complete", T0.isoformat(timespec="microseconds")),
        ("check", "complete", (T0 + MINUTE).isoformat(timespec="microseconds")),
    ]
    assert (traces["c1"][2]["cost:total"], traces["c1"][2]["cost:currency"]) == ("1.50", "USD")
    assert [(e["org:group"], e["lifecycle:transition"]) for e in traces["c2"]] == [("ap & co", "complete")]
    assert (result["observations"], result["observations_left_out"]) == (0, 1)


async def test_what_is_withdrawn_is_in_no_export(working: Harness, tenant: str) -> None:
    gone = [operation(tenant, "gone"), observation(tenant, "kept", T0 + MINUTE, activity="check", transition="suspend")]
    await feed(working, [operation(tenant, "kept"), *gone, *(withdrawal(tenant, each.id) for each in gone)])
    content, result = await export(working, tenant, format="csv")
    assert [row["case_id"] for row in csv.DictReader(io.StringIO(content.decode(), newline=""))] == ["kept"]
    assert (result["operations"], result["cases"], result["observations"]) == (1, 1, 0)


async def test_a_csv_is_a_row_per_operation_and_no_spreadsheet_executes_it(working: Harness, tenant: str) -> None:
    await feed(
        working, [operation(tenant, "=1+1", "@sum", team="+x"), operation(tenant, "c", "plain, quoted", minutes=None)]
    )
    content, _ = await export(working, tenant, format="csv")
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    assert [(row["case_id"], row["activity"], row["team"]) for row in rows] == [
        ("'=1+1", "'@sum", "'+x"),
        ("c", "plain, quoted", ""),
    ]
    assert rows[1]["start_timestamp"] == ""
    assert content.count(b"\r\n") == 3


async def test_an_ocel_log_relates_each_event_to_its_case(working: Harness, tenant: str) -> None:
    event_id = uuid4()
    await feed(working, [operation(tenant, "c1", "pay", event_id=event_id), operation(tenant, "c2", "check")])
    content, _ = await export(working, tenant, format="ocel2-json")
    log: dict[str, list[dict[str, Any]]] = json.loads(content)
    assert [each["name"] for each in log["objectTypes"]] == ["p"]
    assert [each["name"] for each in log["eventTypes"]] == ["check", "pay"]
    assert [(each["id"], each["type"]) for each in log["objects"]] == [("c1", "p"), ("c2", "p")]
    first = log["events"][0]
    assert (first["id"], first["type"], first["relationships"]) == (
        str(event_id),
        "pay",
        [{"objectId": "c1", "qualifier": "case"}],
    )
    declared = {each["name"] for each in log["eventTypes"][0]["attributes"]}
    assert {each["name"] for event in log["events"] for each in event["attributes"]} <= declared


async def test_an_ocel_database_has_the_tables_of_the_standard_and_sound_references(
    working: Harness, tenant: str, tmp_path: Path
) -> None:
    await feed(working, [operation(tenant, "c1", name) for name in ("pay", "Pay", 'p"; DROP TABLE event; --')])
    content, _ = await export(working, tenant, format="ocel2-sqlite")
    assert (await export(working, tenant, format="ocel2-sqlite"))[0] == content
    path = tmp_path / "log.sqlite"
    path.write_bytes(content)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        kinds = dict(database.execute("SELECT ocel_type, ocel_type_map FROM event_map_type").fetchall())
        assert kinds.keys() == {"pay", "Pay", 'p"; DROP TABLE event; --'}
        for name, table in kinds.items():
            (found,) = database.execute(f"SELECT ocel_type FROM event_{table} JOIN event USING (ocel_id)").fetchall()
            assert found == (name,)
        assert database.execute("SELECT ocel_id, ocel_type FROM object JOIN object_1 USING (ocel_id)").fetchall() == [
            ("c1", "p")
        ]
        assert database.execute("SELECT count(*), min(ocel_qualifier) FROM event_object").fetchall() == [(3, "case")]


@pytest.mark.parametrize("form", ["xes", "csv", "ocel2-json", "ocel2-sqlite"])
async def test_what_would_come_back_as_work_or_says_nothing_is_left_out(
    working: Harness, tenant: str, form: str
) -> None:
    said = {"start": "start", "nothing": "", "over": "complete", "over in capitals": " COMPLETE "}
    seen = [observation(tenant, case, T0, activity="x", transition=transition) for case, transition in said.items()]
    late = observation(tenant, "late", T0 + MINUTE, activity="x", transition="start")
    await feed(working, [operation(tenant, "c"), *seen, late])
    content, result = await export(working, tenant, format=form, to=(T0 + MINUTE / 2).isoformat())
    assert (result["cases"], result["observations"], result["observations_left_out"]) == (2, 1, 3)
    assert (b"nothing" in content, b"over in" in content, b"late" in content) == (False, False, False)


@pytest.mark.parametrize("form", ["xes", "csv", "ocel2-json", "ocel2-sqlite"])
async def test_the_period_is_half_open_and_nothing_is_a_log_too(working: Harness, tenant: str, form: str) -> None:
    await feed(working, [operation(tenant, f"case-{n}", finished_at=T0 + n * MINUTE) for n in range(4)])
    bounds = {"from": (T0 + MINUTE).isoformat(), "to": (T0 + 3 * MINUTE).isoformat()}
    content, result = await export(working, tenant, format=form, **bounds)
    assert (result["operations"], b"case-1" in content, b"case-2" in content, b"case-3" in content) == (
        2,
        True,
        True,
        False,
    )
    empty, result = await export(working, tenant, format=form, process="nobody's")
    assert result["operations"] == 0
    if form == "xes":
        assert ET.fromstring(empty).findall(f"{XES}trace") == []
    elif form == "ocel2-json":
        assert json.loads(empty)["events"] == []


async def test_two_exports_of_the_same_data_are_the_same_bytes(working: Harness, tenant: str) -> None:
    await feed(working, [operation(tenant, f"c{n % 7}", finished_at=T0 + n % 3 * MINUTE) for n in range(50)])
    assert (await export(working, tenant))[0] == (await export(working, tenant))[0]


async def test_nobody_elses_work_is_in_it_and_nobody_else_gets_it(
    working: Harness, tenant: str, other_tenant: str
) -> None:
    await feed(working, [operation(tenant, "mine"), operation(other_tenant, "theirs")])
    accepted = await order(working, tenant)
    await end_of(working, tenant, accepted.headers["location"])
    job = accepted.json()["id"]
    content = (await fetch(working, tenant, job)).content
    assert b"mine" in content
    assert b"theirs" not in content
    assert problem(await fetch(working, other_tenant, job))["code"] == "not-found"
    assert problem(await fetch(working, tenant, job, "viewer"))["code"] == "not-allowed"
    async with working.client(tenant, "viewer") as client:
        refused = await client.post("/analytics/exports", json={"process": "p", "format": "xes"})
    assert problem(refused)["code"] == "not-allowed"


async def test_a_repeated_order_is_one_export(analytics: Harness, tenant: str) -> None:
    async with analytics.client(tenant, **{"Idempotency-Key": str(uuid4())}) as client:
        asked = {"process": "p", "format": "csv"}
        one, two = [await client.post("/analytics/exports", json=asked) for _ in range(2)]
    assert one.json() == two.json()
    assert (one.status_code, two.headers["idempotency-replayed"]) == (202, "true")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"format": "mxml"}, "invalid-input"),
        ({"process": " "}, "invalid-input"),
        ({"from": "2026-01-01"}, "invalid-input"),
        ({"colour": "red"}, "invalid-input"),
        ({"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "export-period-backwards"),
    ],
)
async def test_a_wrong_order_is_refused(analytics: Harness, tenant: str, asked: dict[str, str], code: str) -> None:
    assert problem(await order(analytics, tenant, **asked))["code"] == code


async def test_a_file_is_there_when_its_job_is_done_and_gone_after_a_day(analytics: Harness, tenant: str) -> None:
    runtime = analytics.runtime
    job = (await order(analytics, tenant)).json()["id"]
    early = problem(await fetch(analytics, tenant, job))
    assert (early["code"], early["job_status"]) == ("export-not-ready", "queued")
    runner = JobRunner("analytics", runtime.url, runtime.worker, jobs(runtime))
    while await runner.run_one():
        pass
    answer = await fetch(analytics, tenant, job)
    assert answer.headers["content-disposition"] == f'attachment; filename="export-{job}.xes"'
    assert int(answer.headers["content-length"]) == len(answer.content)
    await _make_older(analytics, tenant)
    assert problem(await fetch(analytics, tenant, job))["code"] == "export-gone"
    await sweep(runtime)
    assert await runtime.store.delete_prefix(f"{tenant}/") == 0
    await sweep(runtime)
    assert problem(await fetch(analytics, tenant, job))["status"] == 410


async def test_a_young_file_is_not_swept(working: Harness, tenant: str) -> None:
    await export(working, tenant)
    await sweep(working.runtime)
    assert await working.runtime.store.delete_prefix(f"{tenant}/") == 1


async def test_a_failed_export_has_no_file(analytics: Harness, tenant: str) -> None:
    job = (await order(analytics, tenant)).json()["id"]
    async with analytics.runtime.worker.transaction(tenant) as session:
        failed = text("UPDATE job SET status = 'failed', error = '{}', finished_at = now() WHERE tenant_id = :tenant")
        await session.execute(failed, {"tenant": tenant})
    assert problem(await fetch(analytics, tenant, job))["code"] == "export-failed"


async def _make_older(harness: Harness, tenant: str) -> None:
    async with harness.runtime.worker.transaction(tenant) as session:
        older = text("UPDATE job SET finished_at = finished_at - cast(:age AS interval) WHERE tenant_id = :tenant")
        await session.execute(older, {"tenant": tenant, "age": timedelta(hours=25)})


@pytest.mark.parametrize("read", [Source.items, Source.events, Source.cases])
async def test_no_more_than_a_page_is_ever_in_memory(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch, read: Callable[[Source], AsyncIterator[Any]]
) -> None:
    monkeypatch.setattr("services.analytics.exports.queries.PAGE", 10)
    await feed(analytics, [operation(tenant, f"c{n}") for n in range(95)])
    async with analytics.runtime.worker.session(tenant, read_only=True) as session:
        source = Source(session, tenant, ExportOrder("p", "xes", None, None))
        await source.begin()
        pages = [len(page) async for page in read(source)]
    assert max(pages) == 10
    assert sum(pages) == (190 if read is Source.events else 95)
