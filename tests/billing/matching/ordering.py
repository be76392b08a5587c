"""Orders, receipts and invoices to send."""

from decimal import Decimal
from typing import Any

from services.billing.einvoices import model as m
from tests.billing.intake.electronic import electronic, get, post, taken_in
from tests.billing.matching.cases import Case, Document, Judgement
from tests.fixtures.services import Harness

TAX_ID = "B12345674"


def order_line(reference: str = "10", quantity: str = "10", price: str = "10.00", **more: Any) -> dict[str, Any]:
    line = {"reference": reference, "description": "Paper", "unit": "C62", "quantity": quantity, "unit_price": price}
    return line | more


def order(number: str = "PO-1", *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    told = {"number": number, "supplier_tax_id": TAX_ID, "currency": "EUR", "lines": list(lines) or [order_line()]}
    return told | more


async def placed(billing: Harness, tenant: str, document: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = await post(billing, tenant, "/billing/orders", document or order())
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def received(
    billing: Harness, tenant: str, whole: dict[str, Any], quantity: str = "10", reference: str = "10"
) -> dict[str, Any]:
    lines = [{"reference": reference, "quantity": quantity}]
    came = {"order_id": whole["id"], "received_on": "2026-11-02", "lines": lines}
    answer = await post(billing, tenant, "/billing/receipts", came)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def billed(
    number: str = "2026-17",
    quantity: str = "10",
    price: str = "10",
    *,
    reference: str | None = "10",
    orders: str | None = "PO-1",
    unit: str = "C62",
    base: str | None = None,
    **more: Any,
) -> bytes:
    """Return a valid electronic invoice of one line about an order."""
    per = Decimal(base or 1)
    net = round(Decimal(quantity) * Decimal(price) / per, 2)
    line = m.Line(
        id="1",
        quantity=Decimal(quantity),
        unit=unit,
        net=net,
        order_line=reference,
        price=m.Price(net=Decimal(price), base_quantity=None if base is None else per),
        vat_category="S",
        vat_rate=Decimal(21),
        item=m.Item(name="Paper"),
    )
    return electronic(number, net=str(net), lines=(line,), purchase_order=orders, **more)


async def match_of(billing: Harness, tenant: str, invoice: dict[str, Any]) -> tuple[str, list[str]]:
    told = (await get(billing, tenant, f"/billing/invoices/{invoice['id']}")).json()
    return told["match"]["verdict"], told["match"]["reasons"]


async def played(billing: Harness, tenant: str, case: Case) -> list[Judgement]:
    """Send a case: its order, its deliveries, then its invoices one after another."""
    lines = [
        order_line(
            thing.reference,
            str(thing.quantity),
            str(Decimal(thing.cents).scaleb(-2)),
            description=thing.item,
            seller_item=thing.item,
            receipt_required=thing.required,
        )
        for thing in case.things
    ]
    whole = await placed(billing, tenant, order("PO-1", *lines))
    for thing in case.things:
        for much in thing.came:
            await received(billing, tenant, whole, str(much), thing.reference)
    supplier = (await taken_in(billing, tenant, billed("FIRST", orders=None)))["supplier"]["id"]
    amount = None if case.amount is None else str(Decimal(case.amount).scaleb(-2))
    agreed = {"tolerance_percent": None if case.percent is None else str(case.percent), "tolerance_amount": amount}
    async with billing.client(tenant, "manager", **{"If-Match": "*"}) as client:
        assert (await client.patch(f"/billing/suppliers/{supplier}", json=agreed)).status_code == 204
    answers = [
        await taken_in(billing, tenant, document_of(f"{letter * 3}-{number}", document))
        for number, (letter, document) in enumerate(zip("ABCD", case.invoices, strict=False))
    ]
    return [(each["match"]["verdict"], frozenset(each["match"]["reasons"])) for each in answers]


def document_of(number: str, document: Document) -> bytes:
    """Return a case's invoice in UBL; its totals are of no concern to matching."""
    lines = tuple(
        m.Line(
            id=str(place),
            quantity=Decimal(bill.quantity),
            unit=bill.unit,
            net=Decimal(1),
            order_line=bill.reference,
            price=m.Price(net=Decimal(bill.cents).scaleb(-2), base_quantity=Decimal(bill.base)),
            vat_category="S",
            vat_rate=Decimal(21),
            item=m.Item(name="Something", seller_identifier=bill.item),
        )
        for place, bill in enumerate(document.bills, 1)
    )
    base = Decimal(100)
    totals = m.Totals(
        lines=base, charges=Decimal(document.charges).scaleb(-2) or None, without_vat=base, with_vat=base, due=base
    )
    more: dict[str, Any] = {"type_code": "381", "due_date": None} if document.is_credit else {}
    return electronic(number, lines=lines, totals=totals, purchase_order="PO-1", currency=document.currency, **more)
