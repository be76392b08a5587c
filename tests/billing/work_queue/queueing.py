"""People at the work queue."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from shared import clock
from tests.billing.decisions.policies import as_person
from tests.billing.drafts import sending
from tests.billing.intake.electronic import detail
from tests.billing.test_invoices import invoice
from tests.fixtures.services import Harness

ITEMS = "/billing/work-items"
DRAFT_NAME = {"supplier_name": "Papelería Sol SL"}
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


def done(answer: httpx.Response) -> Any:
    """Return what a step answered that was taken."""
    assert answer.status_code in {200, 204}, answer.text
    return answer.json() if answer.content else None


async def on_file(billing: Harness, tenant: str, number: str = "F-1", gross: str = "62.48", **changes: Any) -> str:
    """Register an invoice of this amount, due on 2026-12-31; one of a like number or amount is held."""
    amount = {
        "lines": [{"description": number, "quantity": "1", "unit_price": gross, "net": gross, "vat_rate": "0"}],
        "vat_breakdown": [{"rate": "0", "base": gross, "tax": "0"}],
        "totals": {"net": gross, "tax": "0", "gross": gross},
    }
    days = {"issue_date": "2026-11-20", "due_date": "2026-12-31"}
    async with billing.client(tenant) as client:
        answer = await client.post("/billing/invoices", json=invoice(number, **(amount | days | changes)))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def drafted(billing: Harness, tenant: str, printed: str = "F-2026/17", **given: Any) -> dict[str, Any]:
    """Send a plain PDF and complete it, as far as `given` goes."""
    draft = await sending.received(billing, tenant, sending.plain(printed))
    told = await sending.change(billing, tenant, draft, **(DRAFT_NAME | given))
    assert told.status_code == 200, told.text
    return dict(told.json())


async def held_pair(billing: Harness, tenant: str) -> tuple[str, str, str]:
    """Register two invoices that are much alike; return the first, and the second with its hold."""
    first = await on_file(billing, tenant, "INV-0042")
    second = await on_file(billing, tenant, "INV-042")
    (hold,) = (await detail(billing, tenant, second))["holds"]
    return first, second, str(hold["id"])


def seconds(work: dict[str, Any]) -> tuple[float | None, float | None]:
    """Return the wait and the touch time of an operation as analytics knows them; None where the start was assumed."""
    if work["estimated"]:
        return None, None
    started, finished = (datetime.fromisoformat(work[name]) for name in ("started_at", "finished_at"))
    touch = (finished - started).total_seconds()
    if "requested_at" not in work:
        return None, touch
    return (started - datetime.fromisoformat(work["requested_at"])).total_seconds(), touch
