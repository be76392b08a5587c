"""What an invoice says that matching needs, by its document or as it was keyed. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from services.billing.einvoices.model import Invoice, Item, Line, Price, Totals
from services.billing.identifiers import normalise_number
from services.billing.matching.shapes import Billed

MOST_ORDERS = 50
_LONGEST_KEY = 301  # an order's has 300 at the most, so what is cut off was none; all fit into an index
_NONE = Decimal(0)
_NAMED = ("unit", "order_line", "buyer_item", "seller_item", "standard_item")


@dataclass(frozen=True, slots=True)
class Said:
    """An invoice's lines and the charges on the whole document (BT-108)."""

    lines: Sequence[Billed]
    charges: Decimal


def order_keys(reference: str | None) -> list[str]:
    """Return the numbers that BT-13 may mean: all of it first, then, where it is a list, its parts.

    A longer list than MOST_ORDERS is no list.
    """
    parts = re.split(r"[,;|]", reference or "")
    said = [reference or "", *(parts if 1 < len(parts) <= MOST_ORDERS else [])]
    return [key for key in dict.fromkeys(normalise_number(each)[:_LONGEST_KEY] for each in said) if key]


def read_electronic(invoice: Invoice, *, is_credit_note: bool) -> Said:
    """Return what the document says; what a credit note gives back is negative."""
    totals = invoice.totals or Totals()
    charges = _NONE if is_credit_note else totals.charges or _NONE
    return Said([_line(line, number, is_credit_note) for number, line in enumerate(invoice.lines, 1)], charges)


def _line(line: Line, number: int, is_credit_note: bool) -> Billed:
    item, price = line.item or Item(), line.price or Price()
    quantity = None if line.quantity is None else line.quantity.copy_negate() if is_credit_note else line.quantity
    standard = item.standard_identifier
    return Billed(
        id=line.id or str(number),
        description=item.name or item.description or "",
        quantity=quantity,
        unit=line.unit,
        price=price.net,
        price_base=Decimal(1) if price.base_quantity is None else price.base_quantity,
        price_unit=price.base_unit,
        order_line=line.order_line,
        buyer_item=item.buyer_identifier,
        seller_item=item.seller_identifier,
        standard_item=None if standard is None else standard.value,
        charges=_NONE if is_credit_note else _sum(charge.amount for charge in line.charges),
    )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), _NONE)


def read_keyed(lines: Sequence[Mapping[str, Any]]) -> Said:
    return Said([_keyed(line, number) for number, line in enumerate(lines, 1)], _NONE)


def _keyed(line: Mapping[str, Any], number: int) -> Billed:
    named: dict[str, Any] = {name: line.get(name) for name in _NAMED}
    return Billed(
        id=str(number),
        description=line["description"],
        quantity=Decimal(line["quantity"]),
        price=Decimal(line["unit_price"]),
        **named,
    )
