"""How leave is counted: calendar days, by calendar year, against an entitlement prorated by days employed.

Estatuto de los Trabajadores art. 38.1: thirty calendar days at least, for a year's work. Who is employed for a part
of the year has the same part of it; the statute gives no rounding, ours is to the nearest hundredth of a day.
"""

from calendar import isleap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

MAX_LEAVE_DAYS = 1826  # five years, the longest voluntary leave of absence (Estatuto de los Trabajadores art. 46.2)
_HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Employed:
    """An employment, both days included; `last` is None while it is open. `annual_days` are for a whole year."""

    first: date
    last: date | None
    annual_days: int


@dataclass(frozen=True, slots=True)
class Holiday:
    """Holidays from `first` to `last`, both included; `pending` until they are decided."""

    first: date
    last: date
    pending: bool


@dataclass(frozen=True, slots=True)
class Balance:
    """One year's holidays in days: `taken` are approved, had or still to come; left = entitlement - taken - pending."""

    year: int
    entitlement: Decimal
    taken: int
    pending: int

    @property
    def left(self) -> Decimal:
        return self.entitlement - self.taken - self.pending


def days_in_year(year: int) -> int:
    return 366 if isleap(year) else 365


def count_days(first: date, last: date) -> int:
    """Return the calendar days from `first` to `last`, both included; 0 when `last` lies before."""
    return max(0, (last - first).days + 1)


def count_days_in_year(first: date, last: date | None, year: int) -> int:
    """Return how many days of a period lie in `year`; without an end it goes on."""
    end = date(year, 12, 31)
    return count_days(max(first, date(year, 1, 1)), end if last is None else min(last, end))


def split_by_year(first: date, last: date) -> dict[int, int]:
    """Return the days of a period by calendar year; they add up to the whole period."""
    return {year: count_days_in_year(first, last, year) for year in range(first.year, last.year + 1)}


def compute_entitlement(employments: Iterable[Employed], year: int) -> Decimal:
    """Return the year's holidays in days, each employment's by its share of the year; rounded once, to 0.01."""
    parts = (item.annual_days * count_days_in_year(item.first, item.last, year) for item in employments)
    return (Decimal(sum(parts)) / days_in_year(year)).quantize(_HUNDREDTH, ROUND_HALF_UP)


def compute_balance(employments: Iterable[Employed], holidays: Sequence[Holiday], year: int) -> Balance:
    """Return one year's balance; of holidays across a year's end only the days in `year` count."""
    pending, taken = (
        sum(count_days_in_year(item.first, item.last, year) for item in holidays if item.pending is state)
        for state in (True, False)
    )
    return Balance(year, compute_entitlement(employments, year), taken, pending)


def is_employed_throughout(employments: Iterable[Employed], first: date, last: date) -> bool:
    """Tell whether one employment covers every day of the period."""
    return any(item.first <= first and (item.last is None or last <= item.last) for item in employments)
