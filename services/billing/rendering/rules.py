"""Which rendering is asked for, and what a keyed invoice says as a document would. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from services.billing.einvoices.model import Identifier, Invoice, Item, Line, Price, Seller, Totals, VatPart

_TYPES: Mapping[Literal["html", "pdf"], tuple[str, ...]] = {
    "html": ("text/html", "text/*", "*/*"),
    "pdf": ("application/pdf", "application/*", "*/*"),
}


def preferred_format(accept: str | None) -> Literal["html", "pdf"] | None:
    """Return the better of HTML and PDF by `Accept` (RFC 9110 12.5.1); HTML when equal, None when neither is taken."""
    ranges = dict(map(_range, (accept or "*/*").split(",")))
    weights = {name: next((ranges[each] for each in known if each in ranges), 0.0) for name, known in _TYPES.items()}
    best: Literal["html", "pdf"] = "pdf" if weights["pdf"] > weights["html"] else "html"
    return best if weights[best] > 0 else None


def _range(item: str) -> tuple[str, float]:
    media, *parameters = (part.strip().lower() for part in item.split(";"))
    quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    try:
        return media, min(max(float(quality), 0.0), 1.0)
    except ValueError:
        return media, 0.0


def keyed_invoice(
    *,
    number: str,
    issue_date: date,
    due_date: date,
    currency: str,
    purchase_order: str | None,
    supplier_name: str,
    supplier_tax_id: str,
    lines: Sequence[Mapping[str, Any]],
    vat_breakdown: Sequence[Mapping[str, Any]],
    totals: tuple[Decimal, Decimal, Decimal],
) -> Invoice:
    """Return what was keyed as the model has it; `totals` are net, tax and gross. It says nothing that was not keyed."""
    net, tax, gross = totals
    return Invoice(
        number=number,
        issue_date=issue_date,
        due_date=due_date,
        currency=currency,
        purchase_order=purchase_order,
        seller=Seller(name=supplier_name, tax_registration=supplier_tax_id),
        lines=tuple(_line(number, line) for number, line in enumerate(lines, 1)),
        vat_breakdown=tuple(
            VatPart(rate=Decimal(part["rate"]), base=Decimal(part["base"]), tax=Decimal(part["tax"]))
            for part in vat_breakdown
        ),
        totals=Totals(without_vat=net, vat=tax, with_vat=gross),
    )


def _line(number: int, line: Mapping[str, Any]) -> Line:
    standard = line.get("standard_item")
    return Line(
        id=str(number),
        quantity=Decimal(line["quantity"]),
        unit=line.get("unit"),
        net=Decimal(line["net"]),
        order_line=line.get("order_line"),
        price=Price(net=Decimal(line["unit_price"])),
        vat_rate=Decimal(line["vat_rate"]),
        item=Item(
            name=line["description"],
            seller_identifier=line.get("seller_item"),
            buyer_identifier=line.get("buyer_item"),
            standard_identifier=None if standard is None else Identifier(value=standard),
        ),
    )
