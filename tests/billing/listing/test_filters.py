"""The list of invoices: what a row says, and each filter."""

from typing import Any

from tests.billing.test_invoices import invoice
from tests.fixtures.services import Harness

LIST = "/billing/invoices"


async def listed(billing: Harness, tenant: str, query: str = "") -> list[dict[str, Any]]:
    async with billing.client(tenant, "viewer") as client:
        answer = await client.get(f"{LIST}?{query}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def numbers(billing: Harness, tenant: str, query: str) -> list[str]:
    return [item["number"] for item in await listed(billing, tenant, query)]


async def keyed(billing: Harness, tenant: str, number: str, **changes: Any) -> str:
    async with billing.client(tenant) as client:
        answer = await client.post(LIST, json=invoice(number, **changes))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])
