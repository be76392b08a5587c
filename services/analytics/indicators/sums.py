"""What the queries return: sums that add up, and the figures that do not. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import MAX_PREC, Decimal, localcontext
from fractions import Fraction
from typing import Any

from services.analytics.indicators.selection import Reading

MICROSECONDS_PER_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Linear-interpolated percentiles and the maximum, in seconds; None where nothing was measured."""

    median: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None

    @classmethod
    def of(cls, percentiles: Sequence[float] | None, highest: float | None) -> "Quantiles":
        if percentiles is None:
            return cls()
        median, p90, p95, p99 = percentiles
        return cls(median, p90, p95, p99, highest)


PERCENTILES = (0.5, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Times:
    """The percentiles of each duration of operations."""

    touch: Quantiles = Quantiles()
    wait: Quantiles = Quantiles()
    lead: Quantiles = Quantiles()


@dataclass(slots=True)
class Cost:
    """What operations cost in one currency: `measured` ones came with their cost, `modelled` ones were priced.

    `hourly_us` is the sum of hourly rate x touch time in microseconds. Dividing it is left to the end: a quotient that
    is rounded per day could not be told from one that is rounded per operation.
    """

    measured: int = 0
    modelled: int = 0
    measured_sum: Decimal = Decimal(0)
    fixed_sum: Decimal = Decimal(0)
    hourly_us: Decimal = Decimal(0)

    @property
    def total(self) -> Fraction:
        return Fraction(self.measured_sum) + Fraction(self.fixed_sum) + Fraction(self.hourly_us) / MICROSECONDS_PER_HOUR


@dataclass(slots=True)
class OperationSums:
    """Sums over operations; durations in microseconds."""

    n: int = 0
    touch_n: int = 0
    touch_us: int = 0
    estimated_n: int = 0
    wait_n: int = 0
    wait_us: int = 0
    lead_n: int = 0
    lead_us: int = 0
    error_n: int = 0
    rework_n: int = 0
    cancelled_n: int = 0
    corrected_n: int = 0
    defect_n: int = 0
    automation_n: int = 0
    costs: dict[str, Cost] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row of the roll-up query: sums of one group in one currency ("" where no cost is known)."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + int(row[name]))
        if row["paid_in"]:
            cost = self.costs.setdefault(row["paid_in"], Cost())
            cost.measured += int(row["cost_n"])
            cost.modelled += int(row["modelled_n"])
            with localcontext(prec=MAX_PREC):  # the usual 28 digits would round a long sum
                cost.measured_sum += row["cost_sum"]
                cost.fixed_sum += row["fixed_sum"]
                cost.hourly_us += row["hourly_us"]

    def measure_anew(self, sums: Mapping[str, int]) -> None:
        """Take these sums in the place of those that roll-ups gave."""
        for name, value in sums.items():
            setattr(self, name, value)


COUNTS = tuple(name for name in OperationSums.__dataclass_fields__ if name != "costs")


@dataclass(frozen=True, slots=True)
class CaseSums:
    """Figures over cases; durations in microseconds.

    `worked` are cases with an operation, `handled` those with one beside the requester's own submission.
    """

    cases: int = 0
    events: int = 0
    duration_us: int = 0
    operations: int = 0
    worked: int = 0
    handled: int = 0
    no_touch: int = 0
    rework_cases: int = 0
    rework_events: int = 0
    first_pass: int = 0
    variants: int | None = None
    quantiles: Quantiles = Quantiles()


@dataclass(frozen=True, slots=True)
class SurveySums:
    """Figures over survey answers. `withheld` where showing them would give away those of another group."""

    answers: int = 0
    satisfied: int = 0
    score_sum: int = 0
    withheld: bool = False


Key = tuple[str | None, ...]


@dataclass(slots=True)
class Figures:
    """Everything known about one group, or about the whole. The first two say how percentiles were read."""

    percentiles: Reading | None = None
    case_percentiles: Reading | None = None
    operations: OperationSums = field(default_factory=OperationSums)
    times: Times = Times()
    cases: CaseSums = CaseSums()
    survey: SurveySums = SurveySums()


def ratio(part: float, whole: int) -> float | None:
    """Return part / whole, or None of nothing."""
    return part / whole if whole else None


def seconds(microseconds: int, n: int) -> float | None:
    """Return the mean of n durations in seconds, or None of nothing. Integers divide with one rounding."""
    return microseconds / (n * 1_000_000) if n else None


def sorted_keys(keys: Iterable[Key]) -> list[Key]:
    """Return group keys in order; a missing value (no team) comes first."""
    return sorted(set(keys), key=lambda key: tuple(part or "" for part in key))
