"""The answer of GET /analytics/kpis: figures, graded and explained."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.bands.rules import grade
from services.analytics.bands.service import Scales, read_scales
from services.analytics.calendars.rules import WorkingTime
from services.analytics.calendars.service import read_working_time
from services.analytics.indicators.advice import BY_THE_CLOCK, advise
from services.analytics.indicators.as_of import check_as_of, look_back
from services.analytics.indicators.definitions import DEFINITIONS
from services.analytics.indicators.queries import read_figures
from services.analytics.indicators.rules import Measured, measure, protect_answers
from services.analytics.indicators.schemas import KpisOut
from services.analytics.indicators.selection import MAX_GROUPS, Selection
from services.analytics.indicators.sums import Figures, sorted_keys
from shared.errors import DomainError, Language

# Roll-ups are read in some ten milliseconds, which is what it takes to start parallel workers for them.
_ALONE = text("SET LOCAL max_parallel_workers_per_gather = 0")
# Exact readings put a period's facts in order, in memory where they fit, and each by the plan for that period: one for
# any period expects a few thousand rows. No table is read whole: most of it is other tenants' and other years'.
_ROOMY = text(
    "SELECT set_config('work_mem', '96MB', true), set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true)"
)


class BadPeriod(DomainError):
    code, status = "bad-period", 422
    en = "The period ends ({end}) before it begins ({begin})."
    es = "El periodo termina ({end}) antes de empezar ({begin})."
    hint_en = "`from` is where it begins and `to` where it ends; swap them."
    hint_es = "`from` es donde empieza y `to` donde termina; intercámbielos."


class TooManyGroups(DomainError):
    code, status = "too-many-groups", 422
    en = "This would be {groups} groups or more; {limit} are answered at most."
    es = "Serían {groups} grupos o más; se responden {limit} como máximo."
    hint_en = "Choose a shorter period or a coarser grouping."
    hint_es = "Elija un periodo más corto o una agrupación más gruesa."


def check_period(selection: Selection) -> None:
    """Raise BadPeriod for a period that ends before it begins."""
    if selection.begin and selection.end and selection.end < selection.begin:
        raise BadPeriod(begin=selection.begin.isoformat(), end=selection.end.isoformat())


async def answer_kpis(
    session: AsyncSession, selection: Selection, currency: str | None, calendar: str | None, language: Language
) -> KpisOut:
    """Return every indicator for the selection and its groups.

    Raises BadPeriod, AsOfInFuture, TooManyGroups, UnknownCalendar.
    """
    check_period(selection)
    check_as_of(selection.as_of)
    # One snapshot for all statements, so that the indicators of one answer fit together.
    await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    working = await read_working_time(session, calendar, selection)
    selection = replace(selection, working=working)
    if selection.exact:
        await session.execute(_ROOMY)
    elif not selection.as_of:
        await session.execute(_ALONE)
    look_back(session, selection.as_of)
    figures = await read_figures(session, selection)
    if len(figures.groups) > MAX_GROUPS:
        raise TooManyGroups(groups=len(figures.groups), limit=MAX_GROUPS)
    protect_answers(figures.groups.values())
    scales = await read_scales(session)

    def kpis(of: Figures, process: str) -> list[dict[str, Any]]:
        return [explain(measured, process, scales, language, working) for measured in measure(of, currency)]

    groups = []
    for key in sorted_keys(figures.groups):
        group = dict(zip(selection.group_by, key, strict=True))
        process = group.get("process") or selection.process or ""
        groups.append({"group": group, "kpis": kpis(figures.groups[key], process)})
    return KpisOut.model_validate(
        {
            "period": {"from": selection.begin, "to": selection.end},
            "time_zone": selection.zone,
            "calendar": working and {"name": working.calendar, "version": working.version, "time_zone": working.zone},
            "as_of": selection.as_of,
            "filters": _filters(selection, currency),
            "kpis": kpis(figures.whole, selection.process or ""),
            "groups": groups,
        }
    )


def explain(
    measured: Measured, process: str, scales: Scales, language: Language, working: WorkingTime | None
) -> dict[str, Any]:
    """Return an indicator with its definition, band, the band's source and advice."""
    definition = DEFINITIONS[measured.kpi]
    scaled = definition.scaled(working)
    scale = scales.in_force(measured.kpi, process) if scaled else None
    band = grade(measured.value, measured.unit, measured.n, scale)
    return {
        "id": measured.kpi,
        "value": measured.value,
        "unit": measured.unit,
        "n": measured.n,
        "definition": {
            "id": definition.name(working),
            "version": definition.version,
            "text": definition.text(language, working),
        },
        "band": band,
        "band_source": scale.source if scale and measured.unit in {scale.unit, None} else None,
        "advice": advise(measured.kpi, band, language) if scaled else BY_THE_CLOCK[language == "es"],
        **measured.extra,
    }


def _filters(selection: Selection, currency: str | None) -> Mapping[str, str | None]:
    return {
        "process": selection.process,
        "activity": selection.activity,
        "team": selection.team,
        "actor_kind": selection.actor_kind,
        "currency": currency,
    }
