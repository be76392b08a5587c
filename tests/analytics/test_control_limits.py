"""Limits and run rules: worked out by hand, silent in control, loud where something changed."""

import math
import random
from collections.abc import Callable, Sequence
from statistics import fmean

import pytest

from services.analytics.control_charts.definitions import RULES
from services.analytics.control_charts.rules import (
    ALL_RULES,
    Judged,
    Point,
    Rule,
    Signal,
    find_signals,
    judge_shares,
    judge_values,
)

SERIES, DAYS = 40, 100
Series = Callable[[random.Random], list[Judged]]


def points(values: Sequence[float]) -> list[Point]:
    return [Point(f"{place:03}", value, 1) for place, value in enumerate(values)]


def found(values: Sequence[float], rule: Rule) -> list[tuple[str, list[int]]]:
    """Return side and places of a rule's signals where a value is its distance from the centre."""
    judged = [Judged(point, -3, 3, point.value) for point in points(values)]
    return [(signal.side, [int(bucket) for bucket in signal.buckets]) for signal in find_signals(judged, [rule])]


def test_limits_of_values_are_those_of_the_moving_range() -> None:
    centre, judged = judge_values(points([10, 12, 11, 13]))
    sigma = (2 + 1 + 2) / 3 / 1.128
    assert centre == 11.5
    assert (judged[0].lower, judged[0].upper) == pytest.approx((11.5 - 3 * sigma, 11.5 + 3 * sigma))
    assert [each.sigmas for each in judged] == pytest.approx([-1.5 / sigma, 0.5 / sigma, -0.5 / sigma, 1.5 / sigma])
    assert judge_values(points([1, 9, 1, 9]), lowest=0)[1][0].lower == 0
    assert [each.sigmas for each in judge_values(points([5.1] * 4))[1]] == [0] * 4


def test_limits_of_shares_are_those_of_their_own_n() -> None:
    centre, judged = judge_shares([Point("a", 0.1, 100, 10), Point("b", 0.12, 25, 3), Point("c", 0.18, 175, 32)])
    assert centre == 45 / 300
    for each in judged:
        reach = 3 * math.sqrt(0.15 * 0.85 / each.point.n) + 1 / (2 * each.point.n)
        assert (each.lower, each.upper) == pytest.approx((max(0, 0.15 - reach), 0.15 + reach))
    assert judged[0].sigmas == pytest.approx(-4.5 / math.sqrt(100 * 0.15 * 0.85))
    assert judged[1].sigmas == pytest.approx(-0.25 / math.sqrt(25 * 0.15 * 0.85))
    never = judge_shares([Point("a", 0, 9, 0), Point("b", 0, 5, 0)])[1]
    assert [(each.lower, each.upper, each.sigmas) for each in never] == [(0, 0, 0)] * 2


def test_each_rule_finds_its_own_and_no_less() -> None:
    assert found([0, 3.1, 3.2, 0, -3.1, 3], "beyond-3-sigma") == [("above", [1, 2]), ("below", [4])]
    assert found([-1, *[0.1] * 8, -1], "nine-on-one-side") == []
    assert found([-1, *[0.1] * 9, -1], "nine-on-one-side") == [("above", list(range(1, 10)))]
    assert found([*[-0.1] * 4, 0, *[-0.1] * 8], "nine-on-one-side") == []
    assert found([0, 1, 2, 3, 4, 4], "six-trending") == []
    assert found([5, 0, 1, 2, 3, 4, 5, 4], "six-trending") == [("rising", [1, 2, 3, 4, 5, 6])]
    assert found([6, 5, 4, 3, 2, 1], "six-trending") == [("falling", [0, 1, 2, 3, 4, 5])]
    assert found([2.1, 0, 0, 2.1], "two-of-three-beyond-2-sigma") == []
    assert found([2.1, 0, 2.1, 0, 0, -2.1, -2.1], "two-of-three-beyond-2-sigma") == [
        ("above", [0, 2]),
        ("below", [5, 6]),
    ]
    assert found([2.1, -2.1, 0], "two-of-three-beyond-2-sigma") == []
    assert set(RULES) == set(ALL_RULES)


def shares(least: int, most: int, share: float) -> Series:
    def series(chance: random.Random) -> list[Judged]:
        sizes = [chance.randint(least, most) for _ in range(DAYS)]
        counts = [sum(chance.random() < share for _ in range(n)) for n in sizes]
        return judge_shares(
            [Point(f"{i:03}", x / n, n, x) for i, (x, n) in enumerate(zip(counts, sizes, strict=True))]
        )[1]

    return series


def normal(chance: random.Random) -> list[Judged]:
    return judge_values(points([chance.gauss(600, 60) for _ in range(DAYS)]), lowest=0)[1]


def exponential(chance: random.Random) -> list[Judged]:
    return judge_values(points([fmean(chance.expovariate(0.01) for _ in range(20)) for _ in range(DAYS)]), lowest=0)[1]


@pytest.mark.parametrize(
    "series",
    [normal, exponential, shares(5, 10, 0.02), shares(10, 30, 0.05), shares(20, 60, 0.3), shares(50, 100, 0.02)],
)
def test_a_hundred_days_in_control_alarm_at_most_once(series: Series) -> None:
    chance = random.Random(20261126)
    alarms = sum(len(find_signals(series(chance))) for _ in range(SERIES))
    assert alarms <= SERIES * DAYS / 100


def test_three_days_at_twice_the_level_are_found() -> None:
    chance = random.Random(7)
    for _ in range(20):
        values = [chance.gauss(600, 60) for _ in range(60)]
        values[30:33] = [2 * value for value in values[30:33]]
        signals = find_signals(judge_values(points(values), lowest=0)[1])
        assert Signal("beyond-3-sigma", "above", ("030", "031", "032")) in signals
