"""Days as invoices write them. One that may be read in two ways has two options until the document decides. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from services.billing.drafts.words import MONTHS

Order = Literal["day-first", "month-first"]
_FIRST_YEAR, _LAST_YEAR = 1990, 2099
_CENTURY = 2000
_LAST_MONTH = 12
_NUMERIC = re.compile(r"(?<![\w.,/-])(\d{1,4})([./-])(\d{1,2})\2(\d{4}|\d{2})(?![\w/-]|[.,]\d)")
_NAMED = re.compile(
    r"(?<![\w.,/-])(\d{1,2})(?:st|nd|rd|th)?[. -]{1,2}(?:de |of )?([a-z]{3,10})[.,]?[ -](?:de |del )?(\d{4})(?!\d)"
)
_NAMED_FIRST = re.compile(r"(?<!\w)([a-z]{3,10})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})(?!\d)")


@dataclass(frozen=True, slots=True)
class Dated:
    """A day in a text: where it stands, and the days it may mean, that with the day first before the other."""

    start: int
    end: int
    options: tuple[date, ...]

    def resolved(self, order: Order | None) -> tuple[date, ...]:
        """Return the options that are left once it is known what comes first here."""
        if order is None or len(self.options) == 1:
            return self.options
        return self.options[:1] if order == "day-first" else self.options[1:]


def find_dates(folded: str) -> list[Dated]:
    """Return the days in a folded text, in their order."""
    found = [Dated(m.start(), m.end(), _numeric(m)) for m in _NUMERIC.finditer(folded)]
    found += [Dated(m.start(), m.end(), _named(m[1], m[2], m[3])) for m in _NAMED.finditer(folded)]
    found += [Dated(m.start(), m.end(), _named(m[2], m[1], m[3])) for m in _NAMED_FIRST.finditer(folded)]
    return sorted((each for each in found if each.options), key=lambda each: each.start)


def order_of(found: Iterable[Dated], folded: Sequence[str], language: str | None) -> Order | None:
    """Return what comes first in this document's days, if it says so: by its language or by days above 12."""
    said: set[Order] = set()
    for dated, text in zip(found, folded, strict=True):
        match = _NUMERIC.fullmatch(text)
        if match and match[2] == "/" and len(dated.options) == 1 and len(match[1]) < 4:  # noqa: PLR2004 - a year
            first, second = int(match[1]), int(match[3])
            if first != second:
                said.add("day-first" if first > _LAST_MONTH else "month-first")
    if len(said) == 1:
        return said.pop()
    return "day-first" if not said and language in ("es", "de") else None


def _numeric(match: re.Match[str]) -> tuple[date, ...]:
    first, separator, second, last = match.groups()
    if len(first) == 4:  # noqa: PLR2004 - a year
        return _days((first, second, last)) if len(last) <= 2 else ()  # noqa: PLR2004
    if len(first) > 2:  # noqa: PLR2004
        return ()
    day_first = _days((last, second, first))
    if separator == ".":
        return day_first
    return tuple(dict.fromkeys(day_first + _days((last, first, second))))


def _named(day: str, month: str, year: str) -> tuple[date, ...]:
    number = MONTHS.get(month)
    return () if number is None else _days((year, str(number), day))


def _days(parts: tuple[str, str, str]) -> tuple[date, ...]:
    year, month, day = map(int, parts)
    year += _CENTURY if len(parts[0]) <= 2 else 0  # noqa: PLR2004 - 26 is 2026
    try:
        found = date(year, month, day)
    except ValueError:
        return ()
    return (found,) if _FIRST_YEAR <= found.year <= _LAST_YEAR else ()
