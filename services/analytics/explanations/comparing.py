"""A second period beside the first: reads it, and says which groups moved the value."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.calendars.rules import WorkingTime
from services.analytics.explanations.comparison import (
    Effect,
    Shares,
    decompose,
    merge_small,
    round_parts,
    round_value,
    sum_shares,
)
from services.analytics.explanations.definition import COMPARISON, FORMULAS
from services.analytics.explanations.queries import ItemList, read_case_shares
from services.analytics.explanations.request import By, ExplanationQuery
from services.analytics.explanations.rules import sums_of
from services.analytics.explanations.schemas import EffectOut, PeriodsComparedOut
from services.analytics.indicators.definitions import KpiId
from services.analytics.indicators.queries import FiguresByGroup, read_figures
from services.analytics.indicators.rules import FEWEST_ANSWERS, Measured, measure_one
from services.analytics.indicators.schemas import PeriodOut
from services.analytics.indicators.selection import MAX_GROUPS, OF_OPERATIONS_ONLY, Selection
from services.analytics.indicators.service import TooManyGroups
from services.analytics.indicators.sums import Figures, Key
from shared.errors import DomainError, Language


class NoSuchParts(DomainError):
    code, status = "no-such-parts", 422
    en = "{kpi} cannot be divided by {by}: an answer has a process and a team alone."
    es = "{kpi} no puede dividirse por {by}: una respuesta solo tiene proceso y equipo."
    hint_en = "Compare by=team or by=process."
    hint_es = "Compare con by=team o by=process."


def choose_parts(kpi: KpiId, asked: ExplanationQuery) -> By | None:
    """Return what a comparison is divided by, None without one. Raises NoSuchParts."""
    if not asked.compares:
        return None
    of_answers = FORMULAS[kpi].over == "answers"
    by = asked.by or ("team" if of_answers else "activity")
    if of_answers and by in OF_OPERATIONS_ONLY:
        raise NoSuchParts(kpi=kpi, by=by)
    return by


async def read_groups(session: AsyncSession, kpi: KpiId, selection: Selection) -> FiguresByGroup:
    """Return the figures of an indicator, by group where the selection has one. Raises TooManyGroups.

    Cases are not grouped here: a case stands in several groups, which would not add up.
    """
    part = FORMULAS[kpi].over
    figures = await read_figures(session, replace(selection, group_by=()) if part == "cases" else selection, {part})
    _check_number(figures.groups)
    return figures


async def compare(
    session: AsyncSession,
    kpi: KpiId,
    asked: ExplanationQuery,
    by: By,
    now: tuple[Measured, FiguresByGroup],
    language: Language,
    working: WorkingTime | None,
) -> PeriodsComparedOut:
    """Return what moved the value between the two periods. Raises TooManyGroups."""
    measured, figures = now
    selections = (asked.selection(by, working), asked.compared(by, working))
    others = await read_groups(session, kpi, selections[1])
    other = measure_one(others.whole, kpi, measured.unit)
    difference, parts = None, []
    if measured.value is not None and other.value is not None:
        if FORMULAS[kpi].over == "cases":
            mine, theirs = [
                await _read_case_shares(session, ItemList(kpi, selection, None), by) for selection in selections
            ]
        else:
            mine, theirs = (_shares(kpi, each.groups, measured.unit) for each in (figures, others))
        difference = round_value(_value(mine) - _value(theirs))
        parts = _parts(kpi, mine, theirs)
    return PeriodsComparedOut(
        definition=COMPARISON.present(language),
        period=PeriodOut(begin=asked.compare_begin, end=asked.compare_end),
        value=other.value,
        n=other.n,
        by=by,
        difference=difference,
        parts=parts,
    )


def _check_number(groups: Mapping[Key, Figures] | Shares) -> None:
    if len(groups) > MAX_GROUPS:
        raise TooManyGroups(groups=len(groups), limit=MAX_GROUPS)


async def _read_case_shares(session: AsyncSession, items: ItemList, by: By) -> Shares:
    shares = await read_case_shares(session, items, by)
    _check_number(shares)
    return shares


def _shares(kpi: KpiId, groups: Mapping[Key, Figures], unit: str | None) -> Shares:
    shares = {group: sums_of(kpi, figures, unit).share(kpi) for (group,), figures in groups.items()}
    return {group: share for group, share in shares.items() if share.n}


def _value(shares: Shares) -> Fraction:
    value = sum_shares(shares.values()).value
    assert value is not None
    return value


def _parts(kpi: KpiId, now: Shares, before: Shares) -> list[EffectOut]:
    hidden: frozenset[str | None] = frozenset()
    groups = {**now, **before}
    if FORMULAS[kpi].over == "answers":
        now, before, hidden = merge_small(now, before, FEWEST_ANSWERS)
    merged = sum(group in hidden for group in groups)
    effects = decompose(now, before)
    rounded = iter(round_parts([part for effect in effects for part in (effect.mix, effect.rate)]))
    wholes = (sum_shares(now.values()).n, sum_shares(before.values()).n)
    return [_present(effect, merged if effect.group is None else 0, wholes, rounded) for effect in effects]


def _present(effect: Effect, merged: int, wholes: tuple[Fraction, Fraction], rounded: Iterator[Decimal]) -> EffectOut:
    mix, rate = next(rounded), next(rounded)
    now, before = effect.now, effect.before
    return EffectOut(
        group=effect.group,
        merged=merged,
        n=float(now.n),
        n_before=float(before.n),
        value=None if now.value is None else float(now.value),
        value_before=None if before.value is None else float(before.value),
        share=float(now.n / wholes[0]),
        share_before=float(before.n / wholes[1]),
        mix=mix,
        rate=rate,
        total=mix + rate,
    )
