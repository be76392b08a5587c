"""The answer of GET /analytics/kpis/{id}/explanation. It reads alone, in one snapshot."""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.bands.rules import grade
from services.analytics.bands.schemas import present_scale
from services.analytics.bands.service import Scales, read_scales
from services.analytics.calendars.errors import CalendarMisplaced
from services.analytics.calendars.service import read_working_time
from services.analytics.explanations.comparing import choose_parts, compare, read_groups
from services.analytics.explanations.definition import FORMULAS
from services.analytics.explanations.items import page_of, place_after, present_case, present_operation
from services.analytics.explanations.queries import ItemList, read_digest, read_page, read_withdrawn
from services.analytics.explanations.request import ExplanationQuery
from services.analytics.explanations.rules import REASONS, Sums, left_out, sums_of, why_band
from services.analytics.explanations.schemas import (
    BandOut,
    CaseOut,
    DigestOut,
    ExplanationOut,
    FormulaOut,
    LeftOutOut,
    OperationOut,
)
from services.analytics.indicators.as_of import check_as_of, look_back
from services.analytics.indicators.definitions import DEFINITIONS, KpiId
from services.analytics.indicators.rules import Measured, measure_one
from services.analytics.indicators.schemas import DefinitionOut, FiltersOut, PeriodOut
from services.analytics.indicators.service import check_period
from services.analytics.indicators.sums import Figures
from shared.errors import Language
from shared.pagination import Page

_PRIVATE = (
    "Single answers are private: they are neither listed nor part of a digest.",
    "Las respuestas individuales son privadas: ni se listan ni forman parte de un resumen criptográfico.",
)


async def explain_kpi(session: AsyncSession, kpi: KpiId, asked: ExplanationQuery, language: Language) -> ExplanationOut:
    """Return the explanation.

    Raises BadPeriod, AsOfInFuture, TooManyGroups, NoSuchParts, InvalidCursor, CalendarMisplaced, UnknownCalendar.
    """
    by = choose_parts(kpi, asked)
    if asked.calendar and kpi != "case_throughput_time":
        raise CalendarMisplaced(kpi=kpi)
    periods = [asked.selection(by), *([asked.compared(by)] if by else [])]
    for each in periods:
        check_period(each)
    check_as_of(asked.as_of)
    # One snapshot for all statements: the value, the digest and the page are of the same facts.
    await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    working = await read_working_time(session, asked.calendar, *periods)
    look_back(session, asked.as_of)
    figures = await read_groups(session, kpi, asked.selection(by, working))
    measured = measure_one(figures.whole, kpi, asked.currency)
    items = ItemList(kpi, asked.selection(None, working), measured.unit)
    operations, cases = await _read_list(session, items, asked)
    definition, listed = DEFINITIONS[kpi], FORMULAS[kpi].over != "answers"
    return ExplanationOut(
        id=kpi,
        value=measured.value,
        unit=measured.unit,
        n=measured.n,
        period=PeriodOut(begin=asked.begin, end=asked.end),
        time_zone=asked.time_zone,
        as_of=asked.as_of,
        filters=FiltersOut.model_validate(asked, from_attributes=True),
        definition=DefinitionOut(
            id=definition.name(working), version=definition.version, text=definition.text(language, working)
        ),
        formula=_formula(kpi, language),
        inputs=_inputs(kpi, sums_of(kpi, figures.whole, measured.unit), shown=_shown(measured)),
        band=_band(measured, asked.process or "", await read_scales(session), scaled=definition.scaled(working)),
        left_out=_left_out(kpi, figures.whole, measured, await read_withdrawn(session, items), language),
        private=None if listed else _PRIVATE[language == "es"],
        digest=await _read_digest(session, items) if asked.details and listed else None,
        comparison=await compare(session, kpi, asked, by, (measured, figures), language, working) if by else None,
        operations=operations,
        cases=cases,
    )


async def _read_list(
    session: AsyncSession, items: ItemList, asked: ExplanationQuery
) -> tuple[Page[OperationOut] | None, Page[CaseOut] | None]:
    over = FORMULAS[items.kpi].over
    if over == "answers":
        return None, None
    rows = await read_page(session, items, place_after(items, asked.cursor), asked.limit)
    if over == "cases":
        return None, page_of(items, rows, asked.limit, present_case)
    return page_of(items, rows, asked.limit, present_operation), None


async def _read_digest(session: AsyncSession, items: ItemList) -> DigestOut:
    value, n = await read_digest(session, items)
    return DigestOut(algorithm="sha-256", value=value, n=n)


def _formula(kpi: KpiId, language: Language) -> FormulaOut:
    formula = FORMULAS[kpi]
    return FormulaOut(text=formula.text(language), numerator=formula.numerator, denominator=formula.denominator)


def _shown(measured: Measured) -> bool:
    """Tell whether the sums may be told: those of too few answers may not."""
    return measured.kpi != "internal_satisfaction" or measured.value is not None


def _inputs(kpi: KpiId, sums: Sums, *, shown: bool) -> dict[str, str | None]:
    terms = {name: _exact(term) if shown else None for name, term in sums.terms.items()}
    return {**terms, FORMULAS[kpi].denominator: str(sums.n)}


def _exact(amount: Decimal) -> str:
    """Write a sum as the list writes what adds up to it: no exponent, no zeros at the end."""
    told = f"{amount:f}"
    return told.rstrip("0").rstrip(".") if "." in told else told


def _band(measured: Measured, process: str, scales: Scales, *, scaled: bool) -> BandOut:
    scale = scales.in_force(measured.kpi, process) if scaled else None
    band = grade(measured.value, measured.unit, measured.n, scale)
    why, limit = why_band(measured.value, measured.unit, measured.n, scale, band, scaled=scaled)
    told = None if scale is None else present_scale(scale, own=scale in scales.own)
    return BandOut(band=band, why=why, limit=limit, scale=told)


def _left_out(kpi: KpiId, figures: Figures, measured: Measured, withdrawn: int, language: Language) -> list[LeftOutOut]:
    found = left_out(kpi, figures, measured.unit, withdrawn, shown=measured.value is not None)
    return [
        LeftOutOut(reason=each.reason, n=each.n, currency=each.currency, text=REASONS[each.reason][language == "es"])
        for each in found
    ]
