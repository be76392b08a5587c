"""The laws of the forecast: what it may look at, what it cannot exceed, and how wide it is."""

from math import sqrt
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analytics.forecasts.backtest import FEWEST_RESIDUALS, quantile, score, trials
from services.analytics.forecasts.prediction import Prediction
from services.analytics.forecasts.rules import Arrivals, History, people_needed, total, weeks_ahead, whole_people

NO_DAYS: frozenset[int] = frozenset()
counts = st.lists(st.integers(0, 200), min_size=21, max_size=120)
few = settings(max_examples=20, deadline=None)


def predict(
    values: list[int], weekday: int = 0, holidays: frozenset[int] = NO_DAYS, weeks: int = 4, seconds: int = 60
) -> Prediction:
    past = [Arrivals(n, n, n * seconds * 1_000_000, n, n, n * seconds * 1_000_000) for n in values]
    return Prediction(past, weekday, holidays, weeks)


@few
@given(counts, st.sets(st.integers(0, 180)), st.integers(0, 6), st.integers(1, 8), st.integers(0, 59))
def test_a_forecast_lies_within_what_was_seen_and_within_its_interval(
    values: list[int], holidays: set[int], weekday: int, weeks: int, ahead: int
) -> None:
    day = predict(values, weekday, frozenset(holidays), weeks).day(len(values) + ahead)
    assert 0 <= day.level.ordinary <= max(values)
    assert 1 <= day.level.n <= weeks
    for each in (day.arrivals, day.workload):
        if each is not None and each.low is not None and each.high is not None:
            assert 0 <= each.low <= each.expected <= each.high
    if day.workload is not None:
        assert day.workload.expected == pytest.approx(60 * day.arrivals.expected)
        assert day.person_seconds == pytest.approx(day.workload.expected)


@few
@given(counts, st.sets(st.integers(0, 119)), st.integers(1, 4), st.integers(0, 119), st.integers(0, 500))
def test_a_trial_knows_nothing_of_what_came_after_it_was_made(
    values: list[int], holidays: set[int], weeks: int, changed: int, value: int
) -> None:
    changed %= len(values)
    other = [*values[:changed], value, *values[changed + 1 :]]
    before, after = (
        {trial.day: trial for trial in trials(History(each, 0, frozenset(holidays), 4), weeks)}
        for each in (values, other)
    )
    assert before.keys() == after.keys()
    for day, trial in before.items():
        if day - 7 * weeks < changed:
            assert (trial.level, trial.naive) == (after[day].level, after[day].naive)


@few
@given(st.lists(st.integers(0, 50), min_size=7, max_size=7).filter(any), st.integers(3, 12), st.integers(0, 59))
def test_what_repeats_every_week_is_forecast_without_error(pattern: list[int], times: int, ahead: int) -> None:
    prediction = predict(pattern * times)
    day = prediction.day(7 * times + ahead)
    expected = pattern[ahead % 7]
    assert [day.arrivals.low, day.arrivals.expected, day.arrivals.high] == pytest.approx([expected] * 3)
    arrivals, work = prediction.horizon(1).scores()
    assert [arrivals.mae, arrivals.naive_mae, work.mae] == pytest.approx([0, 0, 0], abs=1e-9)


def test_holidays_are_left_out_of_the_means_and_forecast_from_each_other() -> None:
    week = [10, 10, 10, 10, 10, 0, 0]
    values = [*week, *week, 2, *week[1:], *week]  # the third Monday was one
    prediction = predict(values, holidays=frozenset({14, 28, 29}))
    monday, tuesday, wednesday = (prediction.day(28 + ahead) for ahead in range(3))
    assert (monday.level.expected, monday.level.ordinary, monday.level.n) == (2, 10, 3)
    assert (tuesday.level.expected, tuesday.level.basis) == (2, "holiday")
    assert (wednesday.level.expected, wednesday.level.basis) == (10, "weekday")
    assert prediction.day(35).level.expected == 10


def test_a_holiday_of_which_nothing_is_known_may_be_as_busy_as_any_day() -> None:
    random = Random(7)
    values = [random.randint(5, 15) for _ in range(84)]
    prediction, unaware = predict(values, holidays=frozenset({84})), predict(values)
    day, ordinary = prediction.day(84), unaware.day(84)
    assert (day.level.basis, day.arrivals.expected, day.arrivals.low) == ("holiday-unknown", 0, 0)
    assert ordinary.arrivals.high is not None
    assert day.arrivals.high is not None
    assert day.arrivals.high >= ordinary.arrivals.expected


@pytest.mark.parametrize(("mean", "weeks"), [(3, 1), (30, 1), (30, 4), (300, 2)])
def test_intervals_cover_what_they_say(mean: int, weeks: int) -> None:
    random = Random(mean)
    values = [max(0, round(random.gauss(mean * (1 + day % 7), sqrt(mean * (1 + day % 7))))) for day in range(400)]
    found = score(list(trials(History(values, 0, NO_DAYS, 4), weeks)), weeks)
    assert found.coverage is not None
    assert 0.7 <= found.coverage <= 0.9
    assert found.mae is not None
    assert found.naive_mae is not None
    assert found.mae < found.naive_mae


@few
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.floats(0, 1), st.floats(0, 1))
def test_quantiles_lie_in_the_sample_and_in_order(values: list[float], one: float, other: float) -> None:
    ordered = sorted(values)
    low, high = sorted((one, other))
    tolerance = 1e-6
    assert ordered[0] - tolerance <= quantile(ordered, low) <= quantile(ordered, high) + tolerance
    assert quantile(ordered, high) <= ordered[-1] + tolerance


def test_nine_residuals_reach_the_tenth_percentile() -> None:
    assert FEWEST_RESIDUALS == 9
    nine = [float(each) for each in range(1, 10)]
    assert [quantile(nine, share) for share in (0.1, 0.5, 0.9)] == pytest.approx([1, 5, 9])


def test_only_people_need_people() -> None:
    automatic = Arrivals(4, 4, 40_000_000, 0, 0, 0)
    mixed = total([automatic, Arrivals(4, 2, 120_000_000, 4, 2, 120_000_000)])
    assert (automatic.person_seconds, mixed.person_seconds) == (0, 30)
    assert Arrivals(4, 0, 0, 4, 0, 0).person_seconds is None
    assert [mixed.seconds_each, mixed.workload] == pytest.approx([0.5 * 60 + 0.5 * 10, 8 * 35])
    assert (mixed.person_mean, mixed.automation_mean, mixed.automation_seconds) == (60, 10, 5)
    assert (Arrivals().workload, Arrivals(1).workload) == (0, None)


@given(*[st.integers(0, 20)] * 4, *[st.integers(0, 10**9)] * 2)
def test_work_is_never_less_than_peoples_part_of_it(
    person: int, automation: int, seen: int, watched: int, person_us: int, automation_us: int
) -> None:
    seen, watched = min(seen, person), min(watched, automation)
    person_us, automation_us = person_us if seen else 0, automation_us if watched else 0
    day = Arrivals(person + automation, seen + watched, person_us + automation_us, person, seen, person_us)
    assert (day.seconds_each is None) == (not day.n or (person > 0 and not seen) or (automation > 0 and not watched))
    if day.seconds_each is not None and day.person_seconds is not None:
        assert day.seconds_each >= day.person_seconds
        assert day.workload == pytest.approx(day.n * day.seconds_each)


def test_hours_become_people() -> None:
    assert people_needed(51, 7.5, 0.85) == pytest.approx(8)
    assert whole_people(people_needed(51, 7.5, 0.85)) == 8
    assert (whole_people(0), whole_people(0.01), whole_people(1.001)) == (0, 1, 2)


@pytest.mark.parametrize(("days", "weeks"), [(1, 1), (7, 1), (8, 2), (60, 9)])
def test_days_ahead_are_weeks_ahead(days: int, weeks: int) -> None:
    assert weeks_ahead(days) == weeks
