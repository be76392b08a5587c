"""POST /analytics/operations: work from systems that have no Kafka."""

from typing import Annotated

from fastapi import APIRouter, Request

from services.analytics.language import CallerLanguage
from services.analytics.operations.schemas import OperationsAccepted, OperationsIn
from services.analytics.operations.service import record_operations
from services.analytics.plausible import PlausibleNow
from shared.auth import Principal, requires
from shared.db import Session
from shared.errors import problems
from shared.idempotency import Idempotent, KeyInProgress, KeyReused
from shared.routing import ServiceRoute

router = APIRouter(prefix="/analytics/operations", tags=["operations"], route_class=ServiceRoute)

CanReport = Annotated[Principal, requires("analytics.operations:write")]


@router.post("", status_code=202, responses=problems(KeyReused, KeyInProgress), dependencies=[Idempotent])
async def report_operations(
    body: OperationsIn,
    request: Request,
    session: Session,
    by: CanReport,
    plausible: PlausibleNow,
    language: CallerLanguage,
) -> OperationsAccepted:
    """Take a batch of finished operations, all or none; they show up in the indicators shortly after."""
    key = request.app.state.runtime.settings.pseudonym_key.get_secret_value().encode()
    return OperationsAccepted(ids=record_operations(session, body.operations, by, key, plausible, language))
