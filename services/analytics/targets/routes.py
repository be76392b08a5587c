"""Targets over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import select

from services.analytics.indicators.definitions import DEFINITIONS
from services.analytics.indicators.schemas import DefinitionOut, PeriodOut
from services.analytics.language import CallerLanguage
from services.analytics.tables import Target
from services.analytics.targets import service
from services.analytics.targets.errors import (
    CurrencyMisplaced,
    CurrencyMissing,
    NeverMeasured,
    NotAShare,
    TargetExists,
    TooManyTargets,
)
from services.analytics.targets.rules import DIRECTIONS
from services.analytics.targets.schemas import OwnerOut, TargetChange, TargetIn, TargetOut, TargetsQuery, TargetStateOut
from shared import clock
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import NotFound, problems
from shared.etag import IfMatch, PreconditionFailed, PreconditionRequired, set_etag
from shared.idempotency import Idempotent, KeyInProgress, KeyReused
from shared.pagination import InvalidCursor, Page, PageRequest, fetch_page
from shared.routing import ServiceRoute

router = APIRouter(prefix="/analytics/targets", tags=["targets"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("analytics.targets:read")]
CanManage = Annotated[Principal, requires("analytics.targets:manage")]
_EDIT = (NotFound, PreconditionRequired, PreconditionFailed)
_CREATE = (
    CurrencyMissing,
    CurrencyMisplaced,
    NotAShare,
    NeverMeasured,
    TooManyTargets,
    TargetExists,
    KeyReused,
    KeyInProgress,
)


def _key(request: Request) -> bytes:
    key: str = request.app.state.runtime.settings.pseudonym_key.get_secret_value()
    return key.encode()


@router.post("", status_code=201, responses=problems(*_CREATE), dependencies=[Idempotent])
async def create_target(
    body: TargetIn, request: Request, response: Response, session: Session, by: CanManage
) -> TargetOut:
    """Set a target; it is evaluated every minute from then on, and a change of its state published."""
    row = await service.create_target(session, body, by, _key(request))
    response.headers["Location"] = f"/analytics/targets/{row.id}"
    set_etag(response, row.version)
    return _present(row)


@router.get("", responses=problems(InvalidCursor))
async def list_targets(
    request: Request, asked: Annotated[TargetsQuery, Query()], session: ReadSession, _by: CanRead
) -> Page[TargetOut]:
    """List targets with their state as last evaluated, newest first."""
    page = PageRequest(request, asked.cursor, asked.limit)
    query = select(Target).filter_by(**asked.model_dump(include={"process", "kpi", "state"}, exclude_none=True))
    return await fetch_page(session, query, Target.id, page, _present)


@router.get("/{target_id}", responses=problems(NotFound))
async def get_target(target_id: UUID, response: Response, session: ReadSession, _by: CanRead) -> TargetOut:
    """Return a target with its state as last evaluated."""
    row = await service.find_target(session, target_id)
    set_etag(response, row.version)
    return _present(row)


@router.put("/{target_id}", responses=problems(*_EDIT, NotAShare))
async def put_target(
    target_id: UUID,
    body: TargetChange,
    request: Request,
    response: Response,
    session: Session,
    by: CanManage,
    if_match: IfMatch = None,
) -> TargetOut:
    """Change value, days or owner; what it is about stays."""
    row = await service.change_target(session, target_id, body, by, _key(request), if_match)
    set_etag(response, row.version)
    return _present(row)


@router.delete("/{target_id}", status_code=204, responses=problems(*_EDIT))
async def delete_target(target_id: UUID, session: Session, _by: CanManage, if_match: IfMatch = None) -> None:
    """Watch it no more; no event tells of it."""
    await service.drop_target(session, target_id, if_match)


@router.get("/{target_id}/state", responses=problems(NotFound))
async def get_state(target_id: UUID, session: ReadSession, _by: CanRead, language: CallerLanguage) -> TargetStateOut:
    """Return the indicator over the target's period up to now, whether it meets the target, and since when."""
    row = await service.find_target(session, target_id)
    reading = await service.read_target(session, row)
    definition = DEFINITIONS[row.kpi]
    # A change that no evaluation has noticed yet is as old as this answer.
    since = row.since if reading.state == row.state else clock.now()
    return TargetStateOut(
        id=row.id,
        state=reading.state,
        since=None if reading.state == "unknown" else since,
        value=None if reading.value is None else f"{reading.value:f}",
        n=reading.n,
        target=f"{row.value:f}",
        unit=definition.unit or row.currency,
        direction=DIRECTIONS[definition.better],
        period=PeriodOut(begin=reading.begin, end=reading.end),
        definition=DefinitionOut(id=definition.id, version=definition.version, text=definition.text(language)),
    )


def _present(row: Target) -> TargetOut:
    definition = DEFINITIONS[row.kpi]
    return TargetOut(
        id=row.id,
        process=row.process,
        kpi=definition.kpi,
        activity=row.activity or None,
        team=row.team or None,
        value=f"{row.value:f}",
        unit=definition.unit or row.currency,
        direction=DIRECTIONS[definition.better],
        days=row.days,
        owner=OwnerOut(kind="team" if row.owner_kind == "team" else "person", id=row.owner_id),
        state=row.state,
        since=row.since,
        last_value=None if row.last_value is None else f"{row.last_value:f}",
        last_n=row.last_n,
        evaluated_at=row.evaluated_at,
    )
