"""Answers about a process, and what a tenant says of it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.cursors import Count, Moment, Name, cut_page, decode_place
from services.analytics.definition import Method
from services.analytics.indicators.selection import MAX_GROUPS
from services.analytics.indicators.service import TooManyGroups, check_period
from services.analytics.indicators.sums import seconds
from services.analytics.processes import definitions, queries
from services.analytics.processes.open_cases import Openness, read_open_cases, read_queues
from services.analytics.processes.presentation import (
    present_candidates,
    present_edge,
    present_queue,
    present_variant,
    selected,
)
from services.analytics.processes.rules import Tariff
from services.analytics.processes.schemas import (
    CandidatesOut,
    CandidatesQuery,
    EdgesOut,
    EdgesQuery,
    IdleQuery,
    OpenCaseOut,
    OpenCasesOut,
    OpenCasesQuery,
    QueuesOut,
    SettingsIn,
    VariantsOut,
    VariantsQuery,
)
from services.analytics.tables import ProcessSetting
from shared import clock
from shared.errors import DomainError, Language
from shared.etag import check_version


class RateNeedsCurrency(DomainError):
    code, status = "rate-needs-currency", 422
    en = "hourly_rate and currency belong together: {missing} is missing."
    es = "hourly_rate y currency van juntos: falta {missing}."
    hint_en = "Send both to get a saving, or neither to get the hours alone."
    hint_es = "Envíe los dos para obtener un ahorro, o ninguno para obtener solo las horas."


async def answer_edges(session: AsyncSession, process: str, asked: EdgesQuery, language: Language) -> EdgesOut:
    """Return directly-follows edges, the greatest total first. Raises BadPeriod."""
    selection = asked.selection(process)
    check_period(selection)
    rows = await queries.read_edges(session, selection, asked.order, asked.top)
    return EdgesOut(
        **selected(selection),
        definitions=[each.present(language) for each in (definitions.EDGE_WAIT, definitions.EDGE_ELAPSED)],
        order=asked.order,
        edges=rows[0].edges if rows else 0,
        steps=int(rows[0].steps) if rows else 0,
        items=[present_edge(row) for row in rows],
    )


async def answer_variants(session: AsyncSession, process: str, asked: VariantsQuery, language: Language) -> VariantsOut:
    """Return a page of variants, most cases first. Raises BadPeriod, InvalidCursor."""
    selection = asked.selection(process)
    check_period(selection)
    after = decode_place(asked.cursor, tuple[Count, UUID]) if asked.cursor else None
    rows = await queries.read_variants(session, selection, after, asked.limit + 1)
    whole = rows[0]
    shown, following = cut_page([row for row in rows if row.id], asked.limit, lambda row: (row.cases, row.id))
    return VariantsOut(
        **selected(selection),
        definition=definitions.VARIANTS.present(language),
        variants=whole.variants,
        cases=whole.every,
        items=[present_variant(row) for row in shown],
        next_cursor=following,
    )


async def answer_candidates(
    session: AsyncSession, process: str, asked: CandidatesQuery, language: Language
) -> CandidatesOut:
    """Return manual activities, most hours first. Raises BadPeriod, RateNeedsCurrency, TooManyGroups."""
    selection = asked.selection(process)
    check_period(selection)
    tariff = _tariff_of(asked)
    manual = []
    if selection.actor_kind != "automation":
        manual = await queries.read_manual_work(session, asked.manual_work(process))
    if len(manual) > MAX_GROUPS:
        raise TooManyGroups(groups=len(manual), limit=MAX_GROUPS)
    return present_candidates(selection, manual, tariff, asked, language)


def _tariff_of(asked: CandidatesQuery) -> Tariff | None:
    rate, currency = asked.hourly_rate, asked.currency
    if rate is None and currency is None:
        return None
    if rate is None or currency is None:
        raise RateNeedsCurrency(missing="hourly_rate" if rate is None else "currency")
    return Tariff(Decimal(rate), currency, Decimal(asked.coverage), Decimal(asked.automated_cost))


async def answer_open_cases(
    session: AsyncSession, process: str, asked: OpenCasesQuery, language: Language
) -> OpenCasesOut:
    """Return a page of open cases, oldest first. Raises BadPeriod, InvalidCursor."""
    selection = asked.selection(process)
    check_period(selection)
    after = decode_place(asked.cursor, tuple[Moment, Name]) if asked.cursor else None
    openness = await _openness(session, process, asked.idle)
    rows = await read_open_cases(session, selection, openness, after, asked.limit + 1)
    shown, following = cut_page(rows, asked.limit, lambda row: (row.first_at, row.case_id))
    return OpenCasesOut(
        **selected(selection),
        definition=_opened_by(openness).present(language),
        **_present_openness(openness),
        items=_present_cases(shown),
        next_cursor=following,
    )


async def answer_queues(session: AsyncSession, process: str, asked: IdleQuery, language: Language) -> QueuesOut:
    """Return open cases by the activity finished last. Raises BadPeriod."""
    selection = asked.selection(process)
    check_period(selection)
    openness = await _openness(session, process, asked.idle)
    rows = await read_queues(session, selection, openness)
    return QueuesOut(
        **selected(selection),
        definitions=[each.present(language) for each in (_opened_by(openness), definitions.QUEUES)],
        **_present_openness(openness),
        cases=int(rows[0].every) if rows else 0,
        items=[present_queue(row) for row in rows],
    )


async def _openness(session: AsyncSession, process: str, idle_days: int) -> Openness:
    setting = await read_setting(session, process)
    return Openness(tuple(setting.terminal_activities) if setting else (), idle_days, clock.now())


def _opened_by(openness: Openness) -> Method:
    return definitions.OPEN_BY_TERMINAL if openness.terminal else definitions.OPEN_BY_IDLENESS


def _present_openness(openness: Openness) -> dict[str, Any]:
    idle = None if openness.terminal else openness.idle_days
    return {"terminal_activities": list(openness.terminal), "idle_days": idle, "now": openness.now}


def _present_cases(rows: Sequence[Any]) -> list[OpenCaseOut]:
    return [
        OpenCaseOut(
            case=row.case_id,
            first_at=row.first_at,
            last_at=row.last_at,
            age=seconds(row.age_us, 1) or 0.0,
            idle=seconds(row.idle_us, 1) or 0.0,
            operations=row.operations,
            last_activity=row.activity,
            last_team=row.team or None,
        )
        for row in rows
    ]


async def read_setting(session: AsyncSession, process: str) -> ProcessSetting | None:
    """Return what the tenant says of the process, if it ever said something."""
    found = select(ProcessSetting).where(ProcessSetting.process == process, ProcessSetting.version > 0)
    return (await session.scalars(found)).one_or_none()


async def set_setting(session: AsyncSession, process: str, given: SettingsIn, if_match: str | None) -> ProcessSetting:
    """Say what ends a case of the process. Raises PreconditionRequired, PreconditionFailed."""
    # Version 0 is nothing said: inserting it first keeps two edits apart, also the very first two.
    values = {"process": process, "terminal_activities": [], "version": 0}
    await session.execute(insert(ProcessSetting).values(values).on_conflict_do_nothing())
    mine = select(ProcessSetting).where(ProcessSetting.process == process).with_for_update()
    row = (await session.scalars(mine)).one()
    check_version(if_match, row.version)
    row.terminal_activities = sorted(set(given.terminal_activities))
    row.version += 1
    await session.flush()
    return row
