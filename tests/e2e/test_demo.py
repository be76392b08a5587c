"""The demo's promise: the same seed on the same day gives the same figures, to the last byte."""

import asyncio
import json
from collections.abc import Sequence
from datetime import date
from uuid import uuid4

import httpx
import pytest

from deploy.demo import drained, load
from tests.fixtures.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("stack", ["one process"], indirect=True)]
TODAY = date(2026, 3, 10)
ASKED: Sequence[dict[str, str]] = (
    {},
    {"process": "accounts-payable"},
    {"process": "leave-management"},
    {"process": "document-archive"},
    {"from": "2026-03-01T00:00:00Z", "to": "2026-03-10T00:00:00Z", "group_by": "process"},
    {"group_by": "activity"},
    {"group_by": "month"},
)


def figures(stack: Stack, tenant: str) -> list[str]:
    """Ask for the indicators of everything, of each process and by what they can be grouped by."""
    headers = {"Authorization": f"Bearer {stack.token('viewer', tenant)}"}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=60) as client:
        answers = [client.get("/analytics/kpis", params=params) for params in ASKED]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.text for answer in answers]


def shown(stack: Stack, tenant: str) -> tuple[str | None, int, int, str]:
    """Tell who decided the first electronic invoice, how many invoices are held and claimed, and what the draft lacks."""
    headers = {"Authorization": f"Bearer {stack.token('viewer', tenant)}"}
    with httpx.Client(base_url=f"{stack.url}/billing", headers=headers, timeout=60) as client:
        (first,) = client.get("/invoices", params={"number": "2026/0417"}).json()["items"]
        held = client.get("/work-items", params={"hold": "near-duplicate"}).json()["items"]
        claimed = client.get("/work-items", params={"assignee": f"manager@{tenant}"}).json()["items"]
        (draft,) = client.get("/drafts", params={"status": "open"}).json()["items"]
    return first["decided_by"], len(held), len(claimed), " ".join(draft["unsettled"])


def loaded(stack: Stack, seed: int) -> list[str]:
    """Load the demo into a tenant of its own, look what is in its parts, and return its figures."""
    environment = json.loads((stack.data / "stack.json").read_text())["environment"]
    tenant = f"demo-{uuid4().hex[:8]}"

    async def run() -> None:
        await load(environment, lambda role: stack.token(role, tenant), seed, TODAY)
        await drained(environment)

    asyncio.run(run())
    assert shown(stack, tenant) == ("rule", 1, 1, "supplier_name")
    return figures(stack, tenant)


def test_the_same_seed_gives_the_same_figures(stack: Stack) -> None:
    first = loaded(stack, 1)
    assert loaded(stack, 1) == first
    assert json.loads(first[0])["kpis"][0]["n"] > 2000
    of_the_last_day = json.loads(first[4])["groups"]
    assert len(of_the_last_day) >= 4, "what happens to invoices, people and documents is in the figures"
