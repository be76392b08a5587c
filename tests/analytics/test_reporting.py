"""Work and answers that come over HTTP, through outbox, event log and consumer, into the indicators."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from shared.consumer import Consumer
from shared.eventlog import Message
from tests.analytics.feeding import kpis
from tests.fixtures.services import Harness, problem

WORK: dict[str, Any] = {
    "process": "p",
    "activity": "check",
    "case": "c1",
    "actor": {"kind": "person", "id": "maria@example.test", "team": "ap"},
    "requested_at": "2026-03-02T08:00:00Z",
    "started_at": "2026-03-02T08:50:00Z",
    "finished_at": "2026-03-02T10:00:00+01:00",
    "cost": {"amount": "1.50", "currency": "EUR"},
}


async def report(analytics: Harness, tenant: str, operations: Any, role: str = "operator", **headers: str) -> Any:
    async with analytics.client(tenant, role, **headers) as client:
        return await client.post("/analytics/operations", json={"operations": operations})


async def arrive(analytics: Harness, tenant: str, operations: int = 0, answers: int = 0) -> dict[str, dict[str, Any]]:
    """Publish what waits, let the consumer work until this much is there, and return the indicators."""
    await analytics.relay()
    runtime, consumption, stop = analytics.runtime, analytics.service.consumptions[0], asyncio.Event()
    consumer = Consumer(consumption, runtime.worker, runtime.log)
    running = asyncio.create_task(consumer.run(stop))
    try:
        async with asyncio.timeout(20):
            while True:
                got = await kpis(analytics, tenant)
                if (got["error_rate"]["n"], got["internal_satisfaction"]["n"]) >= (operations, answers):
                    return got
                await asyncio.sleep(0.05)
    finally:
        stop.set()
        await running


async def test_reported_work_is_published_once_and_counted_once(analytics: Harness, tenant: str) -> None:
    own = str(uuid4())
    first = await report(analytics, tenant, [WORK | {"id": own}, WORK | {"activity": "pay"}])
    assert first.status_code == 202, first.text
    assert first.json()["ids"][0] == own
    again = await report(analytics, tenant, [WORK | {"id": own, "activity": "changed"}])
    assert again.status_code == 202
    events = await analytics.events(tenant)
    assert {event.type for event in events} == {"analytics.operation.recorded.v1"}
    assert len(events) == 2
    assert "maria" not in str(events[0].payload)
    got = await arrive(analytics, tenant, 2)
    assert (got["processing_time"]["value"], got["cost_per_operation"]["value"]) == (600, 1.5)
    assert (got["processing_time"]["wait_mean"], got["processing_time"]["lead_mean"]) == (3000, 3600)
    await report(analytics, tenant, [WORK | {"id": own}, WORK | {"case": "c2"}])  # the first one after publication, too
    got = await arrive(analytics, tenant, 3)
    assert got["error_rate"]["n"] == 3


async def test_a_reported_correction_changes_what_it_corrects(analytics: Harness, tenant: str) -> None:
    wrong = (await report(analytics, tenant, [WORK])).json()["ids"][0]
    await report(analytics, tenant, [WORK | {"corrects": wrong, "activity": "mend"}])
    got = await arrive(analytics, tenant, 2)
    assert (got["error_rate"]["value"], got["error_rate"]["corrected"]) == (0.5, 1)


async def test_an_idempotency_key_gives_the_first_answer_again(analytics: Harness, tenant: str) -> None:
    key = {"Idempotency-Key": f"key-{uuid4()}"}
    answers = [await report(analytics, tenant, [WORK], **key) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(await analytics.events(tenant)) == 1
    assert problem(await report(analytics, tenant, [WORK, WORK], **key))["code"] == "idempotency-key-reused"


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ("finished_at", {"finished_at": "2026-03-02T08:49:59Z"}),
        ("finished_at", {"finished_at": "2026-03-02T10:00:00"}),
        ("finished_at", {"finished_at": 1_772_442_000}),
        ("started_at", {"started_at": "2026-03-02T07:00:00Z"}),
        ("requested_at", {"requested_at": "1066-10-14T09:00:00Z"}),
        ("requested_at", {"requested_at": "0001-01-01T00:00:00+14:00"}),
        ("process", {"process": ""}),
        ("case", {"case": 7}),
        ("actor.kind", {"actor": {"kind": "robot"}}),
        ("cost.amount", {"cost": {"amount": 1.5, "currency": "EUR"}}),
        ("cost.currency", {"cost": {"amount": "1.5", "currency": "eur"}}),
        ("id", {"id": "one"}),
        ("extra", {"extra": 1}),
        ("outcome", {"outcome": "great"}),
    ],
)
async def test_a_bad_item_is_named_by_place_and_field_and_nothing_is_taken(
    analytics: Harness, tenant: str, place: str, change: dict[str, Any]
) -> None:
    refused = problem(await report(analytics, tenant, [WORK, WORK | change]))
    assert refused["code"] == "invalid-input"
    assert [error["at"] for error in refused["errors"]] == [f"body.operations.1.{place}"]
    assert await analytics.events(tenant) == []


async def test_an_item_cannot_correct_itself_said_in_spanish(analytics: Harness, tenant: str) -> None:
    own = str(uuid4())
    answer = await report(analytics, tenant, [WORK | {"id": own, "corrects": own}], **{"Accept-Language": "es"})
    assert problem(answer)["errors"][0]["message"] == "una operación no puede corregirse a sí misma"


@pytest.mark.parametrize("count", [0, 1_001])
async def test_a_batch_holds_1_to_1000(analytics: Harness, tenant: str, count: int) -> None:
    small = {name: WORK[name] for name in ("process", "activity", "case", "actor", "finished_at")}
    refused = problem(await report(analytics, tenant, [small] * count))
    assert refused["errors"][0]["at"] == "body.operations"


async def test_a_viewer_reports_nothing(analytics: Harness, tenant: str) -> None:
    assert problem(await report(analytics, tenant, [WORK], role="viewer"))["code"] == "not-allowed"


async def give(analytics: Harness, tenant: str, body: Any, role: str = "operator") -> Any:
    async with analytics.client(tenant, role) as client:
        return await client.post("/analytics/survey-answers", json=body)


async def test_an_answer_counts_and_its_comment_stays_here(analytics: Harness, tenant: str) -> None:
    for score in (5, 5, 4, 2, 1):
        body = {"score": score, "team": "ap", "process": "p", "comment": "between us"}
        assert (await give(analytics, tenant, body)).status_code == 201
    events = await analytics.events(tenant)
    assert len(events) == 5
    assert not any("between us" in str(event.payload) for event in events)
    got = await arrive(analytics, tenant, 0, 5)
    assert (got["internal_satisfaction"]["value"], got["internal_satisfaction"]["mean"]) == (0.6, 3.4)
    async with analytics.client(tenant, "operator") as client:
        page = (await client.get("/analytics/survey-answers", params={"limit": 2})).json()
    assert ([item["score"] for item in page["items"]], page["items"][0]["comment"]) == ([1, 2], "between us")
    async with analytics.client(tenant, "viewer") as client:
        assert problem(await client.get("/analytics/survey-answers"))["code"] == "not-allowed"


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ("score", {"score": 6}),
        ("score", {"score": 4.5}),
        ("score", {"score": "4"}),
        ("score", {"score": True}),
        ("team", {"team": ""}),
        ("comment", {"comment": "x" * 2_001}),
        ("answered_at", {"answered_at": "2126-01-01T00:00:00Z"}),
    ],
)
async def test_a_bad_answer_is_refused(analytics: Harness, tenant: str, place: str, change: dict[str, Any]) -> None:
    refused = problem(await give(analytics, tenant, {"score": 4, "team": "ap", "process": "p"} | change))
    assert [error["at"] for error in refused["errors"]] == [f"body.{place}"]


async def test_a_poison_event_goes_aside_and_the_rest_arrives(analytics: Harness, tenant: str) -> None:
    bad = str(uuid4())
    headers = {
        "ce_specversion": "1.0",
        "ce_id": bad,
        "ce_type": "outside.thing.done.v1",
        "ce_source": "/outside",
        "ce_time": "2026-03-02T09:00:00+00:00",
        "ce_tenant": tenant,
    }
    topic = "analytics.operations"
    await analytics.runtime.log.publish([Message(topic, "k", b'{"work": {"process": 1}}', headers)])
    await report(analytics, tenant, [WORK])
    assert (await arrive(analytics, tenant, 1))["error_rate"]["n"] == 1
    found: list[str] = []
    async with (
        asyncio.timeout(20),
        analytics.runtime.log.subscribe(f"test-{bad}", r"analytics\.operations\.dead") as dead,
    ):
        while bad not in found:
            received = await dead.poll(100, 1.0)
            found += [message.headers.get("ce_id", "") for message in received]
            reasons = [message.headers["dead_text"] for message in received if message.headers.get("ce_id") == bad]
    assert "$.work.process" in reasons[0]
