"""The answer of GET /analytics/kpis/{kpi}/control-chart: one statement, from roll-ups where the indicator comes from them."""

import math
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.control_charts.buckets import Asked
from services.analytics.control_charts.definitions import LIMITS, RULES
from services.analytics.control_charts.rules import (
    FEWEST_BUCKETS,
    Chart,
    Judged,
    Point,
    find_signals,
    judge_shares,
    judge_values,
)
from services.analytics.control_charts.schemas import (
    BaselineOut,
    ChartQuery,
    ControlChartOut,
    LeftOut,
    PointLeftOutOut,
    PointOut,
    RuleOut,
    SignalOut,
)
from services.analytics.indicators.definitions import DEFINITIONS
from services.analytics.indicators.queries import FiguresByGroup, part_of, read_figures
from services.analytics.indicators.rules import Measured, measure_one, protect_answers
from services.analytics.indicators.schemas import DefinitionOut, FiltersOut, PeriodOut
from services.analytics.indicators.selection import MAX_GROUPS
from services.analytics.indicators.service import TooManyGroups, check_period
from services.analytics.indicators.sums import sorted_keys
from shared import clock
from shared.errors import DomainError, Language

# Where an indicator is a share, the member of its answer that was divided by n.
_COUNTS = {
    "error_rate": "defects",
    "automation_level": "automation",
    "internal_satisfaction": "satisfied",
    "case_rework_rate": "rework_cases",
    "no_touch_rate": "no_touch_cases",
    "first_pass_yield": "first_pass_cases",
}


class TooFewBuckets(DomainError):
    code, status = "too-few-buckets", 422
    en = "A control chart needs {needed} buckets with a value; here are {found}, and {left_out} were left out."
    es = "Un gráfico de control necesita {needed} tramos con valor; aquí hay {found}, y {left_out} quedaron fuera."
    hint_en = "Choose a longer period, an earlier baseline_from or a smaller bucket."
    hint_es = "Elija un periodo más largo, un baseline_from anterior o un tramo más pequeño."


class SeveralCurrencies(DomainError):
    code, status = "several-currencies", 422
    en = "Costs are in several currencies here: {currencies}. A chart shows one."
    es = "Aquí hay costes en varias monedas: {currencies}. Un gráfico muestra una."
    hint_en = "Choose one with `currency`."
    hint_es = "Elija una con `currency`."


async def answer_chart(session: AsyncSession, kpi: str, asked: ChartQuery, language: Language) -> ControlChartOut:
    """Return the chart. Raises BadPeriod, TooManyGroups, SeveralCurrencies, TooFewBuckets."""
    selection = asked.selection()
    check_period(selection)
    # Taken before the reading: a bucket that ends in between was not read to its end.
    series = Asked(asked.bucket, asked.time_zone, selection.begin, selection.end, clock.now())
    figures = await read_figures(session, selection, [part_of(kpi)])
    if len(figures.groups) > MAX_GROUPS:
        raise TooManyGroups(groups=len(figures.groups), limit=MAX_GROUPS)
    protect_answers(figures.groups.values())
    unit = _unit_of(kpi, figures, asked.currency)
    points, left_out = _series(kpi, figures, None if DEFINITIONS[kpi].unit else unit, series)
    before, baseline = _cut(points, asked.baseline_from, series)
    if len(baseline) < FEWEST_BUCKETS:
        raise TooFewBuckets(needed=FEWEST_BUCKETS, found=len(baseline), left_out=len(left_out))
    chart: Chart = "p" if kpi in _COUNTS else "xmr"
    centre, judged = judge_shares(baseline) if chart == "p" else judge_values(baseline, _lowest(kpi))
    definition = DEFINITIONS[kpi]
    return ControlChartOut(
        id=kpi,
        unit=unit,
        definition=DefinitionOut(id=definition.id, version=definition.version, text=definition.text(language)),
        period=PeriodOut(begin=selection.begin, end=selection.end),
        time_zone=asked.time_zone,
        filters=FiltersOut.model_validate(asked, from_attributes=True),
        bucket=asked.bucket,
        chart=chart,
        limits=LIMITS[chart].present(language),
        baseline=BaselineOut(begin=asked.baseline_from, buckets=len(baseline), centre=centre),
        points=[_present(point, None) for point in before] + [_present(each.point, each) for each in judged],
        left_out=left_out,
        rules=[RuleOut(rule=rule, definition=RULES[rule].present(language)) for rule in asked.rules],
        signals=[SignalOut.model_validate(signal) for signal in find_signals(judged, asked.rules)],
    )


def _lowest(kpi: str) -> float:
    return 0.0 if DEFINITIONS[kpi].unit == "s" else -math.inf


def _unit_of(kpi: str, figures: FiguresByGroup, currency: str | None) -> str | None:
    """Return the indicator's unit; one currency for the whole chart, whatever single buckets hold."""
    whole = measure_one(figures.whole, kpi, currency)
    if whole.extra.get("reason") == "several-currencies":
        raise SeveralCurrencies(currencies=", ".join(each["currency"] for each in whole.extra["currencies"]))
    return whole.unit


def _series(
    kpi: str, figures: FiguresByGroup, currency: str | None, series: Asked
) -> tuple[list[Point], list[PointLeftOutOut]]:
    """Divide the buckets that hold anything into points and what cannot be judged."""
    points, left_out = [], []
    for key in sorted_keys(figures.groups):
        measured, bucket = measure_one(figures.groups[key], kpi, currency), key[0] or ""
        if not series.is_whole(bucket):
            left_out.append(PointLeftOutOut(bucket=bucket, n=measured.n, reason="incomplete"))
        elif measured.value is None:
            left_out.append(PointLeftOutOut(bucket=bucket, n=measured.n, reason=_reason(measured)))
        else:
            count = measured.extra[_COUNTS[kpi]] if kpi in _COUNTS else 0
            points.append(Point(bucket, measured.value, measured.n, count))
    return points, left_out


def _reason(measured: Measured) -> LeftOut:
    return "too-few-answers" if measured.n else "nothing-measured"


def _cut(points: Sequence[Point], baseline_from: datetime | None, series: Asked) -> tuple[list[Point], list[Point]]:
    """Divide points into those before the baseline and those it is drawn from."""
    if baseline_from is None:
        return [], list(points)
    earlier = sum(series.bounds(point.bucket)[0] < baseline_from for point in points)
    return list(points[:earlier]), list(points[earlier:])


def _present(point: Point, judged: Judged | None) -> PointOut:
    return PointOut(
        bucket=point.bucket,
        value=point.value,
        n=point.n,
        lower=judged.lower if judged else None,
        upper=judged.upper if judged else None,
        sigmas=judged.sigmas if judged else None,
    )
