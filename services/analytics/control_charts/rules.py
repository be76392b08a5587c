"""Limits and run rules. Pure.

Which rules are looked for by default was chosen by simulation of series of 100 days in control (tests repeat it): the
three together take 0.6 signals of chance from XmR charts of normal values, 0.8 of means of 20 exponential times, 1.0 of
means of 20 lognormal ones (1.7 of 5: then ask for weeks), and 0.1 to 0.7 from p charts of 5 to 200 things a day. The
trend adds 0.2 and finds little that the others do not, so it is looked for when asked.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Literal, get_args

Chart = Literal["p", "xmr"]
Rule = Literal["beyond-3-sigma", "nine-on-one-side", "six-trending", "two-of-three-beyond-2-sigma"]
Side = Literal["above", "below", "rising", "falling"]
ALL_RULES: tuple[Rule, ...] = get_args(Rule)
DEFAULT_RULES: tuple[Rule, ...] = tuple(rule for rule in ALL_RULES if rule != "six-trending")

FEWEST_BUCKETS = 12  # below it the limits are chance themselves (judgement of the project)
_D2 = 1.128  # mean moving range of two normal values, in sigma (Shewhart's constant)
_LIMIT, _WARNING = 3.0, 2.0
_RUN, _TREND, _THREE, _TWO = 9, 6, 3, 2


@dataclass(frozen=True, slots=True)
class Point:
    """A bucket's value; on a p chart `count` of `n` gave it."""

    bucket: str
    value: float
    n: int
    count: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """A point within its limits or not; `sigmas` is its distance from the centre, and decides every rule but the trend."""

    point: Point
    lower: float
    upper: float
    sigmas: float


@dataclass(frozen=True, slots=True)
class Signal:
    rule: Rule
    side: Side
    buckets: tuple[str, ...]


def judge_shares(points: Sequence[Point]) -> tuple[float, list[Judged]]:
    """Return the centre of a p chart and its points with limits of their own n."""
    centre = sum(point.count for point in points) / sum(point.n for point in points)
    return centre, [_judge_share(point, centre) for point in points]


def _judge_share(point: Point, centre: float) -> Judged:
    spread = math.sqrt(point.n * centre * (1 - centre))  # of the count
    off = point.count - point.n * centre
    sigmas = math.copysign(max(0.0, abs(off) - 0.5), off) / spread if spread else 0.0
    reach = (_LIMIT * spread + 0.5) / point.n if spread else 0.0
    return Judged(point, max(0.0, centre - reach), min(1.0, centre + reach), sigmas)


def judge_values(points: Sequence[Point], lowest: float = -math.inf) -> tuple[float, list[Judged]]:
    """Return the centre of an XmR chart and its points with limits, none below `lowest`."""
    centre = fmean(point.value for point in points)
    sigma = fmean(abs(after.value - before.value) for before, after in pairwise(points)) / _D2
    lower, upper = max(lowest, centre - _LIMIT * sigma), centre + _LIMIT * sigma
    return centre, [Judged(point, lower, upper, (point.value - centre) / sigma if sigma else 0.0) for point in points]


def find_signals(judged: Sequence[Judged], rules: Sequence[Rule] = DEFAULT_RULES) -> list[Signal]:
    """Return what is no chance, in the order of the rules and then of time; buckets that touch are one signal."""
    found = []
    for rule in ALL_RULES:
        if rule in rules:
            found += [_signal(rule, judged, side, places) for side, places in _places(rule, judged)]
    return sorted(found, key=lambda signal: (ALL_RULES.index(signal.rule), signal.buckets))


def _signal(rule: Rule, judged: Sequence[Judged], side: Side, places: Sequence[int]) -> Signal:
    return Signal(rule, side, tuple(judged[place].point.bucket for place in places))


def _places(rule: Rule, judged: Sequence[Judged]) -> list[tuple[Side, list[int]]]:
    found: dict[Side, list[list[int]]]
    if rule == "six-trending":
        steps = [after.point.value - before.point.value for before, after in pairwise(judged)]
        found = {"rising": _trends([step > 0 for step in steps]), "falling": _trends([step < 0 for step in steps])}
    else:
        distances = [each.sigmas for each in judged]
        found = {"above": _one_sided(rule, distances), "below": _one_sided(rule, [-each for each in distances])}
    return [(side, run) for side, runs in found.items() for run in runs]


def _trends(steps: Sequence[bool]) -> list[list[int]]:
    """Return runs of points of which each step goes the same way."""
    return [[*run, run[-1] + 1] for run in _runs(steps) if len(run) + 1 >= _TREND]


def _one_sided(rule: Rule, sigmas: Sequence[float]) -> list[list[int]]:
    if rule == "beyond-3-sigma":
        return _runs([each > _LIMIT for each in sigmas])
    if rule == "nine-on-one-side":
        return [run for run in _runs([each > 0 for each in sigmas]) if len(run) >= _RUN]
    return _pairs([each > _WARNING for each in sigmas])


def _pairs(far: Sequence[bool]) -> list[list[int]]:
    """Return far points of which each has another within three in a row."""
    groups: list[list[int]] = []
    for place in (place for place, is_far in enumerate(far) if is_far):
        if groups and place - groups[-1][-1] < _THREE:
            groups[-1].append(place)
        else:
            groups.append([place])
    return [group for group in groups if len(group) >= _TWO]


def _runs(marks: Sequence[bool]) -> list[list[int]]:
    """Return the places of marks that follow each other, together."""
    runs: list[list[int]] = []
    for place in (place for place, mark in enumerate(marks) if mark):
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs
