"""From live figures to inputs. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from services.analytics.costs.schemas import CostModelOut, HourlyRateModel
from services.analytics.indicators.rules import measure
from services.analytics.indicators.selection import GroupBy
from services.analytics.indicators.sums import Cost, Figures, Key, OperationSums
from services.analytics.what_if.inputs import round_input

GROUPS: tuple[GroupBy, ...] = ("team", "actor_kind")  # what the figures are grouped by
DAYS_PER_MONTH = Decimal("30.4375")  # 365.25 / 12
DEFAULT_DAYS = 90
_MICROSECONDS_PER_MINUTE = 60_000_000
_SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open, both ends known."""

    begin: datetime
    end: datetime

    @property
    def months(self) -> Decimal:
        return Decimal((self.end - self.begin) // timedelta(seconds=1)) / _SECONDS_PER_DAY / DAYS_PER_MONTH

    @property
    def interval(self) -> str:
        """Return both ends as ISO 8601 writes them."""
        return "/".join(moment.astimezone(UTC).isoformat().replace("+00:00", "Z") for moment in (self.begin, self.end))

    @property
    def last_day(self) -> date:
        return (self.end - timedelta(microseconds=1)).date()


def period_of(begin: datetime | None, end: datetime | None, now: datetime) -> Period:
    """Fill in what is open: until the begin of today (UTC), for DEFAULT_DAYS. What lies ahead of now is cut off.

    A period that lies ahead as a whole is empty; one that ends before it begins stays so.
    """
    last = end or now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = begin or last - timedelta(days=DEFAULT_DAYS)
    return Period(first, last if last <= first else max(first, min(last, now)))


def observed_part(period: Period, first_hour: datetime | None) -> Period:
    """Return the part of a period from the day (UTC) of the first operation on: before it there was nothing to count.

    A whole day, so that a process of a few minutes is not taken to go on all month as in these.
    """
    if first_hour is None:
        return period
    first_day = first_hour.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Period(min(max(period.begin, first_day), period.end), period.end)


def measured_inputs(
    whole: Figures,
    groups: Mapping[Key, Figures],
    model: CostModelOut,
    period: Period,
    currency: str,
) -> dict[str, Decimal]:
    """Return the inputs that the figures of a period tell; what they do not tell is missing.

    `period` is the observed part of what was asked for: the volume is by month of it.
    """
    by_kind = {kind: _of_kind(groups, kind) for kind in ("person", "automation")}
    kpis = {each.kpi: each.value for each in measure(whole, currency)}
    found = {
        "volume": whole.operations.n / period.months if period.months > 0 else None,
        "minutes": _minutes(by_kind["person"].values()),
        "automated_minutes": _minutes(by_kind["automation"].values()),
        "error_share": kpis["error_rate"],
        "automation_share": kpis["automation_level"],
        "satisfaction": kpis["internal_satisfaction"],
        "automated_cost": _mean_cost(by_kind["automation"].values(), currency),
        "hourly_cost": _hourly_cost(by_kind["person"], model, period.last_day) if model.currency == currency else None,
    }
    rounded = {name: round_input(Decimal(value)) for name, value in found.items() if value is not None}
    return {name: value for name, value in rounded.items() if value or name != "volume"}


def _of_kind(groups: Mapping[Key, Figures], kind: str) -> dict[str | None, OperationSums]:
    return {team: figures.operations for (team, of_kind), figures in groups.items() if of_kind == kind}


def _minutes(sums: Iterable[OperationSums]) -> Decimal | None:
    known = [(each.touch_us, each.touch_n) for each in sums]
    n = sum(count for _, count in known)
    return Decimal(sum(spent for spent, _ in known)) / (n * _MICROSECONDS_PER_MINUTE) if n else None


def _mean_cost(sums: Iterable[OperationSums], currency: str) -> Decimal | None:
    costs = [each.costs.get(currency, Cost()) for each in sums]
    n = sum(cost.measured + cost.modelled for cost in costs)
    if not n:
        return None
    mean = sum((cost.total for cost in costs), Fraction()) / n
    return Decimal(mean.numerator) / mean.denominator


def _hourly_cost(people: Mapping[str | None, OperationSums], model: CostModelOut, day: date) -> Decimal | None:
    """Return the rate in force on a day, weighted by what each team worked; without work the rate of any team."""
    rates = {team: rate for team in people if (rate := rate_on(model.hourly_rates, team, day)) is not None}
    worked = sum(people[team].touch_us for team in rates)
    if not worked:
        return rate_on(model.hourly_rates, None, day)
    return sum((people[team].touch_us * rate for team, rate in rates.items()), Decimal(0)) / worked


def rate_on(rates: Sequence[HourlyRateModel], team: str | None, day: date) -> Decimal | None:
    """Return the team's own rate on a day, else the one of every team without its own."""
    fitting = [rate for rate in rates if rate.team in {team, None} and rate.valid_from <= day]
    best = max(fitting, key=lambda rate: (rate.team is not None, rate.valid_from), default=None)
    return None if best is None else Decimal(best.amount)
