"""From what arrived per day to what will: levels, intervals and the back-test behind them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from services.analytics.forecasts.backtest import (
    FEWEST_RESIDUALS,
    Residuals,
    Score,
    Trial,
    kind_of,
    scale_of,
    score,
    trials,
    trials_of_work,
)
from services.analytics.forecasts.rules import (
    WEEK,
    Arrivals,
    History,
    Level,
    add,
    subtract,
    total,
    weeks_ahead,
)


@dataclass(frozen=True, slots=True)
class Interval:
    expected: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Predicted:
    """One day ahead. `person_seconds` is people's part of the work; None while touch times are unknown."""

    day: int
    weeks_ahead: int
    level: Level
    arrivals: Interval
    workload: Interval | None
    person_seconds: float | None


@dataclass(frozen=True, slots=True)
class Horizon:
    """What is known of forecasts this many weeks ahead."""

    weeks: int
    arrivals: Sequence[Trial]
    work: Sequence[Trial]

    def scores(self) -> tuple[Score, Score]:
        return score(self.arrivals, self.weeks), score(self.work, self.weeks)


class Prediction:
    """A forecast from `past`, one entry per day from day 0 on."""

    def __init__(self, past: Sequence[Arrivals], weekday: int, holidays: frozenset[int], weeks: int) -> None:
        self.past, self.known = past, len(past)
        self.history = History([day.n for day in past], weekday, holidays, weeks)
        self.recent = total(past[-WEEK * weeks :])
        self._work = [day.workload for day in past]
        self._means = _running_means(past, WEEK * weeks)
        self._horizons: dict[int, Horizon] = {}
        self._residuals: dict[tuple[int, bool], Residuals] = {}

    def horizon(self, weeks: int) -> Horizon:
        """Return the back-test this many weeks ahead."""
        if weeks not in self._horizons:
            arrivals = list(trials(self.history, weeks))
            work = list(trials_of_work(arrivals, weeks, self._work, self._means))
            self._horizons[weeks] = Horizon(weeks, arrivals, work)
        return self._horizons[weeks]

    def day(self, day: int) -> Predicted:
        """Return the forecast of a day."""
        level = self.history.level(day, self.known)
        assert level is not None, "FEWEST_DAYS hold every weekday"
        weeks, kind, scale = weeks_ahead(day - self.known + 1), kind_of(self.history, day), scale_of(level)
        mean, person = self.recent.seconds_each, self.recent.person_seconds
        arrivals = _around(level, self._errors(weeks, work=False).interval(kind, level, scale))
        workload = None
        if not self.recent.n and not level.expected:  # it has stopped: no work, however long one operation took
            workload, person = Interval(0.0, 0.0, None if arrivals.high else 0.0), 0.0
        elif mean is not None:
            work = level.times(mean)
            workload = _around(work, self._errors(weeks, work=True).interval(kind, work, scale * mean))
        return Predicted(
            day, weeks, level, arrivals, workload, person_seconds=None if person is None else level.expected * person
        )

    def _errors(self, weeks: int, *, work: bool) -> Residuals:
        """Return the errors that many weeks ahead; where they are too few, those of fewer weeks ahead."""
        weeks = min(weeks, self.known // WEEK)  # no day of the history was further ahead of another
        if (weeks, work) not in self._residuals:
            horizon = self.horizon(weeks)
            tried = horizon.work if work else horizon.arrivals
            if len(tried) < FEWEST_RESIDUALS and weeks > 1:
                return self._errors(weeks - 1, work=work)
            self._residuals[weeks, work] = Residuals.of(tried)
        return self._residuals[weeks, work]


def _around(level: Level, interval: tuple[float, float] | None) -> Interval:
    return Interval(level.expected, *(interval or (None, None)))


def _running_means(past: Sequence[Arrivals], window: int) -> list[float | None]:
    """Return for each day, and the one after the last, an operation's seconds on the days before it within the window."""
    sums = list(accumulate(past, add, initial=Arrivals()))
    return [subtract(sums[day], sums[max(0, day - window)]).seconds_each for day in range(len(sums))]
