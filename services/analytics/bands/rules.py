"""Grading a value against a scale. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Better = Literal["lower", "higher"]
Band = Literal["excellent", "good", "acceptable", "poor", "insufficient-data"]

MINIMUM_N = 5  # below it a value is chance more than performance (judgement of the project)


@dataclass(frozen=True, slots=True)
class Scale:
    """Limits in the indicator's own unit; each limit still belongs to the band it names.

    `process` is "" for every process without a scale of its own. Limits never cross: with `better` lower
    they do not fall from excellent to acceptable, with higher they do not rise.
    """

    kpi: str
    process: str
    better: Better
    unit: str
    excellent: float
    good: float
    acceptable: float
    source: str
    minimum_n: int = MINIMUM_N


def grade(value: float | None, unit: str | None, n: int, scale: Scale | None) -> Band:
    """Return the band of a value measured on n things.

    Without a value, a scale, the same unit (an amount in another currency cannot be compared) or enough
    things measured there is nothing to grade: insufficient-data.
    """
    if value is None or scale is None or unit != scale.unit or n < scale.minimum_n:
        return "insufficient-data"
    limits: tuple[tuple[Band, float], ...] = (
        ("excellent", scale.excellent),
        ("good", scale.good),
        ("acceptable", scale.acceptable),
    )
    for band, limit in limits:
        if value <= limit if scale.better == "lower" else value >= limit:
            return band
    return "poor"


def in_order(better: Better, excellent: float, good: float, acceptable: float) -> bool:
    """Tell whether the limits do not cross."""
    return excellent <= good <= acceptable if better == "lower" else excellent >= good >= acceptable


def choose_scale(scales: Iterable[Scale], kpi: str, process: str) -> Scale | None:
    """Return the scale for this process, else the one for every process, else nothing."""
    fitting = [scale for scale in scales if scale.kpi == kpi and scale.process in {process, ""}]
    return max(fitting, key=lambda scale: scale.process, default=None)
