"""Scales over HTTP: what is in force, and a tenant's own."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.analytics.bands.schemas import ScaleIn, ScaleOut, ScalesOut, present_scale
from services.analytics.bands.service import LimitsCross, WrongUnit, drop_scale, read_own, read_scales, set_scale
from services.analytics.indicators.definitions import DEFINITIONS, KpiId
from services.analytics.operations.schemas import Text
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import NotFound, problems
from shared.etag import IfMatch, PreconditionFailed, PreconditionRequired, set_etag
from shared.events import MAX_PROCESS
from shared.routing import ServiceRoute

router = APIRouter(prefix="/analytics/bands", tags=["bands"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("analytics.bands:read")]
CanManage = Annotated[Principal, requires("analytics.bands:manage")]
OfProcess = Annotated[
    Annotated[str, Text(MAX_PROCESS, 0)],
    Query(description="The process it holds for; without, every process that has none of its own"),
]


@router.get("", responses=problems())
async def list_scales(session: ReadSession, _by: CanRead, process: OfProcess = "") -> ScalesOut:
    """List the scale in force for each indicator; an indicator without one is missing."""
    scales = await read_scales(session)
    in_force = ((scales.in_force(kpi, process), scales.own) for kpi in DEFINITIONS)
    return ScalesOut(items=[present_scale(scale, own=scale in own) for scale, own in in_force if scale is not None])


@router.get("/{kpi}", responses=problems(NotFound))
async def get_scale(
    kpi: KpiId, response: Response, session: ReadSession, _by: CanRead, process: OfProcess = ""
) -> ScaleOut:
    """Return the scale in force; ETag "0" until the tenant sets its own for exactly this process."""
    scales = await read_scales(session)
    scale = scales.in_force(kpi, process)
    if scale is None:
        raise NotFound
    row = await read_own(session, kpi, process)
    set_etag(response, row.version if row else 0)
    return present_scale(scale, own=scale in scales.own)


@router.put("/{kpi}", responses=problems(PreconditionRequired, PreconditionFailed, LimitsCross, WrongUnit))
async def put_scale(
    kpi: KpiId,
    body: ScaleIn,
    response: Response,
    session: Session,
    _by: CanManage,
    process: OfProcess = "",
    if_match: IfMatch = None,
) -> ScaleOut:
    """Set the tenant's own scale; If-Match "0" for the first one."""
    row = await set_scale(session, kpi, process, body, if_match)
    set_etag(response, row.version)
    scale = (await read_scales(session)).in_force(kpi, process)
    assert scale is not None
    return present_scale(scale, own=True)


@router.delete("/{kpi}", status_code=204, responses=problems(NotFound, PreconditionRequired, PreconditionFailed))
async def delete_scale(
    kpi: KpiId, session: Session, _by: CanManage, process: OfProcess = "", if_match: IfMatch = None
) -> None:
    """Go back to the default."""
    await drop_scale(session, kpi, process, if_match)
