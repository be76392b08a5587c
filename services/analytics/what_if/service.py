"""The answer of GET /analytics/what-if. It reads alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.bands.rules import grade
from services.analytics.bands.service import Scales, read_scales
from services.analytics.costs.service import read_cost_model
from services.analytics.indicators.advice import advise
from services.analytics.indicators.definitions import DEFINITIONS, KpiId
from services.analytics.indicators.queries import Part, read_figures
from services.analytics.indicators.schemas import DefinitionOut, PeriodOut
from services.analytics.indicators.selection import MAX_GROUPS, Selection
from services.analytics.indicators.service import BadPeriod, TooManyGroups
from services.analytics.what_if.definition import FIGURES, INDICATORS, WHAT_IF
from services.analytics.what_if.inputs import UNITS, Input, Source, missing, resolve, scenario_of, text_of
from services.analytics.what_if.live import GROUPS, Period, measured_inputs, observed_part, period_of
from services.analytics.what_if.queries import read_first_hour
from services.analytics.what_if.rules import (
    Comparison,
    Option,
    Scenario,
    break_even_month,
    compare,
    indicators,
    monthly_costs,
    monthly_saving,
)
from services.analytics.what_if.schemas import (
    BreakEvenOut,
    FigureOut,
    IndicatorOut,
    InputOut,
    MonthlyCostOut,
    PlanComparedOut,
    ProcessStateOut,
    ReasonOut,
    WhatIfOut,
    WhatIfQuery,
)
from services.analytics.what_if.texts import tell_break_even, tell_reason
from shared import clock
from shared.errors import DomainError, Language

DEFAULT_CURRENCY = "EUR"
_PARTS: tuple[Part, ...] = ("operations", "answers")  # no input comes from cases


class MissingInputs(DomainError):
    code, status = "missing-inputs", 422
    en = "Neither given nor known from live figures: {names}."
    es = "Ni indicado ni conocido por los datos reales: {names}."
    hint_en = "Give them, or a process and a period in which they were measured; hourly_cost is in the cost model."
    hint_es = "Indíquelos, o un proceso y un periodo en que se midieron; hourly_cost está en el modelo de costes."


@dataclass(frozen=True, slots=True)
class Live:
    """What live figures tell; nothing where none were looked for. `observed` is the interval of what was counted."""

    period: Period | None
    observed: str | None
    measured: Mapping[str, Decimal]
    currency: str
    currency_source: Source


async def answer_what_if(session: AsyncSession, asked: WhatIfQuery, language: Language) -> WhatIfOut:
    """Return the scenario computed. Raises MissingInputs, BadPeriod, TooManyGroups."""
    # One snapshot for all statements, so that live figures, cost model and bands fit together.
    await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    live = await _read_live(session, asked)
    given = {name: Decimal(value) for name in UNITS if (value := getattr(asked, name)) is not None}
    lacking = missing(given, live.measured)
    if lacking:
        raise MissingInputs(names=", ".join(lacking), missing=lacking)
    factor = None if asked.correction_factor is None else Decimal(asked.correction_factor)
    inputs = resolve(given, live.measured, factor, live.observed)
    scenario = scenario_of(inputs, live.currency)
    costs = monthly_costs(scenario)
    saving = monthly_saving(costs)
    month = break_even_month(scenario.investment, saving)
    return WhatIfOut(
        definition=WHAT_IF.present(language),
        process=asked.process,
        period=None if live.period is None else PeriodOut(begin=live.period.begin, end=live.period.end),
        currency=live.currency,
        currency_source=live.currency_source,
        inputs=[_input(each, live.currency, language) for each in inputs.values()],
        indicators=_indicators(scenario, costs, asked.process or "", await read_scales(session), language),
        monthly_cost=MonthlyCostOut(**{option: _figure("cost", option, costs) for option in _OPTIONS}),
        monthly_saving=FigureOut(amount=f"{saving:f}", formula=FIGURES["monthly_saving"]),
        break_even=BreakEvenOut(
            month=month,
            reason="no-saving" if month is None else None,
            text=tell_break_even(month, language, unchanged=not saving and not scenario.investment),
            formula=FIGURES["break_even_month"],
        ),
        comparison=_comparison(scenario, compare(scenario, costs), language),
        scenario=_link(asked.process, live.currency, inputs),
    )


async def _read_live(session: AsyncSession, asked: WhatIfQuery) -> Live:
    if not asked.live or (asked.process is None and asked.begin is None and asked.end is None):
        return Live(None, None, {}, asked.currency or DEFAULT_CURRENCY, "given" if asked.currency else "default")
    period = period_of(asked.begin, asked.end, clock.now())
    if period.end < period.begin:
        raise BadPeriod(begin=period.begin.isoformat(), end=period.end.isoformat())
    selection = Selection(process=asked.process, begin=period.begin, end=period.end, group_by=GROUPS, details=False)
    figures = await read_figures(session, selection, _PARTS)
    if len(figures.groups) > MAX_GROUPS:
        raise TooManyGroups(groups=len(figures.groups), limit=MAX_GROUPS)
    model, _ = await read_cost_model(session)
    currency = asked.currency or model.currency or DEFAULT_CURRENCY
    source: Source = "given" if asked.currency else "measured" if model.currency else "default"
    observed = observed_part(period, await read_first_hour(session, asked.process))
    measured = measured_inputs(figures.whole, figures.groups, model, observed, currency)
    return Live(period, observed.interval, measured, currency, source)


def _input(used: Input, currency: str, language: Language) -> InputOut:
    return InputOut(
        name=used.name,
        value=None if used.value is None else text_of(used.value),
        unit=UNITS[used.name].replace("currency", currency),
        source=used.source,
        note=used.explain(language),
    )


def _link(process: str | None, currency: str, inputs: Mapping[str, Input]) -> str:
    """Return the query that gives this very answer whatever live figures become."""
    told = {name: text_of(each.value) for name, each in inputs.items() if each.value is not None}
    return urlencode({**({"process": process} if process else {}), "currency": currency, **told, "live": "false"})


def _indicators(
    scenario: Scenario, costs: Mapping[Option, Decimal], process: str, scales: Scales, language: Language
) -> list[IndicatorOut]:
    values = indicators(scenario, costs)
    return [_indicator(kpi, values[kpi], scenario.currency, process, scales, language) for kpi in INDICATORS]


def _indicator(
    kpi: KpiId,
    values: tuple[float | None, float | None],
    currency: str,
    process: str,
    scales: Scales,
    language: Language,
) -> IndicatorOut:
    definition, scale = DEFINITIONS[kpi], scales.in_force(kpi, process)
    unit = definition.unit or currency
    enough = scale.minimum_n if scale else 0  # a supposed value was measured on nothing: its number does not count
    bands = [grade(value, unit, enough, scale) for value in values]
    states = [
        ProcessStateOut(value=value, band=band, advice=advise(kpi, band, language), formula=formula)
        for value, band, formula in zip(values, bands, INDICATORS[kpi], strict=True)
    ]
    text = definition.text(language)
    return IndicatorOut(
        id=kpi,
        unit=unit,
        definition=DefinitionOut(id=definition.id, version=definition.version, text=text),
        band_source=scale.source if scale and scale.unit == unit else None,
        now=states[0],
        planned=states[1],
    )


_OPTIONS: tuple[Option, ...] = ("now", "planned", "outsourced")


def _figure(kind: str, option: Option, amounts: Mapping[Option, Decimal]) -> FigureOut | None:
    amount = amounts.get(option)
    return None if amount is None else FigureOut(amount=f"{amount:f}", formula=FIGURES[f"{kind}_{option}"])


def _comparison(scenario: Scenario, compared: Comparison, language: Language) -> PlanComparedOut:
    return PlanComparedOut(
        verdict=compared.verdict,
        cheapest=compared.cheapest,
        reasons=[
            ReasonOut(code=reason, text=tell_reason(reason, compared, scenario, language))
            for reason in compared.reasons
        ],
        **{option: _figure("total", option, compared.totals) for option in _OPTIONS},
    )
