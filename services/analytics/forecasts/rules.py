"""The forecast: the mean of the same weekday over the last weeks, corrected for holidays. Pure.

Heavier methods did not beat it on real daily series, so what counts here is to say how good it is: `backtest.py`
makes the same forecast for every day of the history, with what was known then.
"""

import operator
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from functools import reduce
from itertools import accumulate
from math import ceil
from statistics import fmean
from typing import Literal

WEEK = 7
FEWEST_DAYS = 3 * WEEK  # two means of a weekday to forecast from, and one week to see how wrong they were
SECONDS_PER_HOUR = 3_600

Basis = Literal["weekday", "holiday", "holiday-unknown"]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What arrived in a day, or in some days; durations in microseconds, over the `touch_n` whose start was observed."""

    n: int = 0
    touch_n: int = 0
    touch_us: int = 0
    person_n: int = 0
    person_touch_n: int = 0
    person_touch_us: int = 0

    @property
    def workload(self) -> float | None:
        """Return the seconds of work, what was not observed taken as the mean of its kind of actor; None when unknown."""
        each = self.seconds_each
        return 0.0 if not self.n else None if each is None else self.n * each

    @property
    def seconds_each(self) -> float | None:
        """Return the seconds of work of one operation on the mean.

        People's and automation's means are weighted by what each did, not by what of it was observed. None while
        a kind of actor did something and nothing of it was observed.
        """
        parts = (self.person_seconds, self.automation_seconds)
        return None if parts[0] is None or parts[1] is None else parts[0] + parts[1]

    @property
    def person_mean(self) -> float | None:
        return self.person_touch_us / (self.person_touch_n * 1_000_000) if self.person_touch_n else None

    @property
    def automation_mean(self) -> float | None:
        n = self.touch_n - self.person_touch_n
        return (self.touch_us - self.person_touch_us) / (n * 1_000_000) if n else None

    @property
    def person_share(self) -> float | None:
        return self.person_n / self.n if self.n else None

    @property
    def person_seconds(self) -> float | None:
        """Return how much of people's time one operation takes on the mean, those of automation taking none."""
        if not self.n or not self.person_n:
            return 0.0 if self.n else None
        return None if self.person_mean is None else self.person_n / self.n * self.person_mean

    @property
    def automation_seconds(self) -> float | None:
        """Return how much of automation's time one operation takes on the mean, those of people taking none."""
        done = self.n - self.person_n
        if not done:
            return 0.0 if self.n else None
        return None if self.automation_mean is None else done / self.n * self.automation_mean


def total(days: Iterable[Arrivals]) -> Arrivals:
    """Return the sum over days."""
    return reduce(add, days, Arrivals())


def add(one: Arrivals, other: Arrivals) -> Arrivals:
    return Arrivals(*map(operator.add, astuple(one), astuple(other)))


def subtract(one: Arrivals, other: Arrivals) -> Arrivals:
    """Return what is in `one` beyond `other`, which is a part of it."""
    return Arrivals(*map(operator.sub, astuple(one), astuple(other)))


@dataclass(frozen=True, slots=True)
class Level:
    """What is expected of a day: `n` ordinary days of the same weekday were averaged to `ordinary`."""

    expected: float
    ordinary: float
    n: int
    basis: Basis

    def times(self, factor: float) -> "Level":
        return Level(factor * self.expected, factor * self.ordinary, self.n, self.basis)


class History:
    """A value for each day from some day on, days numbered from 0.

    `weekday` is that of day 0 (0 is Monday), `holidays` the numbers of days that are holidays, also ahead of
    the history.
    """

    def __init__(self, values: Sequence[float], weekday: int, holidays: frozenset[int], weeks: int) -> None:
        self.values, self.holidays = values, holidays
        self._weekday, self._weeks = weekday, weeks
        every: list[list[int]] = [[] for _ in range(WEEK)]
        for day in range(len(values)):
            every[self.weekday_of(day)].append(day)
        # A weekday that was always a holiday is as ordinary as it gets.
        self._ordinary = [[day for day in days if day not in holidays] or days for days in every]
        past = [(day, self._mean(day, day)) for day in sorted(holidays) if 0 <= day < len(values)]
        known = [(day, mean[0]) for day, mean in past if mean is not None]
        self._holidays_past = [day for day, _ in known]
        self._holidays_had = [0.0, *accumulate(values[day] for day, _ in known)]
        self._holidays_due = [0.0, *accumulate(due for _, due in known)]

    def weekday_of(self, day: int) -> int:
        return (self._weekday + day) % WEEK

    def level(self, day: int, known: int) -> Level | None:
        """Return what is expected of `day` from the first `known` days, or None while its weekday was not among them."""
        mean = self._mean(day, known)
        if mean is None:
            return None
        ordinary, n = mean
        if day not in self.holidays:
            return Level(ordinary, ordinary, n, "weekday")
        ratio = self.holiday_ratio(known)
        return Level((ratio or 0.0) * ordinary, ordinary, n, "holiday-unknown" if ratio is None else "holiday")

    def holiday_ratio(self, known: int) -> float | None:
        """Return what the holidays among the first `known` days had, over what their weekdays let expect."""
        past = bisect_left(self._holidays_past, known)
        due = self._holidays_due[past]
        return self._holidays_had[past] / due if due else None

    def _mean(self, day: int, known: int) -> tuple[float, int] | None:
        """Return the mean of the last ordinary days of the same weekday and how many they are."""
        days = self._ordinary[self.weekday_of(day)]
        end = bisect_left(days, known)
        chosen = days[max(0, end - self._weeks) : end]
        return (fmean(self.values[each] for each in chosen), len(chosen)) if chosen else None


def weeks_ahead(days_ahead: int) -> int:
    """Return the horizon in weeks; within one, the same past weekdays are known."""
    return ceil(days_ahead / WEEK)


def people_needed(hours: float, hours_per_person: float, utilisation: float) -> float:
    """Return how many people do this many hours in a day, when `utilisation` of their time is work on operations."""
    return hours / (hours_per_person * utilisation)


def whole_people(people: float) -> int:
    """Return the number of heads; 1.0000000001 is a rounding error and no second person."""
    return ceil(round(people, 6))
