"""What automating a process's manual work would save. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, localcontext

from shared.money import round_money

_PRECISION = 60  # digits: counts, microseconds and two amounts multiplied, and room
_US_PER_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Manual:
    """An activity as people do it: `n` times, of which `measured` took `touch_us` together."""

    activity: str
    n: int
    measured: int
    touch_us: int

    @property
    def mean_s(self) -> float | None:
        return self.touch_us / (self.measured * 1_000_000) if self.measured else None

    @property
    def hours(self) -> float | None:
        return self.n * self.touch_us / (self.measured * _US_PER_HOUR) if self.measured else None


@dataclass(frozen=True, slots=True)
class Tariff:
    """`coverage` is the share of operations that automation takes over; `automated_cost` is what each of those costs."""

    hourly_rate: Decimal
    currency: str
    coverage: Decimal
    automated_cost: Decimal


@dataclass(frozen=True, slots=True)
class Saving:
    """What is no longer paid, what is paid instead, and the difference: all rounded, so that they add up."""

    labour: Decimal
    automation: Decimal
    net: Decimal


def rank(manual: Iterable[Manual]) -> list[Manual]:
    """Return activities by total hours, most first; what was never measured comes last, by count."""
    return sorted(manual, key=lambda each: (each.hours is None, -(each.hours or 0.0), -each.n, each.activity))


def saving_of(manual: Manual, tariff: Tariff) -> Saving | None:
    """Return what automating the activity saves, or None where no hours are known."""
    if not manual.measured:
        return None
    with localcontext(prec=_PRECISION):
        hours = Decimal(manual.n) * manual.touch_us / (Decimal(manual.measured) * _US_PER_HOUR)
        labour = round_money(hours * tariff.coverage * tariff.hourly_rate, tariff.currency)
        automation = round_money(manual.n * tariff.coverage * tariff.automated_cost, tariff.currency)
        return Saving(labour, automation, labour - automation)


def total_hours(manual: Iterable[Manual]) -> float | None:
    """Return the hours of the activities whose hours are known, or None where none are."""
    known = [each.hours for each in manual if each.hours is not None]
    return sum(known) if known else None


def total(savings: Iterable[Saving | None]) -> Saving | None:
    """Return the sum of the savings that are known, or None where none is."""
    known = [each for each in savings if each is not None]
    if not known:
        return None
    labour = sum((each.labour for each in known), Decimal(0))
    automation = sum((each.automation for each in known), Decimal(0))
    return Saving(labour, automation, labour - automation)
