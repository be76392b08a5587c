"""The cost model over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Response

from services.analytics.costs.schemas import CostModelIn, CostModelOut
from services.analytics.costs.service import DuplicateEntry, read_cost_model, replace_cost_model
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import problems
from shared.etag import IfMatch, PreconditionFailed, PreconditionRequired, set_etag
from shared.routing import ServiceRoute

router = APIRouter(prefix="/analytics/cost-model", tags=["cost model"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("analytics.cost-model:read")]
CanManage = Annotated[Principal, requires("analytics.cost-model:manage")]


@router.get("", responses=problems())
async def get_cost_model(response: Response, session: ReadSession, _by: CanRead) -> CostModelOut:
    """Return the tenant's cost model; empty with ETag "0" until one is set."""
    document, version = await read_cost_model(session)
    set_etag(response, version)
    return document


@router.put("", responses=problems(PreconditionRequired, PreconditionFailed, DuplicateEntry))
async def put_cost_model(
    body: CostModelIn, response: Response, session: Session, _by: CanManage, if_match: IfMatch = None
) -> CostModelOut:
    """Replace the whole model. Every operation without measured cost is priced anew from then on."""
    version = await replace_cost_model(session, body, if_match)
    set_etag(response, version)
    return (await read_cost_model(session))[0]
