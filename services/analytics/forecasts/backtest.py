"""How good the forecast is: the same method on every day of the history, with what was known then. Pure."""

from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import sqrt
from statistics import fmean

from services.analytics.forecasts.rules import WEEK, History, Level

COVERED = 0.8
_LOW = (1 - COVERED) / 2
# The fewest residuals among which the 10th and 90th percent lie: (n + 1) x 0.1 reaches the first of 9.
FEWEST_RESIDUALS = 9
FEWEST_IN_MEAN = 2
BACKTEST_DAYS = 52 * WEEK  # what was wrong before says little of today
_HOLIDAY = WEEK  # the class of days after the seven weekdays


@dataclass(frozen=True, slots=True)
class Trial:
    """One day of the back-test; `naive` is the same weekday in the last week known then."""

    day: int
    kind: int
    level: Level
    scale: float
    actual: float
    naive: float

    @property
    def residual(self) -> float:
        return self.actual - self.level.expected


@dataclass(frozen=True, slots=True)
class Score:
    """Mean absolute errors over the same `n` days; `coverage` over those days for which an interval was possible."""

    n: int
    mae: float | None
    naive_mae: float | None
    coverage: float | None
    covered_n: int


@dataclass(slots=True)
class Residuals:
    """Residuals in order, by kind of day, and all of them over their scale, for kinds with too few of their own."""

    by_kind: dict[int, list[float]] = field(default_factory=dict)
    scaled: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, tried: Iterable[Trial]) -> "Residuals":
        residuals = cls()
        for trial in tried:
            residuals.add(trial)
        return residuals

    def add(self, trial: Trial) -> None:
        insort(self.by_kind.setdefault(trial.kind, []), trial.residual)
        if trial.scale or not trial.residual:  # beside no work at all an error has no proportion
            insort(self.scaled, trial.residual / (trial.scale or 1.0))

    def interval(self, kind: int, level: Level, scale: float) -> tuple[float, float] | None:
        """Return the interval around what is expected, never below 0; None without any residual."""
        own = self.by_kind.get(kind, [])
        if len(own) < FEWEST_RESIDUALS:
            own, factor = self.scaled, scale
        else:
            factor = 1.0
        if not own:
            return None
        low, high = (level.expected + factor * quantile(own, share) for share in (_LOW, 1 - _LOW))
        if level.basis == "holiday-unknown":  # nothing, or as much as on any other day
            high = max(high, level.ordinary + factor * quantile(own, 1 - _LOW))
        return max(0.0, min(low, level.expected)), max(high, level.expected)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the quantile at share x (n + 1), held within the sample: so few values cover as much as many do."""
    place = min(max(share * (len(ordered) + 1), 1.0), float(len(ordered)))
    below = int(place)
    above = min(below + 1, len(ordered))
    return ordered[below - 1] + (place - below) * (ordered[above - 1] - ordered[below - 1])


def kind_of(history: History, day: int) -> int:
    return _HOLIDAY if day in history.holidays else history.weekday_of(day)


def scale_of(level: Level) -> float:
    """Return the spread of a count of this size but for a factor: counts vary with the root of their mean."""
    return sqrt(max(level.ordinary, 1.0))


def trials(history: History, weeks: int) -> Iterator[Trial]:
    """Yield the back-test of forecasts this many weeks ahead, over the last BACKTEST_DAYS."""
    for day in range(max(WEEK * weeks, len(history.values) - BACKTEST_DAYS), len(history.values)):
        actual, naive = history.values[day], history.values[day - WEEK * weeks]
        level = history.level(day, day - WEEK * weeks + 1)
        if level is not None and level.n >= FEWEST_IN_MEAN:
            yield Trial(day, kind_of(history, day), level, scale_of(level), actual, naive)


def trials_of_work(
    tried: Iterable[Trial], weeks: int, work: Sequence[float | None], means: Sequence[float | None]
) -> Iterator[Trial]:
    """Yield the same trials in seconds: `work` of each day, `means` that of one operation as known on its morning."""
    for trial in tried:
        last = trial.day - WEEK * weeks
        actual, naive, mean = work[trial.day], work[last], means[last + 1]
        if actual is not None and naive is not None and mean is not None:
            level = trial.level.times(mean)
            yield Trial(trial.day, trial.kind, level, trial.scale * mean, actual, naive)


def score(tried: Sequence[Trial], weeks: int) -> Score:
    """Return the errors, and how often an interval from earlier residuals alone held the day."""
    if not tried:
        return Score(0, None, None, None, 0)
    residuals, waiting, held = Residuals(), 0, []
    for trial in tried:
        while tried[waiting].day <= trial.day - WEEK * weeks:
            residuals.add(tried[waiting])
            waiting += 1
        if len(residuals.scaled) >= FEWEST_RESIDUALS:
            low, high = residuals.interval(trial.kind, trial.level, trial.scale) or (0.0, 0.0)
            held.append(low <= trial.actual <= high)
    return Score(
        n=len(tried),
        mae=fmean(abs(trial.residual) for trial in tried),
        naive_mae=fmean(abs(trial.actual - trial.naive) for trial in tried),
        coverage=fmean(held) if held else None,
        covered_n=len(held),
    )
