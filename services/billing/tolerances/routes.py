"""HTTP of the tenant's tolerance."""

from typing import Annotated

from fastapi import APIRouter, Response

from services.billing.tolerances import queries, service
from services.billing.tolerances.schemas import (
    DefaultToleranceIn,
    DefaultToleranceOut,
    ToleranceVersionOut,
    present_current,
)
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import problems
from shared.etag import IfMatch, PreconditionFailed, PreconditionRequired, set_etag
from shared.pagination import Page, PageOf
from shared.routing import ServiceRoute
from shared.work import HumanWork

router = APIRouter(prefix="/billing/default-tolerance", tags=["tolerances"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("billing.tolerances:read")]
CanApprove = Annotated[Principal, requires("billing.tolerances:approve")]


@router.get("")
async def get(response: Response, session: ReadSession, _by: CanRead) -> DefaultToleranceOut:
    """Return what may be off where nothing was agreed with the supplier, with its ETag."""
    told = present_current(await queries.current_tolerance(session))
    set_etag(response, told.version)
    return told


@router.put("", responses=problems(PreconditionRequired, PreconditionFailed))
async def change(
    wanted: DefaultToleranceIn,
    response: Response,
    session: Session,
    by: CanApprove,
    work: HumanWork,
    if_match: IfMatch = None,
) -> DefaultToleranceOut:
    """Let another tolerance count; needs If-Match. A job matches the invoices that nobody has validated once more."""
    changed = await service.change_tolerance(session, wanted, if_match, by, work)
    await session.flush()
    await session.refresh(changed)  # figures as they are kept
    set_etag(response, changed.version)
    return present_current(changed)


@router.get("/versions")
async def list_versions(session: ReadSession, _by: CanRead, page: PageOf) -> Page[ToleranceVersionOut]:
    """List what counted and counts, who made it so and why, the last one first."""
    return await queries.list_versions(session, page)
