"""The forecast's back-test on every event log that has enough days: no worse than the seasonal naive, honest, quick."""

from collections import Counter, defaultdict
from datetime import UTC, date, timedelta
from statistics import fmean
from time import process_time

import pytest

from services.analytics.event_logs.raw import START
from services.analytics.forecasts.backtest import Score
from services.analytics.forecasts.prediction import Prediction
from services.analytics.forecasts.rules import Arrivals
from tests.fixtures.known_logs import known_logs, read_log, require
from tests.fixtures.workers import Tell

LOGS = known_logs()
ENOUGH_DAYS = 120  # fewer give too few intervals to judge
ENOUGH_PER_DAY = 5.0  # counts of 0 and 1 lie on an interval's limits, so that it covers more than it says
NO_HOLIDAYS: frozenset[int] = frozenset()


def test_there_are_logs_to_forecast() -> None:
    require(LOGS, "event logs with truth.json")


def per_day(name: str) -> defaultdict[str, Counter[date]]:
    """Return how many operations were finished on each day (UTC), by activity; "" is all of them."""
    found: defaultdict[str, Counter[date]] = defaultdict(Counter)
    for event in read_log(name)[0]:
        if event.transition != START:
            for series in ("", event.activity):
                found[series][event.at.astimezone(UTC).date()] += 1
    return found


def days_of(counts: Counter[date]) -> int:
    return (max(counts) - min(counts)).days + 1 if counts else 0


def predict(counts: Counter[date]) -> tuple[list[Score], float]:
    """Forecast 60 days and return the back-tests by weeks ahead, and the processor's seconds it took."""
    first = min(counts)
    past = [Arrivals(n=counts[first + timedelta(days=day)]) for day in range(days_of(counts))]
    begun = process_time()
    prediction = Prediction(past, first.weekday(), NO_HOLIDAYS, 4)
    assert len([prediction.day(len(past) + day) for day in range(60)]) == 60
    scores = [prediction.horizon(weeks).scores()[0] for weeks in range(1, 10)]
    return scores, process_time() - begun


@pytest.mark.parametrize("name", LOGS)
def test_the_back_test_of_a_log_is_good_enough(name: str, tell: Tell) -> None:
    every = per_day(name)  # read here and not before: one odd file must not keep the others from being tried
    if (days := days_of(every[""])) < ENOUGH_DAYS:
        tell(f"{name} has {days} days, too few of {ENOUGH_DAYS} to judge forecasts by")
        return
    series = {activity: counts for activity, counts in every.items() if days_of(counts) >= ENOUGH_DAYS}
    found = {activity: predict(counts) for activity, counts in series.items()}
    spent = [seconds for _, seconds in found.values()]
    ratios = [
        (score.mae or 0) / score.naive_mae for scores, _ in found.values() for score in scores[:2] if score.naive_mae
    ]
    told = [f"{name}, {weeks} weeks ahead: {score}" for weeks, score in enumerate(found[""][0], 1)]
    told.append(f"{len(ratios)} back-tests: {fmean(ratios):.2f} x the naive error, {fmean(spent) * 1000:.0f} ms each")
    tell("\n".join(told))
    assert sum(ratio <= 1.05 for ratio in ratios) > 0.5 * len(ratios)
    assert fmean(spent) < 0.1
    if sum(series[""].values()) >= ENOUGH_PER_DAY * days_of(series[""]):
        for score in found[""][0][:2]:  # the default of 14 days
            assert score.coverage is not None
            assert 0.65 <= score.coverage <= 0.95  # 0.8 is meant; a log has few weeks to tell
