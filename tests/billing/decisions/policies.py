"""Policies to write and people to activate them."""

from typing import Any

import httpx

from tests.fixtures.services import Harness

POLICIES = "/billing/decision-policies"


def as_person(billing: Harness, tenant: str, name: str, role: str = "manager") -> httpx.AsyncClient:
    """Return a client for a person of this name, so that several of one role can act."""
    client = billing.client(tenant, role)
    token = billing.issuer.token(tenant, role, subject=f"{name}@{tenant}")
    client.headers["Authorization"] = f"Bearer {token}"
    return client


def rule(name: str, outcome: str | dict[str, Any] = "approve", **conditions: Any) -> dict[str, Any]:
    told = {"kind": outcome} if isinstance(outcome, str) else outcome
    return {"id": name, "conditions": conditions, "outcome": told}


def policy(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"note": "For small amounts", "rules": list(rules), **more}


async def drafted(billing: Harness, tenant: str, wanted: dict[str, Any], name: str = "author") -> dict[str, Any]:
    async with as_person(billing, tenant, name) as client:
        answer = await client.post(POLICIES, json=wanted)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def activate(
    billing: Harness, tenant: str, draft: dict[str, Any], name: str = "activator", **headers: str
) -> httpx.Response:
    async with as_person(billing, tenant, name) as client:
        match = {"If-Match": f'"{draft["version"]}"'}
        return await client.post(f"{POLICIES}/{draft['id']}/activation", headers=match | headers)


async def in_force(billing: Harness, tenant: str, *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Write a policy and let another person activate it."""
    draft = await drafted(billing, tenant, policy(*rules, **more))
    answer = await activate(billing, tenant, draft)
    assert answer.status_code == 204, answer.text
    return draft


async def decisions(billing: Harness, tenant: str, invoice_id: str) -> list[dict[str, Any]]:
    """Return what was decided about an invoice, the first decision first."""
    async with billing.client(tenant, "viewer") as client:
        answer = await client.get(f"/billing/invoices/{invoice_id}/decisions")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])[::-1]
