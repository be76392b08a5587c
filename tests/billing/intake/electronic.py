"""Electronic invoices to send, and ways to look behind the service at what came of them."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import httpx
from lxml import etree
from msgspec.structs import replace
from sqlalchemy import text

from services.billing.einvoices import model as m
from services.billing.einvoices.ubl import read_ubl, write_ubl
from shared.storage import S3Store
from tests.billing.einvoices.samples import INVOICE
from tests.fixtures.services import Harness

PATH = "/billing/invoices/electronic"
IBAN, OTHER_IBAN = "ES91 2100 0418 4502 0005 1332", "DE89 3704 0044 0532 0130 00"
_SMALL = read_ubl(etree.fromstring(INVOICE))


def electronic(
    number: str = "2026-17",
    *,
    net: str = "100.00",
    account: str | None = None,
    item: str = "Advice",
    write: Callable[[m.Invoice], bytes] = write_ubl,
    **changes: Any,
) -> bytes:
    """Return a valid invoice of one line at 21 %, with other terms where `changes` name them."""
    base, zero = Decimal(net), Decimal(0)
    tax = round(base * 21 / 100, 2)
    (line,), (part,), totals = _SMALL.lines, _SMALL.vat_breakdown, _SMALL.totals or m.Totals()
    transfer = m.CreditTransfer(account=account)
    invoice = replace(
        _SMALL,
        number=number,
        payment_means=(m.PaymentMeans(code="30", credit_transfer=transfer),) if account else (),
        lines=(replace(line, quantity=Decimal(1), net=base, price=m.Price(net=base), item=m.Item(name=item)),),
        vat_breakdown=(replace(part, base=base, tax=tax),),
        totals=replace(totals, lines=base, without_vat=base, vat=tax or zero, with_vat=base + tax, due=base + tax),
    )
    return write(replace(invoice, **changes))


def seller(name: str = "Faro Consultores SL", vat: str = "ESB12345674", **more: Any) -> m.Seller:
    assert _SMALL.seller is not None
    return replace(_SMALL.seller, name=name, vat_identifier=vat, **more)


async def send(billing: Harness, tenant: str, content: bytes, role: str = "operator", **headers: str) -> httpx.Response:
    async with billing.client(tenant, role, **headers) as client:
        return await client.post(PATH, content=content, headers={"Content-Type": "application/xml"})


async def taken_in(billing: Harness, tenant: str, content: bytes, role: str = "operator") -> dict[str, Any]:
    answer = await send(billing, tenant, content, role)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def get(billing: Harness, tenant: str, path: str, role: str = "viewer", **headers: str) -> httpx.Response:
    async with billing.client(tenant, role, **headers) as client:
        return await client.get(path)


async def post(billing: Harness, tenant: str, path: str, json: object = None, role: str = "manager") -> httpx.Response:
    async with billing.client(tenant, role) as client:
        return await client.post(path, json=json)


async def detail(billing: Harness, tenant: str, invoice_id: str, **headers: str) -> dict[str, Any]:
    answer = await get(billing, tenant, f"/billing/invoices/{invoice_id}", **headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def open_holds(invoice: dict[str, Any]) -> list[str]:
    return [hold["kind"] for hold in invoice["holds"] if hold["released_at"] is None]


async def objects(billing: Harness, tenant: str) -> list[str]:
    return await asyncio.to_thread(cast("S3Store", billing.runtime.store)._names, f"{tenant}/")


async def rows(billing: Harness, tenant: str, table: str) -> list[Any]:
    async with billing.runtime.worker.session(None) as session:
        found = await session.execute(text(f"SELECT * FROM {table} WHERE tenant_id = :tenant"), {"tenant": tenant})
        return list(found.all())


async def nothing_left(billing: Harness, tenant: str) -> bool:
    """Tell whether the tenant has neither object nor row nor event."""
    tables = ("supplier_invoice", "electronic_invoice", "pending_original", "supplier", "invoice_hold")
    return not (
        await objects(billing, tenant)
        or [row for table in tables for row in await rows(billing, tenant, table)]
        or await billing.events(tenant)
    )
