"""People at the work queue."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from shared import clock
from tests.billing.decisions.policies import as_person
from tests.fixtures.services import Harness

ITEMS = "/billing/work-items"
MORNING = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)


@contextmanager
def at(minutes: float) -> Iterator[None]:
    """Let it be so many minutes after the morning."""
    with clock.frozen(MORNING + timedelta(minutes=minutes)):
        yield


def moment(minutes: float) -> str:
    return (MORNING + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


async def ask(
    billing: Harness, tenant: str, name: str, path: str, json: object = None, role: str = "manager", **headers: str
) -> httpx.Response:
    """Send a POST of a person of this name."""
    async with as_person(billing, tenant, name, role) as client:
        return await client.post(path, json=json, headers=headers)


async def listed(billing: Harness, tenant: str, name: str = "reader", **asked: Any) -> list[dict[str, Any]]:
    async with as_person(billing, tenant, name, "viewer") as client:
        answer = await client.get(ITEMS, params=asked)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def claim(billing: Harness, tenant: str, name: str, item: str, role: str = "manager") -> httpx.Response:
    return await ask(billing, tenant, name, f"{ITEMS}/{item}/claim", role=role)


async def done(answer: httpx.Response) -> Any:
    assert answer.status_code in {200, 204}, answer.text
    return answer.json() if answer.content else None


def seconds(work: dict[str, Any]) -> tuple[float | None, float | None]:
    """Return the wait and the touch time of an operation as analytics knows them; None where the start was assumed."""
    if work["estimated"]:
        return None, None
    requested, started, finished = (
        datetime.fromisoformat(work[name]) for name in ("requested_at", "started_at", "finished_at")
    )
    return (started - requested).total_seconds(), (finished - started).total_seconds()
