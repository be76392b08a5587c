"""The housekeeping that watches targets: each change of state is told once, whoever evaluates."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from services.analytics import metrics
from services.analytics.targets import watch
from services.analytics.targets.rules import State, judge, news_of
from services.analytics.targets.service import read_target
from shared import clock
from tests.analytics.feeding import T0, event, feed, kpis, operation
from tests.analytics.test_targets import create, send
from tests.fixtures.services import Harness

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


async def look(analytics: Harness, at: datetime) -> None:
    with clock.frozen(at):
        housekeeping = analytics.service.housekeeping
        assert housekeeping is not None
        await housekeeping(analytics.runtime)


async def told(analytics: Harness, tenant: str) -> list[str]:
    return [each.type.split(".")[2] for each in await analytics.events(tenant)]


async def stored(analytics: Harness, tenant: str, target: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = (await send(analytics, tenant, "GET", f"/{target['id']}")).json()
    return document


def operations(tenant: str, wrong: int, at: datetime, n: int = 20) -> list[Any]:
    return [operation(tenant, f"{i}", outcome="error" if i < wrong else "done", finished_at=at) for i in range(n)]


async def test_a_breach_and_a_recovery_are_told_once_each(analytics: Harness, tenant: str, other_tenant: str) -> None:
    target = await create(analytics, tenant, days=1)
    await feed(analytics, [*operations(tenant, 0, T0), *operations(other_tenant, 20, T0)])
    await look(analytics, T0 + MINUTE)
    assert (await stored(analytics, tenant, target))["state"] == "met"
    assert await told(analytics, tenant) == []
    await feed(analytics, operations(tenant, 5, T0 + MINUTE))
    for minutes in (2, 3, 3, 4):
        await look(analytics, T0 + minutes * MINUTE)
    assert await told(analytics, tenant) == ["breached"]
    after = await stored(analytics, tenant, target)
    assert (after["state"], after["since"], after["last_value"]) == ("breached", "2026-03-02T09:02:00Z", "0.125")
    assert after["evaluated_at"] == "2026-03-02T09:04:00Z"
    await look(analytics, T0 + 40 * DAY)
    quiet = await stored(analytics, tenant, target)
    assert (quiet["state"], quiet["last_value"], quiet["since"]) == ("breached", None, after["since"])
    await feed(analytics, operations(tenant, 0, T0 + 41 * DAY))
    await look(analytics, T0 + 41 * DAY + MINUTE)
    await look(analytics, T0 + 41 * DAY + 2 * MINUTE)
    assert await told(analytics, tenant) == ["breached", "recovered"]
    assert await told(analytics, other_tenant) == []
    await send(analytics, tenant, "DELETE", f"/{target['id']}", headers={"If-Match": '"1"'})
    await look(analytics, T0 + 42 * DAY)
    assert await told(analytics, tenant) == ["breached", "recovered"]


async def test_the_event_says_what_was_found_of_whom(analytics: Harness, tenant: str) -> None:
    await feed(analytics, operations(tenant, 3, T0))
    owner = {"kind": "person", "id": "maria@example.test"}
    target = await create(analytics, tenant, value="0.10", owner=owner)
    await look(analytics, T0 + MINUTE)
    (found,) = await analytics.events(tenant)
    assert (found.type, found.aggregatetype, found.aggregateid) == (
        "analytics.target.breached.v1",
        "analytics.targets",
        target["id"],
    )
    assert found.payload | {"owner_id": None, "target_id": None} == {
        "target_id": None,
        "process": "p",
        "kpi": "error_rate",
        "definition": "trastienda.error-rate.operations",
        "definition_version": 1,
        "activity": None,
        "team": None,
        "direction": "at-most",
        "target": "0.10",
        "value": "0.15",
        "unit": "ratio",
        "n": 20,
        "period_from": "2026-01-31T09:00:00Z",
        "period_to": "2026-03-02T09:01:00Z",
        "owner_kind": "person",
        "owner_id": None,
    }
    assert "maria" not in str(found.payload)


async def test_two_workers_at_once_tell_it_once(analytics: Harness, tenant: str) -> None:
    await feed(analytics, operations(tenant, 9, T0))
    for team in ("", "a", "b"):
        await create(analytics, tenant, **({"team": team} if team else {}))
    with clock.frozen(T0 + MINUTE):
        await asyncio.gather(*(watch.watch_targets(analytics.runtime) for _ in range(4)))
    assert await told(analytics, tenant) == ["breached"]


async def test_state_and_event_are_stored_together_or_not_at_all(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await feed(analytics, operations(tenant, 9, T0))
    targets = [await create(analytics, tenant, **values) for values in ({}, {"process": "q"}, {"kpi": "no_touch_rate"})]

    async def fail(*_: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr("shared.db.outbox.flush", fail)
        with pytest.raises(ConnectionResetError):
            await look(analytics, T0 + MINUTE)
    assert {(await stored(analytics, tenant, each))["state"] for each in targets} == {"unknown"}
    await look(analytics, T0 + 2 * MINUTE)
    assert [(await stored(analytics, tenant, each))["state"] for each in targets] == ["breached", "unknown", "breached"]
    assert await told(analytics, tenant) == ["breached"] * 2


async def test_one_target_that_fails_keeps_no_other_from_its_turn(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await feed(analytics, operations(tenant, 9, T0))
    bad, good = await create(analytics, tenant, team="bad"), await create(analytics, tenant)
    evaluate = watch.evaluate

    async def fail_on_bad(session: Any, target_id: UUID, before: datetime) -> None:
        if str(target_id) == bad["id"]:
            raise ValueError("this one")
        await evaluate(session, target_id, before)

    monkeypatch.setattr(watch, "evaluate", fail_on_bad)
    await look(analytics, T0 + MINUTE)
    assert (await stored(analytics, tenant, good))["state"] == "breached"
    assert "a target was not evaluated" in caplog.text


async def test_analytics_takes_no_notice_of_its_own_news(analytics: Harness, tenant: str) -> None:
    await feed(analytics, operations(tenant, 9, T0))
    await create(analytics, tenant)
    await look(analytics, T0 + MINUTE)
    before, ignored = await kpis(analytics, tenant), metrics.events_ignored_total._value.get()
    (found,) = await analytics.events(tenant)
    await feed(analytics, [event(tenant, found.payload, found.type, found.id)])
    assert await kpis(analytics, tenant) == before
    assert metrics.events_ignored_total._value.get() == ignored + 1


async def test_an_edited_target_is_evaluated_anew(analytics: Harness, tenant: str) -> None:
    await feed(analytics, operations(tenant, 3, T0))
    target = await create(analytics, tenant)
    await look(analytics, T0 + MINUTE)
    assert await told(analytics, tenant) == ["breached"]
    same = {name: target[name] for name in ("value", "days", "owner")}
    kept = await edit(analytics, tenant, target, same, 1)
    assert (kept["state"], kept["last_n"]) == ("breached", 20)
    await look(analytics, T0 + MINUTE)
    assert await told(analytics, tenant) == ["breached"]
    changes: tuple[dict[str, Any], ...] = (
        {"value": "0.1"},
        {"days": 29},
        {"owner": {"kind": "team", "id": "other"}},
        {"owner": {"kind": "person", "id": "other"}},
    )
    for version, change in enumerate(changes, start=2):
        edited = await edit(analytics, tenant, target, {**same, **change}, version)
        assert (edited["state"], edited["since"], edited["last_value"], edited["last_n"]) == ("unknown", None, None, 0)
        await look(analytics, T0 + 2 * MINUTE)
        found = [each.payload["owner_id"] for each in await analytics.events(tenant)]
        assert (len(found), found[-1]) == (version, edited["owner"]["id"])
    await edit(analytics, tenant, target, {**same, "value": "0.5"}, 6)
    await look(analytics, T0 + 3 * MINUTE)
    assert (await stored(analytics, tenant, target))["since"] == "2026-03-02T09:03:00Z"
    assert await told(analytics, tenant) == ["breached"] * 5


async def edit(
    analytics: Harness, tenant: str, target: dict[str, Any], change: dict[str, Any], version: int
) -> dict[str, Any]:
    tag = {"If-Match": f'"{version}"'}
    answered = await send(analytics, tenant, "PUT", f"/{target['id']}", json=change, headers=tag)
    assert answered.status_code == 200, answered.text
    document: dict[str, Any] = answered.json()
    return document


async def test_a_tenant_whose_time_is_over_leaves_the_rest_to_the_next_round(
    analytics: Harness,
    tenant: str,
    other_tenant: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    mine = [await create(analytics, tenant, team=f"{n}") for n in range(3)]
    theirs = await create(analytics, other_tenant)
    monkeypatch.setattr(watch, "_BUDGET_S", 0.0)  # spent with the first one

    async def evaluated() -> int:
        return len([each for each in mine if (await stored(analytics, tenant, each))["evaluated_at"]])

    await look(analytics, T0)
    assert (await evaluated(), (await stored(analytics, other_tenant, theirs))["evaluated_at"] is None) == (1, False)
    assert "wait for the next round" in caplog.text
    await look(analytics, T0)
    await look(analytics, T0)
    assert await evaluated() == 3


async def test_a_target_that_takes_too_long_is_passed_over(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    slow, quick = await create(analytics, tenant, team="slow"), await create(analytics, tenant)

    async def read_slowly(session: Any, target: Any) -> Any:
        if str(target.id) == slow["id"]:
            await session.execute(text("SELECT pg_sleep(2)"))
        return await read_target(session, target)

    monkeypatch.setattr(watch, "read_target", read_slowly)
    monkeypatch.setattr(watch, "_STATEMENT_MS", 300)
    await look(analytics, T0)
    states = [(await stored(analytics, tenant, each))["evaluated_at"] for each in (slow, quick)]
    assert states == [None, "2026-03-02T09:00:00Z"]
    assert "a target was not evaluated" in caplog.text


@pytest.mark.parametrize(
    ("better", "value", "n", "expected"),
    [
        ("lower", "0.05", 5, "met"),
        ("lower", "0.050001", 5, "breached"),
        ("higher", "0.05", 5, "met"),
        ("higher", "0.04", 5, "breached"),
        ("lower", "0.01", 4, "unknown"),
        ("lower", None, 9, "unknown"),
    ],
)
def test_the_limit_itself_is_met(better: Any, value: str | None, n: int, expected: State) -> None:
    assert judge(better, Decimal("0.05"), Decimal(value) if value else None, n) == expected


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["met", "breached", "unknown"])))
def test_news_take_turns_and_begin_with_a_breach(judgements: list[State]) -> None:
    known: State = "unknown"
    news = []
    for judged in judgements:
        if found := news_of(known, judged):
            news.append(found)
        known = known if judged == "unknown" else judged
    assert news == ["breached" if place % 2 == 0 else "recovered" for place in range(len(news))]
    assert bool(news) == ("breached" in judgements)
