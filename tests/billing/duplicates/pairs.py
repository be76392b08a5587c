"""Invented pairs of one supplier's invoices: the same one sent twice, and honest ones that look alike.

The inventor knows nothing of signs and weights: it does to an invoice what people and programs do to it.
"""

import random
import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from services.billing.duplicates.rules import Told, key_of_lines, key_of_references

_GOODS = (
    "Hosting",
    "Cleaning of the office",
    "Toner XL",
    "Consulting day",
    "Pallet 80x120",
    "Gas oil A",
    "Lift service",
)
_SERIES = (
    "F-{year}/{n:04}",
    "{year}-{n:05}",
    "INV-{n:03}",
    "FAC {n}",
    "A{n:06}",
    "{n}/{year}",
    "RE{year}{n:04}",
    "OI-{n:03}",
)


@dataclass(frozen=True)
class Draft:
    """An invoice before its keys are made."""

    number: str
    issued: date
    gross: Decimal
    lines: tuple[tuple[str, str, str], ...]
    references: tuple[str | None, ...]
    currency: str = "EUR"

    def told(self) -> Told:
        lines: list[dict[str, Any]] = [
            dict(zip(("description", "quantity", "net"), line, strict=True)) for line in self.lines
        ]
        keys = key_of_lines(lines), key_of_references(self.references)
        return Told(self.number, self.issued, self.gross, self.currency, *keys)


class Inventor:
    """Makes pairs by chance. `n` is the running number of the supplier's series."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._series = chance.choice(_SERIES)
        one_change = (self.separators, self.read_alike, self.zeros, self.slip, self.typed)
        self._copying = (*one_change, self.other_day, self.other_number, self.cents, self.two_changes)
        on_another_day = (self.next_month, self.weekly, self.daily, self.last_year, self.tenfold)
        self._honest = (*on_another_day, self.next_order, self.regrouped, self.next_number, self.other_plate)

    def number(self, n: int, issued: date) -> str:
        return self._series.format(n=n, year=issued.year)

    def draft(self) -> tuple[Draft, int]:
        chance = self._chance
        issued = date(2026, 1, 1) + timedelta(days=chance.randrange(330))
        n = chance.randrange(1, 900)
        return Draft(self.number(n, issued), issued, self.amount(), self.lines(), self.references(issued)), n

    def amount(self) -> Decimal:
        return Decimal(self._chance.randrange(1_000, 900_000)) / 100

    def lines(self) -> tuple[tuple[str, str, str], ...]:
        chance = self._chance
        return tuple(
            (chance.choice(_GOODS), str(chance.randrange(1, 9)), f"{chance.randrange(100, 99_999) / 100:.2f}")
            for _ in range(chance.randrange(1, 5))
        )

    def references(self, issued: date) -> tuple[str | None, ...]:
        """Most name an order or a period; some name nothing."""
        order = f"PO-{self._chance.randrange(10_000, 99_999)}" if self._chance.random() < 0.5 else None
        period = f"{issued:%Y-%m}" if self._chance.random() < 0.4 else None
        return (order, period)

    # The same invoice, sent twice.

    def copy(self) -> tuple[Draft, Draft]:
        first, n = self.draft()
        copied = self._chance.choice(self._copying)(first, n)
        return (first, copied) if copied.number != first.number else (first, self.separators(first, n))

    def separators(self, draft: Draft, _n: int) -> Draft:
        bare = re.sub(r"[^A-Za-z0-9]", "", draft.number)
        if bare != draft.number:
            return replace(draft, number=bare)
        return replace(draft, number=re.sub(r"(?<=[A-Z])(?=[0-9])", "-", draft.number))

    def read_alike(self, draft: Draft, n: int) -> Draft:
        for character, other in self._chance.sample([("0", "O"), ("1", "I"), ("1", "l"), ("O", "0"), ("I", "1")], 5):
            if character in draft.number:
                return replace(draft, number=draft.number.replace(character, other, 1))
        return self.separators(draft, n)

    def zeros(self, draft: Draft, _n: int) -> Draft:
        without = re.sub(r"(?<![0-9])0+(?=[0-9])", "", draft.number)
        if without != draft.number:
            return replace(draft, number=without)
        return replace(draft, number=re.sub(r"(?<![0-9])([0-9]+)$", r"00\1", draft.number))

    def other_day(self, draft: Draft, n: int) -> Draft:
        """Written otherwise and with an amended date."""
        return replace(self.separators(draft, n), issued=draft.issued + timedelta(days=self._chance.randrange(1, 50)))

    def other_number(self, draft: Draft, n: int) -> Draft:
        """Issued again within the week under a number further on."""
        issued = draft.issued + timedelta(days=self._chance.randrange(8))
        return replace(draft, number=self.number(n + self._chance.randrange(10, 60), issued), issued=issued)

    def slip(self, draft: Draft, _n: int) -> Draft:
        """Two neighbours swapped, one doubled or one left out, as fingers do it."""
        text = draft.number
        places = [at for at in range(len(text) - 1) if text[at : at + 2].isdigit() and text[at] != text[at + 1]]
        if not places:
            return replace(draft, number=f"{text}{text[-1]}")
        at = self._chance.choice(places)
        slips = (
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
            text[: at + 1] + text[at:],
            text[:at] + text[at + 1 :],
        )
        return replace(draft, number=self._chance.choice(slips))

    def typed(self, draft: Draft, _n: int) -> Draft:
        """Typed from paper: the series' letters left away, lines in one's own words, no references."""
        number = re.sub(r"^[A-Z]+[- ]?", "", draft.number)
        lines = (("As per invoice", "1", draft.lines[0][2]),)
        return replace(draft, number=number, lines=lines, references=(None, None))

    def cents(self, draft: Draft, n: int) -> Draft:
        """Written otherwise, and rounded by another program."""
        return replace(self.zeros(draft, n), gross=draft.gross + Decimal("0.01"))

    def two_changes(self, draft: Draft, n: int) -> Draft:
        """Misread and written otherwise, on another day, in one's own words."""
        change = self._chance.choice((self.read_alike, self.zeros, self.separators))
        number = change(replace(self.typed(draft, n), number=draft.number), n)
        return replace(number, issued=draft.issued + timedelta(days=self._chance.randrange(8)))

    # Two honest invoices.

    def look_alikes(self) -> tuple[Draft, Draft]:
        first, n = self.draft()
        return first, self._chance.choice(self._honest)(first, n)

    def next_month(self, draft: Draft, n: int) -> Draft:
        """The rent: same amount, same lines, a month later."""
        issued = draft.issued + timedelta(days=self._chance.choice((28, 30, 31)))
        number = self.number(n + self._chance.randrange(1, 40), issued)
        return replace(draft, number=number, issued=issued, references=(draft.references[0], f"{issued:%Y-%m}"))

    def next_order(self, draft: Draft, n: int) -> Draft:
        """The same goods for the same money in the same week, on another order."""
        issued = draft.issued + timedelta(days=self._chance.randrange(8))
        number = self.number(n + self._chance.randrange(1, 9), issued)
        first = self.references(issued)
        return replace(draft, number=number, issued=issued, references=(f"PO-{n}-{issued:%d}", first[1]))

    def regrouped(self, draft: Draft, n: int) -> Draft:
        """1-23 and 12-3: other amounts, other goods."""
        number = re.sub(r"([0-9])([-/ ])([0-9])", r"\2\1\3", draft.number, count=1)
        number = number if number != draft.number else self.number(n * 10, draft.issued)
        return replace(draft, number=number, gross=self.amount(), lines=self.lines())

    def last_year(self, draft: Draft, n: int) -> Draft:
        """A series that begins anew every year."""
        issued = draft.issued.replace(year=2025, day=min(draft.issued.day, 28))
        number = draft.number.replace("2026", "2025") if "2026" in draft.number else f"{n}"
        return replace(draft, number=number, issued=issued, gross=self.amount(), lines=self.lines())

    def next_number(self, draft: Draft, n: int) -> Draft:
        """What comes next in the series: other goods, another amount, the same day."""
        return replace(draft, number=self.number(n + 1, draft.issued), gross=self.amount(), lines=self.lines())

    def daily(self, draft: Draft, n: int) -> Draft:
        """The same delivery the day after, for the same money."""
        issued = draft.issued + timedelta(days=self._chance.randrange(1, 4))
        return replace(draft, number=self.number(n + 1, issued), issued=issued)

    def weekly(self, draft: Draft, n: int) -> Draft:
        """The same delivery a week later; the supplier has invoiced others meanwhile. Half name a period or an order."""
        issued = draft.issued + timedelta(days=7)
        references = self.references(issued) if self._chance.random() < 0.5 else (None, None)
        return replace(
            draft, number=self.number(n + self._chance.randrange(2, 40), issued), issued=issued, references=references
        )

    def other_plate(self, draft: Draft, n: int) -> Draft:
        """One of a series on one day at one price, that differs by what stands in its line."""
        plate = (f"{draft.lines[0][0]}, plate {n + 1}", *draft.lines[0][1:])
        return replace(draft, number=self.number(n + 1, draft.issued), lines=(plate, *draft.lines[1:]))

    def tenfold(self, draft: Draft, n: int) -> Draft:
        """12 and 120: numbers of one trace."""
        issued = draft.issued + timedelta(days=self._chance.randrange(30, 90))
        number = self.number(n * 10, issued)
        return replace(draft, number=number, issued=issued, gross=self.amount(), lines=self.lines())
