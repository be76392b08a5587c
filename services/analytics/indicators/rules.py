"""From sums to indicators. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from services.analytics.indicators.sums import CaseSums, Figures, OperationSums, Quantiles, SurveySums, ratio, seconds

FEWEST_ANSWERS = 5  # fewer could give away who answered what


@dataclass(frozen=True, slots=True)
class Measured:
    """An indicator's value before it is graded; `extra` holds the members of its own."""

    kpi: str
    value: float | None
    unit: str | None
    n: int
    extra: dict[str, Any]


def measure(figures: Figures, currency: str | None) -> list[Measured]:
    """Return every indicator, in the order of the definitions. `currency` chooses among several."""
    return [
        _processing_time(figures),
        _error_rate(figures.operations),
        _cost_per_operation(figures.operations, currency),
        _automation_level(figures.operations),
        _internal_satisfaction(figures.survey),
        _case_throughput_time(figures),
        *(rule(figures.cases) for rule in _OF_CASES),
    ]


def measure_one(figures: Figures, kpi: str, currency: str | None) -> Measured:
    """Return one indicator of those that `measure` gives."""
    return next(each for each in measure(figures, currency) if each.kpi == kpi)


def _processing_time(figures: Figures) -> Measured:
    sums = figures.operations
    extra = {
        **asdict(figures.times.touch),
        "percentiles": figures.percentiles,
        "wait": _duration(sums.wait_us, sums.wait_n, figures.times.wait),
        "lead": _duration(sums.lead_us, sums.lead_n, figures.times.lead),
        "total": sums.touch_us / 1_000_000 if sums.touch_n else None,
        "wait_mean": seconds(sums.wait_us, sums.wait_n),
        "lead_mean": seconds(sums.lead_us, sums.lead_n),
        "unknown": sums.n - sums.touch_n,
        "estimated": sums.estimated_n,
    }
    return Measured("processing_time", seconds(sums.touch_us, sums.touch_n), "s", sums.touch_n, extra)


def _duration(microseconds: int, n: int, quantiles: Quantiles) -> dict[str, Any]:
    return {"n": n, "mean": seconds(microseconds, n), **asdict(quantiles)}


def _error_rate(sums: OperationSums) -> Measured:
    extra = {
        "errors": sums.error_n,
        "rework": sums.rework_n,
        "cancelled": sums.cancelled_n,
        "corrected": sums.corrected_n,
        "defects": sums.defect_n,
    }
    return Measured("error_rate", ratio(sums.defect_n, sums.n), "ratio", sums.n, extra)


def _cost_per_operation(sums: OperationSums, wanted: str | None) -> Measured:
    """Answer in the wanted currency or the only one; several are never mixed, so then there is no value."""
    known = {name: cost for name, cost in sorted(sums.costs.items()) if cost.measured + cost.modelled}
    chosen = wanted or (next(iter(known)) if len(known) == 1 else None)
    cost = known.get(chosen or "")
    priced = sum(each.measured + each.modelled for each in known.values())
    extra = {
        "total": float(cost.total) if cost else None,
        "measured": cost.measured if cost else 0,
        "modelled": cost.modelled if cost else 0,
        "unknown": sums.n - priced,
        "reason": None if cost else "several-currencies" if len(known) > 1 and not wanted else "no-cost-known",
        "currencies": [
            {
                "currency": name,
                "value": float(each.total / (each.measured + each.modelled)),
                "total": float(each.total),
                "measured": each.measured,
                "modelled": each.modelled,
            }
            for name, each in known.items()
        ],
    }
    n = cost.measured + cost.modelled if cost else 0
    return Measured("cost_per_operation", float(cost.total / n) if cost else None, chosen, n, extra)


def _automation_level(sums: OperationSums) -> Measured:
    extra = {"automation": sums.automation_n, "person": sums.n - sums.automation_n}
    return Measured("automation_level", ratio(sums.automation_n, sums.n), "ratio", sums.n, extra)


def protect_answers(groups: Iterable[Figures]) -> None:
    """Withhold so many groups that what is hidden cannot be told by subtracting what is shown from the whole.

    A group below the fewest answers is hidden anyway; alone, it would be the difference.
    """
    answered = sorted((group for group in groups if group.survey.answers), key=lambda group: group.survey.answers)
    hidden = sum(group.survey.answers for group in answered if group.survey.answers < FEWEST_ANSWERS)
    for group in answered:
        if 0 < hidden < FEWEST_ANSWERS and group.survey.answers >= FEWEST_ANSWERS:
            group.survey = replace(group.survey, withheld=True)
            hidden += group.survey.answers


def _internal_satisfaction(survey: SurveySums) -> Measured:
    shown = survey.answers >= FEWEST_ANSWERS and not survey.withheld
    extra = {
        "mean": survey.score_sum / survey.answers if shown else None,
        "satisfied": survey.satisfied if shown else None,
    }
    value = survey.satisfied / survey.answers if shown else None
    return Measured("internal_satisfaction", value, "ratio", survey.answers, extra)


def _case_throughput_time(figures: Figures) -> Measured:
    cases = figures.cases
    extra = {
        **asdict(cases.quantiles),
        "percentiles": figures.case_percentiles,
        "cases": cases.cases,
        "events": cases.events,
        "variants": cases.variants,
    }
    return Measured("case_throughput_time", seconds(cases.duration_us, cases.cases), "s", cases.cases, extra)


def _case_rework_rate(cases: CaseSums) -> Measured:
    extra = {
        "rework_cases": cases.rework_cases,
        "cases": cases.worked,
        "rework_events": cases.rework_events,
        "rework_event_rate": ratio(cases.rework_events, cases.operations),
    }
    return Measured("case_rework_rate", ratio(cases.rework_cases, cases.worked), "ratio", cases.worked, extra)


def _no_touch_rate(cases: CaseSums) -> Measured:
    extra = {"no_touch_cases": cases.no_touch, "cases": cases.handled}
    return Measured("no_touch_rate", ratio(cases.no_touch, cases.handled), "ratio", cases.handled, extra)


def _first_pass_yield(cases: CaseSums) -> Measured:
    extra = {"first_pass_cases": cases.first_pass, "cases": cases.worked}
    return Measured("first_pass_yield", ratio(cases.first_pass, cases.worked), "ratio", cases.worked, extra)


_OF_CASES: tuple[Callable[[CaseSums], Measured], ...] = (
    _case_rework_rate,
    _no_touch_rate,
    _first_pass_yield,
)
