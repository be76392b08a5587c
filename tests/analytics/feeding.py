"""Ways to bring work into analytics in tests, past the event log or through it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec

from services.analytics.operations.consume import consume
from services.analytics.operations.fields import USUAL, Plausibility
from shared.contracts.analytics import EventWithdrawn, ObservationRecorded, SurveyAnswered
from shared.events import Event
from tests.fixtures.services import Harness

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday
MINUTE = timedelta(minutes=1)


def event(tenant: str, data: dict[str, Any], kind: str = "test.thing.done.v1", event_id: UUID | None = None) -> Event:
    return Event(
        id=event_id or uuid4(),
        type=kind,
        source="/test",
        subject="s",
        time=T0,
        tenant=tenant,
        topic="test.things",
        data=msgspec.json.encode(data),
    )


def operation(
    tenant: str,
    case: str = "c1",
    activity: str = "check",
    *,
    minutes: float | None = 10,
    finished_at: datetime = T0,
    kind: str = "person",
    team: str | None = None,
    event_id: UUID | None = None,
    **more: Any,
) -> Event:
    """Return an event whose work took `minutes` (None: no start known)."""
    work: dict[str, Any] = {
        "process": "p",
        "activity": activity,
        "case": case,
        "actor": {"kind": kind, "team": team},
        "finished_at": finished_at,
        **more,
    }
    if minutes is not None:
        work["started_at"] = finished_at - timedelta(minutes=minutes)
    return event(tenant, {"work": work}, event_id=event_id)


def observation(tenant: str, case: str, at: datetime, process: str = "p", **more: str) -> Event:
    return event(tenant, {"process": process, "case": case, "at": at, **more}, ObservationRecorded.type)


def answer(tenant: str, score: int, team: str = "ap", process: str = "p", at: datetime = T0) -> Event:
    data = {"score": score, "team": team, "process": process, "answered_at": at}
    return event(tenant, data, SurveyAnswered.type)


def withdrawal(tenant: str, of: UUID, reason: str = "sent in error", at: datetime = T0) -> Event:
    sent = event(tenant, {"event": of, "reason": reason}, EventWithdrawn.type)
    return msgspec.structs.replace(sent, time=at)


async def feed(analytics: Harness, events: Sequence[Event], rule: Plausibility = USUAL) -> None:
    """Hand a batch to the consumer's handler, in one transaction of the worker role."""
    async with analytics.runtime.worker.transaction() as session:
        await consume(session, events, rule)


async def ask(analytics: Harness, tenant: str, role: str = "viewer", **parameters: Any) -> dict[str, Any]:
    """Return the answer of GET /analytics/kpis; `begin` and `end` stand for from and to."""
    names = {"begin": "from", "end": "to"}
    async with analytics.client(tenant, role) as client:
        answered = await client.get(
            "/analytics/kpis", params={names.get(name, name): value for name, value in parameters.items()}
        )
    assert answered.status_code == 200, answered.text
    document: dict[str, Any] = answered.json()
    return document


async def kpis(analytics: Harness, tenant: str, **parameters: Any) -> dict[str, dict[str, Any]]:
    """Return the indicators of the whole selection by id."""
    return by_id((await ask(analytics, tenant, **parameters))["kpis"])


def by_id(entries: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {entry["id"]: entry for entry in entries}
