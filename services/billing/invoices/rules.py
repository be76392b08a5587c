"""What makes a supplier invoice right: arithmetic to the cent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

from shared.money import minor_digits, multiply, round_money

_PERCENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `net` is what the document says, before VAT; `vat_rate` in percent."""

    quantity: Decimal
    unit_price: Decimal
    net: Decimal
    vat_rate: Decimal


@dataclass(frozen=True, slots=True)
class VatAmount:
    """The tax of one rate: `base` is the sum of the nets at that rate."""

    rate: Decimal
    base: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    net: Decimal
    tax: Decimal
    gross: Decimal

    def rounded(self, currency: str) -> "Totals":
        """Return them with the decimals of the currency, as they are shown; one that has more of them keeps these."""
        return Totals(*(as_shown(amount, currency) for amount in (self.net, self.tax, self.gross)))


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of the document that does not follow from the others."""

    at: str
    expected: Decimal
    found: Decimal


def as_shown(amount: Decimal, currency: str) -> Decimal:
    """Return an amount with the decimals of its currency; one that has more of them keeps these."""
    if amount.as_tuple().exponent == -minor_digits(currency):
        return amount
    rounded = round_money(amount, currency)
    return rounded if rounded == amount else amount


def is_paid_ahead(paid_on: date, now: datetime) -> bool:
    """Tell whether a payment is said to have been made on a day that has come nowhere on earth yet."""
    return paid_on > now.date() + timedelta(days=1)


def find_differences(
    lines: Sequence[Line], breakdown: Sequence[VatAmount], totals: Totals, currency: str
) -> list[Difference]:
    """Return every figure that is not exactly what the others make it, to the currency's smallest unit.

    VAT is rounded once per rate, on the sum of its lines (Directive 2006/112/EC art. 226(8)-(10); EN 16931
    BR-CO-10, BR-CO-14, BR-CO-15, BR-CO-17).
    """
    claims = [
        *_line_claims(lines, currency),
        *_rate_claims(lines, breakdown, currency),
        ("totals.net", sum((line.net for line in lines), Decimal(0)), totals.net),
        ("totals.tax", sum((vat.tax for vat in breakdown), Decimal(0)), totals.tax),
        ("totals.gross", totals.net + totals.tax, totals.gross),
    ]
    return [Difference(at, expected, found) for at, expected, found in claims if expected != found]


def _line_claims(lines: Sequence[Line], currency: str) -> Iterable[tuple[str, Decimal, Decimal]]:
    for index, line in enumerate(lines):
        yield f"lines.{index}.net", round_money(multiply(line.quantity, line.unit_price), currency), line.net


def _rate_claims(
    lines: Sequence[Line], breakdown: Sequence[VatAmount], currency: str
) -> Iterable[tuple[str, Decimal, Decimal]]:
    by_rate = groupby(sorted(lines, key=attrgetter("vat_rate")), key=attrgetter("vat_rate"))
    bases = {rate: sum((line.net for line in group), Decimal(0)) for rate, group in by_rate}
    for index, vat in enumerate(breakdown):
        yield f"vat_breakdown.{index}.base", bases.pop(vat.rate, Decimal(0)), vat.base
        yield f"vat_breakdown.{index}.tax", round_money(multiply(vat.base, vat.rate, _PERCENT), currency), vat.tax
    for rate, base in bases.items():
        yield f"vat_breakdown (rate {rate} is missing)", base, Decimal(0)


def is_overdue(due_date: date, today: date, *, waits: bool) -> bool:
    """Tell whether it was due before today and is neither paid nor rejected."""
    return waits and due_date < today
