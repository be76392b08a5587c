"""Amounts and rates as invoices write them: 1.234,56 and 1,234.56 and 1 234,56. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

# Two decimals, which tells an amount from quantities, unit prices and years. The groups of thousands have one separator,
# and not that of the decimals.
_AMOUNT = re.compile(
    r"(?<![\w.,'\u2019/-])(-\s?)?(?:\d{1,3}(?:\.\d{3})+,\d{2}|\d{1,3}(?:,\d{3})+\.\d{2}|\d{1,3}(?:['\u2019]\d{3})+\.\d{2}|"
    r"\d{1,12}[.,]\d{2})(?!\d|[.,]\d|\s?%|/|-\d)(-(?!\w))?"
)
_SPACED = re.compile(r"(?<![\w.,'\u2019/-])(?<!\d )(-\s?)?\d{1,3}(?: \d{3})+[.,]\d{2}(?!\d|[.,]\d|\s?%)")
_RATE = re.compile(r"(?<![\w.,])(\d{1,2})(?:[.,](\d{1,3}))?\s?%")
_PLAIN_RATE = re.compile(r"(?<![\w.,])(\d{1,2})(?:[.,](\d{1,3}))?(?![\w.,%])")


@dataclass(frozen=True, slots=True)
class Number:
    """An amount in a text, and where it stands."""

    value: Decimal
    start: int
    end: int


def find_amounts(text: str) -> list[Number]:
    """Return the amounts in a text. `1 234,56` may be one and may be two: it is both, and sums tell."""
    found = [*_AMOUNT.finditer(text), *_SPACED.finditer(text)]
    return sorted((Number(_value(match), match.start(), match.end()) for match in found), key=lambda each: each.start)


def find_rates(text: str, *, marked: bool = True) -> list[Decimal]:
    """Return the percentages in a text; with `marked` false also numbers without a sign, for columns of rates."""
    return list(dict.fromkeys(_rates(text, _RATE if marked else _PLAIN_RATE)))


def _rates(text: str, pattern: re.Pattern[str]) -> Iterator[Decimal]:
    for match in pattern.finditer(text):
        yield Decimal(f"{match[1]}.{match[2] or '0'}")


def _value(match: re.Match[str]) -> Decimal:
    digits = re.sub(r"\D", "", match[0])
    value = Decimal(digits).scaleb(-2)
    return -value if "-" in match[0] else value
