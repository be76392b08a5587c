"""Net, tax and gross: of all amounts in a document, those that are named so and add up. Pure.

A combination counts when its total is printed and named. Net and tax of several rates may be the sums of what is printed by
rate; where tax is withheld, the total is what is left to pay, and the gross is told only if it is printed, too.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from math import prod
from typing import Literal

from services.billing.drafts import words
from services.billing.drafts.amounts import find_amounts, find_rates
from services.billing.drafts.layout import Cell, Line
from services.billing.drafts.shapes import Field, Seen, doubtful, settled
from shared.money import multiply

Kind = Literal["net", "tax", "gross", "withheld"]
_PERCENT, _CENT = Decimal("0.01"), Decimal("0.01")
_HIGHEST_RATE = Decimal(30)
_ABOVE = 4  # lines up to a heading
_SLACK = 4
_NAMED: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("withheld", words.WITHHELD),
    ("gross", words.STRONG_GROSS),
    ("net", words.NET),
    ("tax", words.TAX),
    ("gross", words.GROSS),
)
_MOST_IN_LINE, _MOST_RATES, _MOST_PARTS, _MOST_NETS, _MOST_COMBINATIONS = 12, 6, 40, 200, 20_000


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount, what it is called, and how: by its own line before by a heading."""

    value: Decimal
    line: Line
    start: int
    end: int
    kind: Kind | None
    is_own_label: bool

    def seen(self) -> Seen:
        return self.line.seen(format(self.value, "f"), self.start, self.end)


@dataclass(frozen=True, slots=True)
class Part:
    """The tax of one rate, and the line that says so."""

    rate: Decimal
    base: Decimal
    tax: Decimal
    line: Line


@dataclass(frozen=True, slots=True)
class Sum:
    """Figures that add up to a printed total: the gross, or what is left of it to pay."""

    net: Decimal
    tax: Decimal
    total: Decimal
    parts: tuple[Part, ...]

    @property
    def gross(self) -> Decimal:
        return self.net + self.tax


def read_figures(lines: Sequence[Line]) -> dict[str, Field]:
    """Return the fields net, tax, gross and vat_breakdown."""
    amounts = [amount for line in lines for amount in _amounts_in(line, lines)]
    sums = list(_sums(amounts, _parts(lines, amounts)))
    best = _best(sums, amounts)
    figures: dict[str, list[Seen]] = {"net": [], "tax": [], "gross": []}
    for each in best:
        for name, seen in figures.items():
            seen.extend(_evidence(getattr(each, name), name, amounts, each.parts))
    is_withheld = any(amount.kind == "withheld" for amount in amounts)
    fields = {name: settled(seen) for name, seen in figures.items()}
    if is_withheld:  # the total may be what is to be paid: a person tells
        fields["gross"] = doubtful(figures["gross"])
    return fields | {"vat_breakdown": _breakdown(best)}


def _breakdown(sums: Sequence[Sum]) -> Field:
    return settled([_told_parts(each.parts) for each in sums if each.parts])


def _told_parts(parts: Sequence[Part]) -> Seen:
    ordered = sorted(parts, key=lambda part: part.line.index)
    told = [{"rate": _plain(p.rate), "base": format(p.base, "f"), "tax": format(p.tax, "f")} for p in ordered]
    return ordered[0].line.seen(told)


def _plain(rate: Decimal) -> str:
    return format(rate.normalize(), "f")


def _amounts_in(line: Line, lines: Sequence[Line]) -> Iterator[Amount]:
    numbers = find_amounts(line.text)[:_MOST_IN_LINE]
    labels = [(cell, kind) for cell in line.cells if (kind := kind_of(line, cell))]
    for number in numbers:
        own = [kind for cell, kind in labels if cell.start <= number.start]
        kind = own[-1] if own else _heading(lines, line, number.start, number.end)
        yield Amount(number.value, line, number.start, number.end, kind, bool(own))


def kind_of(line: Line, cell: Cell) -> Kind | None:
    """Return what a cell calls the amount beside or under it."""
    text = line.folded[cell.start : cell.end]
    return next((kind for kind, pattern in _NAMED if pattern.search(text)), None)


def _heading(lines: Sequence[Line], line: Line, start: int, end: int) -> Kind | None:
    for above in reversed(lines[max(0, line.index - _ABOVE) : line.index]):
        if above.page != line.page:
            return None
        for cell in above.cells:
            if cell.start <= end + _SLACK and cell.end >= start - _SLACK and (kind := kind_of(above, cell)):
                return kind
    return None


def _parts(lines: Sequence[Line], amounts: Sequence[Amount]) -> list[Part]:
    """Return what may be the tax of one rate: two amounts of a line, or one that fits an amount named net."""
    by_line: dict[int, list[Amount]] = {}
    for amount in amounts:
        by_line.setdefault(amount.line.index, []).append(amount)
    nets = list(dict.fromkeys(amount.value for amount in amounts if amount.kind == "net"))[:_MOST_NETS]
    parts: dict[tuple[Decimal, Decimal, Decimal], Part] = {}
    for index, found in by_line.items():
        line, values = lines[index], [amount.value for amount in found]
        for rate in _rates_of(lines, line):
            taxed = ((base, tax) for base in values for tax in values if base != tax)
            alone = ((base, a.value) for a in found if a.kind == "tax" for base in nets)
            for base, tax in (*taxed, *alone):
                if is_tax_of(base, rate, tax):
                    parts.setdefault((rate, base, tax), Part(rate, base, tax, line))
    return list(parts.values())[: 4 * _MOST_PARTS]


def _rates_of(lines: Sequence[Line], line: Line) -> list[Decimal]:
    """Return the rates a line names, also without a sign where a heading has it."""
    rates = find_rates(line.text)
    if not rates and any("%" in above.text for above in lines[max(0, line.index - _ABOVE) : line.index]):
        rates = [rate for rate in find_rates(line.text, marked=False) if rate]
    return [rate for rate in rates if rate <= _HIGHEST_RATE][:_MOST_RATES]


def is_tax_of(base: Decimal, rate: Decimal, tax: Decimal) -> bool:
    """Tell whether the tax is that of the base, to the cent, half away from zero."""
    return abs(multiply(base, rate, _PERCENT) - tax) <= _CENT / 2 and abs(tax) <= abs(base)


def is_plausible(net: Decimal, tax: Decimal) -> bool:
    """Tell whether a tax has the sign of the net and no higher rate than any country's."""
    return net * tax > 0 and abs(tax) <= abs(multiply(net, _HIGHEST_RATE, _PERCENT))


def _sums(amounts: Sequence[Amount], parts: Sequence[Part]) -> Iterator[Sum]:
    totals = {amount.value for amount in amounts if amount.kind == "gross"}
    withheld = {abs(amount.value) for amount in amounts if amount.kind == "withheld"}
    by_rate: dict[Decimal, list[Part | None]] = {}
    for part in parts:
        by_rate.setdefault(part.rate, [None]).append(part)
    choices = [found[: _MOST_PARTS + 1] for found in by_rate.values()][:_MOST_RATES]
    while prod(map(len, choices)) > _MOST_COMBINATIONS:
        choices = [found[: max(2, len(found) // 2)] for found in choices]
    for chosen in product(*choices):
        taken = tuple(part for part in chosen if part is not None)
        net, tax = sum((p.base for p in taken), Decimal(0)), sum((p.tax for p in taken), Decimal(0))
        if taken:
            yield from (Sum(net, tax, total, taken) for total in _totals(net + tax, withheld) if total in totals)
    named = {kind: {a.value for a in amounts if a.kind == kind} for kind in ("net", "tax")}
    for net, tax in product(sorted(named["net"])[:_MOST_NETS], sorted(named["tax"])[:_MOST_NETS]):
        if is_plausible(net, tax):
            yield from (Sum(net, tax, total, ()) for total in _totals(net + tax, withheld) if total in totals)


def _totals(gross: Decimal, withheld: Collection[Decimal]) -> list[Decimal]:
    """Return what may be printed as the total: the gross, and what is left when something is withheld."""
    return [gross, *(gross - amount for amount in withheld)]


def _best(sums: Sequence[Sum], amounts: Sequence[Amount]) -> list[Sum]:
    """Return the sums that may be the document's: of the highest total that its own line names so, and of its rivals.

    Where one breakdown explains the figures, what adds up without one says the same or nothing. A rival is another total
    of its own that is no part of it: a second invoice, what was paid on account, or what the year came to.
    """
    own = {amount.value for amount in amounts if amount.kind == "gross" and amount.is_own_label}
    headed = {amount.value for amount in amounts if amount.kind == "gross"}
    for named in (own, headed):
        if totals := [each.total for each in sums if each.total in named]:
            highest = max(totals, key=abs)
            found = [each for each in sums if each.total == highest]
            found = [each for each in found if each.parts] or found
            others = (each for each in sums if each.total in own and bool(each.parts) == bool(found[0].parts))
            return found + [each for each in others if not any(_is_part(each, whole) for whole in found)]
    return []


def _is_part(one: Sum, whole: Sum) -> bool:
    """Tell whether a sum says the same as another one, or the same of some of its rates."""
    rates = {(part.rate, part.base, part.tax) for part in whole.parts}
    is_same = (one.net, one.tax) == (whole.net, whole.tax)
    is_rate = (one.net, one.tax) in {(base, tax) for _, base, tax in rates}
    is_some = bool(one.parts) and {(part.rate, part.base, part.tax) for part in one.parts} <= rates
    return is_same or is_rate or is_some


def _evidence(value: Decimal, kind: str, amounts: Sequence[Amount], parts: Sequence[Part]) -> Iterator[Seen]:
    """Yield where a figure is printed, best where it is named; net and tax may be the sums of what the parts say."""
    printed = [amount for amount in amounts if amount.value == value]
    printed.sort(key=lambda amount: (amount.kind != kind, not amount.is_own_label, -amount.line.index))
    if printed:
        yield printed[0].seen()
    elif kind != "gross" and parts:
        yield parts[0].line.seen(format(value, "f"))
