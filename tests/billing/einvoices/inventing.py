"""Random invoices that are right: every term may be there or not, and every figure follows from the others."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TypeVar

from services.billing.einvoices import model as m
from shared.money import minor_digits

T = TypeVar("T")
_CURRENCIES = ("EUR", "EUR", "EUR", "USD", "SEK", "JPY", "CLP", "KWD", "TND")
_RATED = ("21", "10", "4", "5.5", "19", "7")
# IGIC of the Canaries, IPSI of Ceuta and Melilla. A rate of 0 is right by the rules of UBL and by the words of those of CII,
# and wrong by what the latter test.
_ISLANDS = (("L", "7"), ("L", "3"), ("M", "4"))
_REASONS = {
    "E": ("VATEX-EU-132", "Exempt by article 132"),
    "AE": ("VATEX-EU-AE", "Reverse charge"),
    "K": ("VATEX-EU-IC", "Supply within the Community"),
    "G": ("VATEX-EU-G", "Export"),
    "O": ("VATEX-EU-O", "Not subject to VAT"),
}
_UNITS = ("C62", "HUR", "KGM", "MTR", "DAY", "KWH")
_ALPHABET = "abcdefghij ABCDEFGH ñáéü ç€ 0123456789 <>&\"' .,;-/ 字😀"
_MEDIA = ("application/pdf", "image/png", "image/jpeg", "text/csv")
_ALLOWANCES, _CHARGES = ("95", "100", "41"), ("FC", "ABL", "AAA")

Category = tuple[str, Decimal | None]


class Inventor:
    """Invents one invoice from one source of chance."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.currency = chance.choice(_CURRENCIES)
        self._unit = Decimal(1).scaleb(-min(2, minor_digits(self.currency)))  # the rules allow no third decimal

    def maybe(self, make: Callable[[], T], odds: float = 0.5) -> T | None:
        return make() if self._chance.random() < odds else None

    def some(self, make: Callable[[], T], most: int = 3) -> tuple[T, ...]:
        return tuple(make() for _ in range(self._chance.choice((0, 0, *range(1, most + 1)))))

    def text(self) -> str:
        letters = "".join(self._chance.choice(_ALPHABET) for _ in range(self._chance.randint(1, 30)))
        return f"T{letters.strip()}"

    def day(self) -> date:
        return date(2024, 1, 1) + timedelta(days=self._chance.randrange(900))

    def round(self, amount: Decimal) -> Decimal:
        return amount.quantize(self._unit, rounding=ROUND_HALF_UP)

    def amount(self, most: int = 5000) -> Decimal:
        return self.round(Decimal(self._chance.randrange(1, most * 100)) / 100)

    def address(self) -> m.Address:
        said = {
            name: self.maybe(self.text) for name in ("line_1", "line_2", "line_3", "city", "post_code", "subdivision")
        }
        return m.Address(**said, country=self._chance.choice(("ES", "FR", "DE", "PT", "IT")))

    def contact(self) -> m.Contact:
        return m.Contact(name=self.text(), telephone=self.maybe(self.text), email=self.maybe(lambda: "a@example.org"))

    def period(self) -> m.Period:
        start = self.day()
        return m.Period(start=start, end=self.maybe(lambda: start + timedelta(days=self._chance.randrange(60))))

    def identifier(self, scheme: str) -> m.Identifier:
        return m.Identifier(value=self.text(), scheme=scheme)

    def endpoint(self) -> m.Identifier:
        return m.Identifier(value="a@example.org", scheme="EM")

    def registration(self) -> m.Identifier:
        return m.Identifier(value=self.text(), scheme=self.maybe(lambda: "0002"))

    def categories(self) -> list[Category]:
        """Return the VAT categories of the invoice; what is not subject to VAT stands alone (BR-O-11)."""
        if self._chance.random() < 0.1:
            return [("O", None)]
        rated = [("S", Decimal(rate)) for rate in self._chance.sample(_RATED, self._chance.randint(0, 3))]
        others = self._chance.sample(("E", "Z", "AE", "K", "G"), self._chance.choice((0, 0, 1, 2)))
        islands = [(each, Decimal(rate)) for each, rate in _ISLANDS if self._chance.random() < 0.1]
        found: list[Category] = [*rated, *((category, Decimal(0)) for category in others), *islands]
        return found or [("S", Decimal(21))]

    def line_part(self, codes: tuple[str, ...]) -> m.LineAdjustment:
        base, percentage = self.maybe(lambda: (self.amount(), Decimal(self._chance.randint(1, 9)))) or (None, None)
        amount = self.amount(9) if base is None or percentage is None else self.round(base * percentage / 100)
        return m.LineAdjustment(
            amount=amount,
            base_amount=base,
            percentage=percentage,
            reason=self.text(),
            reason_code=self.maybe(lambda: self._chance.choice(codes)),
        )

    def part(self, codes: tuple[str, ...], category: Category) -> m.Adjustment:
        same = self.line_part(codes)
        said = {name: getattr(same, name) for name in same.__struct_fields__}
        return m.Adjustment(**said, vat_category=category[0], vat_rate=category[1])

    def item(self) -> m.Item:
        attribute = lambda: m.Attribute(name=self.text(), value=self.text())  # noqa: E731 - used twice below
        classified = lambda: m.Identifier(value=self.text(), scheme="HS", version=self.maybe(self.text))  # noqa: E731
        return m.Item(
            name=self.text(),
            description=self.maybe(self.text),
            seller_identifier=self.maybe(self.text),
            buyer_identifier=self.maybe(self.text),
            standard_identifier=self.maybe(lambda: self.identifier("0160")),
            classifications=self.some(classified),
            origin_country=self.maybe(lambda: "CN"),
            attributes=self.some(attribute),
        )

    def line(self, number: int, category: Category) -> m.Line:
        unit = self._chance.choice(_UNITS)
        quantity = Decimal(self._chance.randrange(1, 10_000)) / self._chance.choice((1, 10, 1000))
        quantity = self._chance.choice((quantity,) * 9 + (-quantity,))  # what was given back
        net, gross = self.amount(), None
        discount = self.maybe(lambda: self.amount(5), 0.3)
        if discount is not None:
            gross = net + discount
        base = self.maybe(lambda: Decimal(self._chance.choice((1, 10, 100))), 0.3)
        allowances = self.some(lambda: self.line_part(_ALLOWANCES), 2)
        charges = self.some(lambda: self.line_part(_CHARGES), 2)
        total = quantity * net / (base or 1)
        total += sum((part.amount or Decimal(0) for part in charges), Decimal(0))
        total -= sum((part.amount or Decimal(0) for part in allowances), Decimal(0))
        return m.Line(
            id=str(number),
            note=self.maybe(self.text),
            object=self.maybe(lambda: self.identifier("ABT"), 0.2),
            quantity=quantity,
            unit=unit,
            net=self.round(total),
            order_line=self.maybe(lambda: str(number)),
            accounting_reference=self.maybe(self.text),
            period=self.maybe(self.period, 0.3),
            allowances=allowances,
            charges=charges,
            price=m.Price(
                net=net, discount=discount, gross=gross, base_quantity=base, base_unit=None if base is None else unit
            ),
            vat_category=category[0],
            vat_rate=category[1],
            item=self.item(),
        )
