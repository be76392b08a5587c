"""What an electronic invoice says that an invoice on file needs: taken over, never recomputed. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from services.billing.duplicates.rules import key_of_references
from services.billing.einvoices.codes import CREDIT_NOTE_CODES
from services.billing.einvoices.model import Buyer, Invoice, Item, Line, Price, Seller, Totals
from services.billing.identifiers import normalise_number, normalise_tax_id
from services.billing.parties.rules import LONGEST_ACCOUNT, normalise_account
from shared.money import CurrencyCode

LONGEST_NUMBER, LONGEST_TAX_ID, LONGEST_NAME = 100, 64, 500
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)
_MOST, _MOST_DECIMALS = Decimal(10) ** 15, 6
_currency: TypeAdapter[str] = TypeAdapter(CurrencyCode)
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A term without which, or with which, the invoice cannot be on file."""

    term: str
    obstacle: Literal["missing", "unusable"]
    value: str


def find_obstacles(invoice: Invoice) -> Iterator[Obstacle]:
    """Yield what is missing or cannot be kept: what is kept is looked for, compared and paid."""
    seller, totals = invoice.seller or Seller(), invoice.totals or Totals()
    number, name = invoice.number or "", name_of(seller)
    yield from _check("BT-1", number, bool(normalise_number(number)) and len(number) <= LONGEST_NUMBER)
    yield from _check("BT-2", _text(invoice.issue_date), _is_plausible(invoice.issue_date))
    yield from _check("BT-5", invoice.currency or "", _is_currency(invoice.currency))
    if invoice.due_date is not None:
        yield from _check("BT-9", _text(invoice.due_date), _is_plausible(invoice.due_date))
    yield from _check("BT-27", name, len(name) <= LONGEST_NAME)
    said, tax_id = said_tax_id(seller), tax_id_of(seller)
    yield from _check("BT-31", said, bool(tax_id) and len(tax_id) <= LONGEST_TAX_ID)
    for term, amount in (("BT-109", totals.without_vat), ("BT-112", totals.with_vat)):
        yield from _check(term, _text(amount), amount is not None and _is_kept(amount))
    if totals.vat is not None:
        yield from _check("BT-110", _text(totals.vat), _is_kept(totals.vat))


def _check(term: str, value: str, is_usable: bool) -> Iterator[Obstacle]:
    if not value:
        yield Obstacle(term, "missing", "")
    elif not is_usable:
        yield Obstacle(term, "unusable", value[:100])


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _is_plausible(day: date | None) -> bool:
    return day is not None and FIRST_DAY <= day <= LAST_DAY


def _is_currency(code: str | None) -> bool:
    try:
        return bool(_currency.validate_python(code))
    except ValidationError:
        return False


def _is_kept(amount: Decimal) -> bool:
    return abs(amount) < _MOST and len(format(amount, "f").partition(".")[2]) <= _MOST_DECIMALS


def said_tax_id(seller: Seller) -> str:
    """Return the number that tells the seller, of those of which BR-CO-26 wants one: the more official ones first."""
    registered = (seller.legal_registration, *seller.identifiers)
    numbers = (seller.vat_identifier, seller.tax_registration, *(each.value for each in registered if each is not None))
    return next((number for number in numbers if number), "")


def tax_id_of(seller: Seller) -> str:
    return normalise_tax_id(said_tax_id(seller))


def buyer_tax_id_of(invoice: Invoice) -> str | None:
    """Return the number that the document knows us by; one that is too long to be any is left to the document."""
    number = normalise_tax_id((invoice.buyer or Buyer()).vat_identifier or "")
    return number if 0 < len(number) <= LONGEST_TAX_ID else None


def name_of(seller: Seller) -> str:
    return (seller.name or seller.trading_name or "").strip()


def names_of(seller: Seller) -> list[str]:
    """Return the name and, where it is another, the trading name."""
    return list(dict.fromkeys([name_of(seller), (seller.trading_name or "").strip() or name_of(seller)]))


def accounts_of(invoice: Invoice) -> list[str]:
    """Return the accounts to pay to, normalised; one that is too long to be any is left to the document."""
    said = (means.credit_transfer.account for means in invoice.payment_means if means.credit_transfer is not None)
    accounts = (normalise_account(account) for account in said if account)
    return [account for account in dict.fromkeys(accounts) if 0 < len(account) <= LONGEST_ACCOUNT]


def facts_of(invoice: Invoice) -> dict[str, Any]:
    """Return the invoice's columns as the document has them. It has no obstacles."""
    totals = invoice.totals or Totals()
    return {
        "is_credit_note": invoice.type_code in CREDIT_NOTE_CODES,
        "supplier_name": name_of(invoice.seller or Seller()),
        "number": invoice.number,
        "issue_date": invoice.issue_date,
        "currency": invoice.currency,
        "net": totals.without_vat,
        "tax": totals.vat or _NOTHING,
        "gross": totals.with_vat,
        "lines": [_line(line) for line in invoice.lines],
        "vat_breakdown": [
            {"rate": _plain(part.rate), "base": _plain(part.base), "tax": _plain(part.tax), "category": part.category}
            for part in invoice.vat_breakdown
        ],
        "purchase_order": (invoice.purchase_order or "").strip() or None,
        "references_key": key_of_references(list(_references(invoice))),
    }


def _line(line: Line) -> dict[str, Any]:
    item, price = line.item or Item(), line.price or Price()
    return {
        "description": item.name or item.description or line.note or "",
        "quantity": _plain(line.quantity),
        "unit_price": _plain(price.net),
        "net": _plain(line.net),
        "vat_rate": _plain(line.vat_rate),
    }


def _plain(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount, "f")


def _references(invoice: Invoice) -> Iterable[str | None]:
    """Yield what tells two deliveries of the same thing apart: order, delivery, contract's object, period."""
    yield from (invoice.purchase_order, invoice.despatch_advice, invoice.receiving_advice)
    yield invoice.invoiced_object.value if invoice.invoiced_object else None
    yield str(invoice.delivery.delivered_on) if invoice.delivery and invoice.delivery.delivered_on else None
    for period in (invoice.period, *(line.period for line in invoice.lines)):
        yield f"{period.start}/{period.end}" if period else None
