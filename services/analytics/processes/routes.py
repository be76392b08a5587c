"""A process over HTTP. Its name may hold slashes, so it is matched as a path."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from services.analytics.indicators.service import BadPeriod, TooManyGroups
from services.analytics.language import CallerLanguage
from services.analytics.operations.schemas import Text
from services.analytics.processes import service
from services.analytics.processes.schemas import (
    CandidatesOut,
    CandidatesQuery,
    EdgesOut,
    EdgesQuery,
    IdleQuery,
    OpenCasesOut,
    OpenCasesQuery,
    QueuesOut,
    SettingsIn,
    SettingsOut,
    VariantsOut,
    VariantsQuery,
)
from services.analytics.processes.service import RateNeedsCurrency
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import problems
from shared.etag import IfMatch, PreconditionFailed, PreconditionRequired, set_etag
from shared.events import MAX_PROCESS
from shared.pagination import InvalidCursor
from shared.routing import ServiceRoute

router = APIRouter(prefix="/analytics/processes", tags=["processes"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("analytics.processes:read")]
CanManage = Annotated[Principal, requires("analytics.processes:manage")]
Process = Annotated[Annotated[str, Text(MAX_PROCESS)], Path(description="The process; write / as %2F or as it is")]


@router.get("/{process:path}/edges", responses=problems(BadPeriod))
async def list_edges(
    process: Process,
    asked: Annotated[EdgesQuery, Query()],
    session: ReadSession,
    _by: CanRead,
    language: CallerLanguage,
) -> EdgesOut:
    """Return what directly follows what, how often and after how long: the first ones are the bottlenecks."""
    return await service.answer_edges(session, process, asked, language)


@router.get("/{process:path}/variants", responses=problems(BadPeriod, InvalidCursor))
async def list_variants(
    process: Process,
    asked: Annotated[VariantsQuery, Query()],
    session: ReadSession,
    _by: CanRead,
    language: CallerLanguage,
) -> VariantsOut:
    """Return the sequences of activities that cases took, the most frequent first."""
    return await service.answer_variants(session, process, asked, language)


@router.get("/{process:path}/automation-candidates", responses=problems(BadPeriod, TooManyGroups, RateNeedsCurrency))
async def list_candidates(
    process: Process,
    asked: Annotated[CandidatesQuery, Query()],
    session: ReadSession,
    _by: CanRead,
    language: CallerLanguage,
) -> CandidatesOut:
    """Return the activities that people do by total hours, and what automating them saves at a given rate."""
    return await service.answer_candidates(session, process, asked, language)


@router.get("/{process:path}/cases", responses=problems(BadPeriod, InvalidCursor))
async def list_open_cases(
    process: Process,
    asked: Annotated[OpenCasesQuery, Query()],
    session: ReadSession,
    _by: CanRead,
    language: CallerLanguage,
) -> OpenCasesOut:
    """Return open cases with their age, oldest first."""
    return await service.answer_open_cases(session, process, asked, language)


@router.get("/{process:path}/queues", responses=problems(BadPeriod))
async def list_queues(
    process: Process, asked: Annotated[IdleQuery, Query()], session: ReadSession, _by: CanRead, language: CallerLanguage
) -> QueuesOut:
    """Return open cases by the activity that was finished last: where work stands, and for how long."""
    return await service.answer_queues(session, process, asked, language)


@router.get("/{process:path}/settings", responses=problems())
async def get_settings(process: Process, response: Response, session: ReadSession, _by: CanRead) -> SettingsOut:
    """Return what is said of the process; empty with ETag "0" until something is."""
    row = await service.read_setting(session, process)
    set_etag(response, row.version if row else 0)
    return SettingsOut(process=process, terminal_activities=row.terminal_activities if row else [])


@router.put("/{process:path}/settings", responses=problems(PreconditionRequired, PreconditionFailed))
async def put_settings(
    process: Process,
    body: SettingsIn,
    response: Response,
    session: Session,
    _by: CanManage,
    if_match: IfMatch = None,
) -> SettingsOut:
    """Say which activities end a case; If-Match "0" the first time."""
    row = await service.set_setting(session, process, body, if_match)
    set_etag(response, row.version)
    return SettingsOut.model_validate(row)
