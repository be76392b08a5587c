"""Withdrawals: the door, what they reach, what they leave alone, and what is told of them."""

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.analytics.operations.consume import consume
from services.analytics.operations.facts import Arrivals
from services.analytics.operations.fields import BadFieldError, Plausible
from services.analytics.operations.histograms import COUNTS, representative
from services.analytics.rebuilds.service import rebuild_from_facts
from shared.contracts.analytics import EventWithdrawn
from shared.events import Event, MalformedEventError
from tests.analytics.event_logs.importing import at_work, rows
from tests.analytics.explaining import explain
from tests.analytics.feeding import MINUTE, T0, answer, event, feed, kpis, observation, operation, withdrawal
from tests.analytics.oracle import assert_exact, standing, stored
from tests.fakes.waiting import eventually
from tests.fixtures.services import Harness, problem

TABLES = ("withdrawal", "withdrawn_operation", "withdrawn_observation", "withdrawn_survey_response")


async def withdraw(analytics: Harness, tenant: str, *items: dict[str, Any], **headers: str) -> Any:
    async with analytics.client(tenant, **headers) as client:
        return await client.post("/analytics/withdrawals", json={"withdrawals": list(items)})


async def test_what_is_reported_over_http_is_withdrawn_over_http(analytics: Harness, tenant: str) -> None:
    """Through the outbox and the log, with an id of the caller's own, and once more."""
    wrong, right = str(uuid4()), str(uuid4())
    work = {"process": "p", "activity": "a", "case": "c", "actor": {"kind": "person"}}
    items = [
        {**work, "id": each, "started_at": (T0 - n * MINUTE).isoformat(), "finished_at": T0.isoformat()}
        for n, each in ((90, wrong), (5, right))
    ]
    async with analytics.client(tenant) as client:
        assert (await client.post("/analytics/operations", json={"operations": items})).status_code == 202
    taken = [await withdraw(analytics, tenant, {"event": wrong, "reason": "imported twice"}) for _ in range(2)]
    assert [each.status_code for each in taken] == [202, 202]
    assert all(len(each.json()["ids"]) == 1 for each in taken)
    await analytics.relay()

    async def done() -> bool:
        apart = await rows(analytics, tenant, "withdrawn_operation", "id")
        return bool(apart) and len(await rows(analytics, tenant, "operation", "id")) == 1

    async with at_work(analytics.runtime, on_jobs=False):
        await eventually(done, 60)
    found = await kpis(analytics, tenant)
    assert (found["processing_time"]["n"], found["processing_time"]["value"]) == (1, 300)
    assert (found["processing_time"]["max"], found["case_rework_rate"]["value"]) == (pytest.approx(300, rel=0.01), 0)


async def test_what_the_document_sends_is_taken(analytics: Harness, tenant: str) -> None:
    document = Path(__file__).parents[2] / "docs" / "kpi.md"
    ((path, body),) = re.findall(r"^    POST (\S+) +(\{.+\})$", document.read_text(), re.MULTILINE)
    async with analytics.client(tenant) as client:
        answered = await client.post(path, json=json.loads(body))
    assert answered.status_code == 202, answered.text
    (sent,) = await analytics.events(tenant)
    assert (sent.type, sent.payload) == (EventWithdrawn.type, json.loads(body)["withdrawals"][0])


@pytest.mark.parametrize(
    ("language", "blank", "long"), [("en", "blank", "200 characters"), ("es", "blanco", "200 caracteres")]
)
async def test_refusals_name_the_item_and_the_field(
    analytics: Harness, tenant: str, language: str, blank: str, long: str
) -> None:
    said = {"Accept-Language": language}
    good = {"event": str(uuid4()), "reason": "sent in error"}
    for bad, at, word in (
        ({**good, "reason": " "}, "reason", blank),
        ({**good, "reason": "x" * 201}, "reason", long),
        ({**good, "event": "no-id"}, "event", ""),
        ({"event": good["event"]}, "reason", ""),
        ({**good, "operation": good["event"]}, "operation", ""),
    ):
        refused = await withdraw(analytics, tenant, good, bad, **said)
        document = problem(refused)
        assert (refused.status_code, document["code"]) == (422, "invalid-input"), bad
        (error,) = document["errors"]
        assert error["at"] == f"body.withdrawals.1.{at}"
        assert word in error["message"]
    assert problem(await withdraw(analytics, tenant, **said))["code"] == "invalid-input"
    assert problem(await withdraw(analytics, tenant, *[good] * 1_001, **said))["code"] == "invalid-input"
    async with analytics.client(tenant, "viewer", **said) as client:
        refused = await client.post("/analytics/withdrawals", json={"withdrawals": [good]})
    assert (refused.status_code, problem(refused)["code"]) == (403, "not-allowed")
    assert await rows(analytics, tenant, "outbox", "id") == []


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"event": uuid4()}, "reason"),
        ({"event": "x", "reason": "r"}, r"\$\.event"),
        ({"event": uuid4(), "reason": ""}, "reason"),
        ({"event": uuid4(), "reason": "x" * 201}, "reason"),
    ],
)
def test_a_withdrawal_that_says_nothing_is_refused_by_its_field(data: dict[str, Any], field: str) -> None:
    with pytest.raises(MalformedEventError, match=field):
        Arrivals().add(event("t", data, EventWithdrawn.type), Plausible.at(T0))


def test_an_event_cannot_withdraw_itself() -> None:
    event_id = uuid4()
    with pytest.raises(BadFieldError, match="itself") as refused:
        Arrivals().add(event("t", {"event": event_id, "reason": "r"}, EventWithdrawn.type, event_id), Plausible.at(T0))
    assert "retirarse" in refused.value.es


def mistakes(tenant: str) -> tuple[list[Event], list[Event]]:
    """Return what stays, and what is withdrawn: a correction, its target, a case's last moment, an answer."""
    fine, blamed = operation(tenant, "c1"), operation(tenant, "c1", "other", outcome="error")
    stays = [fine, blamed, operation(tenant, "c2", "mend", corrects=blamed.id), answer(tenant, 5)]
    gone = [
        operation(tenant, "c2", "wrong-mend", corrects=fine.id, cost={"amount": "9", "currency": "EUR"}),
        operation(tenant, "c2", "mend-again", corrects=blamed.id),
        operation(tenant, "c1", finished_at=T0 + timedelta(days=80)),
        operation(tenant, "only", minutes=700),
        observation(tenant, "c1", T0 + timedelta(days=90)),
        observation(tenant, "seen", T0),
        answer(tenant, 1),
    ]
    return stays, gone


@pytest.mark.parametrize("first", [True, False])
async def test_nothing_remains_of_it_whichever_comes_first(
    analytics: Harness, tenant: str, other_tenant: str, first: bool
) -> None:
    stays, gone = mistakes(tenant)
    withdrawals = [withdrawal(tenant, each.id) for each in gone]
    for batch in (withdrawals, [*stays, *gone]) if first else ([*stays, *gone], withdrawals):
        await feed(analytics, batch)
    await feed(analytics, [*gone, *withdrawals[:2]])  # once more, each in company of the other
    never, _ = mistakes(other_tenant)
    await feed(analytics, never)
    assert await kpis(analytics, tenant, exact="true") == await kpis(analytics, other_tenant, exact="true")
    assert await kpis(analytics, tenant) == await kpis(analytics, other_tenant)
    await assert_exact(analytics, tenant, [*stays, *gone, *withdrawals])
    assert {table: len(await rows(analytics, tenant, table, "id")) for table in TABLES} == dict(
        zip(TABLES, (7, 4, 2, 1), strict=True)
    )
    for table, keys in (("rollup_hour", 6), ("rollup_day", 6)):  # no rows of nothing
        assert all(row[0] for row in (await stored(analytics, tenant, table, keys)).values())
    assert (await rebuild_from_facts(analytics.runtime.url, tenant, swap=False)).right


async def test_everything_withdrawn_leaves_nothing(analytics: Harness, tenant: str) -> None:
    stays, gone = mistakes(tenant)
    events = [*stays, *gone]
    await feed(analytics, events)
    await feed(analytics, [withdrawal(tenant, each.id) for each in events])
    folded = ("rollup_hour", "rollup_day", "rollup_histogram", "case_state")
    for table in ("operation", "observation", "survey_response", *folded):
        assert await rows(analytics, tenant, table, "tenant_id") == [], table
    await assert_exact(analytics, tenant, [])
    assert (await rebuild_from_facts(analytics.runtime.url, tenant, swap=False)).right


async def test_another_tenants_withdrawal_withdraws_nothing(analytics: Harness, tenant: str, other_tenant: str) -> None:
    event_id = uuid4()
    events = [operation(each, event_id=event_id) for each in (tenant, other_tenant)]
    await feed(analytics, [withdrawal(other_tenant, event_id), *events])
    await assert_exact(analytics, tenant, events[:1])
    await assert_exact(analytics, other_tenant, [])
    query = text("SELECT (SELECT count(*) FROM withdrawal), (SELECT count(*) FROM withdrawn_operation)")
    for each, seen in ((tenant, (0, 0)), (other_tenant, (1, 1))):
        async with analytics.runtime.database.session(each) as session:
            assert tuple((await session.execute(query)).one()) == seen
    taken = await withdraw(analytics, other_tenant, {"event": str(event_id), "reason": "not mine"})
    assert taken.status_code == 202
    assert (await kpis(analytics, tenant))["processing_time"]["n"] == 1


@pytest.mark.parametrize("withdrawal_first", [True, False])
@pytest.mark.parametrize("kind", ["operation", "observation", "answer"])
async def test_a_withdrawal_arriving_while_its_event_arrives_is_not_lost(
    analytics: Harness, tenant: str, kind: str, withdrawal_first: bool
) -> None:
    mistake = {
        "operation": operation(tenant),
        "observation": observation(tenant, "c", T0),
        "answer": answer(tenant, 1),
    }[kind]
    pair = [mistake, withdrawal(tenant, mistake.id)]
    first, second = reversed(pair) if withdrawal_first else pair
    async with analytics.runtime.worker.transaction() as session:
        await consume(session, [first])
        other = asyncio.create_task(feed(analytics, [second]))
        await asyncio.sleep(0.3)  # long enough to commit, if nothing made it wait
    await other
    await assert_exact(analytics, tenant, pair)
    assert await rows(analytics, tenant, "survey_response", "id") == []
    assert (await rows(analytics, tenant, "withdrawal", "id")) != []


async def test_of_several_withdrawals_the_earliest_is_kept(analytics: Harness, tenant: str, other_tenant: str) -> None:
    for each, order in ((tenant, 1), (other_tenant, -1)):
        event_id = uuid4()
        sent = [withdrawal(each, event_id, f"reason {n}", T0 + n * MINUTE) for n in (2, 1, 3)]
        await feed(analytics, sent[::order])
        await feed(analytics, [withdrawal(each, event_id, "reason 0", T0), *sent][::order])
        (kept,) = await rows(analytics, each, "withdrawal", "id")
        assert (kept["reason"], kept["known_at"]) == ("reason 0", T0)


async def test_what_was_withdrawn_is_told_as_left_out(analytics: Harness, tenant: str) -> None:
    stays, gone = mistakes(tenant)
    await feed(analytics, [*stays, *gone, *(withdrawal(tenant, each.id, at=T0 + MINUTE) for each in gone)])

    async def told(kpi: str, **parameters: str) -> int | None:
        found = {each["reason"]: each for each in (await explain(analytics, tenant, kpi, **parameters))["left_out"]}
        if "withdrawn" not in found:
            return None
        assert "withdrawn" in found["withdrawn"]["text"]
        n: int = found["withdrawn"]["n"]
        return n

    assert await told("error_rate") == await told("case_rework_rate") == 4
    assert await told("error_rate", end=(T0 + MINUTE).isoformat()) == 3
    assert await told("cost_per_operation", activity="wrong-mend") == 1
    assert await told("internal_satisfaction") == 1
    assert await told("internal_satisfaction", activity="check") is None
    assert await told("error_rate", as_of=T0.isoformat()) is None
    assert await told("error_rate", as_of=(T0 + MINUTE).isoformat()) == 4
    document = await explain(analytics, tenant, "error_rate", as_of=T0.isoformat())
    assert (document["n"], document["digest"]["n"]) == (7, 7)
    assert (await explain(analytics, tenant, "error_rate"))["n"] == len(standing(stays)) - 1


async def test_a_bucket_that_is_emptied_is_as_if_it_had_never_been_filled(analytics: Harness, tenant: str) -> None:
    """Although its row stays, for the sake of another bucket."""
    minutes = [representative(bucket) / 60e6 for bucket in (8 * 130 + 1, 8 * 130 + 5)]
    stays, mistake = (operation(tenant, minutes=each) for each in minutes)
    await feed(analytics, [stays, mistake])
    await feed(analytics, [withdrawal(tenant, mistake.id)])
    kept = await rows(analytics, tenant, "rollup_histogram", "place")  # of the key, and of all keys together
    cells = [[value for name, value in row.items() if name in COUNTS and value is not None] for row in kept]
    assert cells == [[1], [1]]
    assert (await rebuild_from_facts(analytics.runtime.url, tenant, swap=False)).right


@pytest.mark.parametrize("target_too", [False, True])
async def test_as_of_a_moment_before_it_a_withdrawn_correction_corrects(
    analytics: Harness, tenant: str, target_too: bool
) -> None:
    target = operation(tenant, "c1")
    mend = operation(tenant, "c2", "mend", corrects=target.id)
    moments = [T0 + n * MINUTE for n in range(3)]
    events = [target, mend, withdrawal(tenant, mend.id, at=moments[2])]
    events += [withdrawal(tenant, target.id, at=moments[2])] if target_too else []
    await feed(analytics, events)

    async def corrected(**as_of: str) -> tuple[int, int]:
        found = (await kpis(analytics, tenant, **as_of))["error_rate"]
        return found["n"], found["corrected"]

    left = (0, 0) if target_too else (1, 0)
    assert await corrected(as_of=moments[1].isoformat()) == (2, 1)
    assert await corrected(as_of=moments[2].isoformat()) == left
    assert await corrected() == left
