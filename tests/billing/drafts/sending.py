"""Plain invoices to send, and what a person does with what became of them."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from sqlalchemy import event

from tests.billing.drafts.printing import Words, print_pdf
from tests.fixtures.services import Harness

PATH = "/billing/drafts"
TAX_ID, IBAN, OTHER_IBAN = "B12345674", "ES9121000418450200051332", "DE89370400440532013000"


def plain(
    number: str = "F-2026/17",
    *,
    tax_id: str | None = TAX_ID,
    account: str | None = IBAN,
    customer: str = "NIF cliente: B58378431",
    more: str = "",
) -> bytes:
    """Return a Spanish invoice of 100 and 21 %, as a PDF."""
    rows = [
        ("Papelería Sol SL", ""),
        (f"NIF: {tax_id}" if tax_id else "", ""),
        ("Faro Consultores SL", customer),
        (f"Factura nº: {number}", "Fecha de factura: 01/03/2026"),
        ("", "Vencimiento: 31/03/2026"),
        (f"IBAN: {account}" if account else "", more),
        ("Base imponible", "100,00 €"),
        ("IVA 21 %", "21,00 €"),
        ("Total factura", "121,00 €"),
    ]
    words = [
        Words(text, left, 60 + 24 * at)
        for at, row in enumerate(rows)
        for text, left in zip(row, (50, 320), strict=True)
    ]
    return print_pdf([[each for each in words if each.text]])


async def send(billing: Harness, tenant: str, content: bytes, role: str = "operator", **headers: str) -> httpx.Response:
    async with billing.client(tenant, role, **headers) as client:
        return await client.post(PATH, content=content, headers={"Content-Type": "application/pdf"})


async def received(billing: Harness, tenant: str, content: bytes, role: str = "operator") -> dict[str, Any]:
    answer = await send(billing, tenant, content, role)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def change(billing: Harness, tenant: str, draft: dict[str, Any], /, **values: Any) -> httpx.Response:
    async with billing.client(tenant) as client:
        return await client.patch(f"{PATH}/{draft['id']}", json=values, headers={"If-Match": f'"{draft["version"]}"'})


async def step(
    billing: Harness, tenant: str, draft_id: str, name: str, json: object = None, role: str = "operator", **headers: str
) -> httpx.Response:
    async with billing.client(tenant, role, **headers) as client:
        return await client.post(f"{PATH}/{draft_id}/{name}", json=json)


async def statements(billing: Harness, read: Callable[[], Awaitable[object]]) -> int:
    """Return how many SQL statements a request takes."""
    engine = billing.runtime.database.engine.sync_engine
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        await read()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(seen)
