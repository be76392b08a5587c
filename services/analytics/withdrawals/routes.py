"""POST /analytics/withdrawals: what should never have counted, from systems that have no Kafka."""

from typing import Annotated

from fastapi import APIRouter

from services.analytics.withdrawals.schemas import WithdrawalsAccepted, WithdrawalsIn
from services.analytics.withdrawals.service import record_withdrawals
from shared.auth import Principal, requires
from shared.db import Session
from shared.errors import problems
from shared.idempotency import Idempotent, KeyInProgress, KeyReused
from shared.routing import ServiceRoute

router = APIRouter(prefix="/analytics/withdrawals", tags=["operations"], route_class=ServiceRoute)

CanReport = Annotated[Principal, requires("analytics.operations:write")]


@router.post("", status_code=202, responses=problems(KeyReused, KeyInProgress), dependencies=[Idempotent])
async def withdraw_events(body: WithdrawalsIn, session: Session, _by: CanReport) -> WithdrawalsAccepted:
    """Let operations, observations and answers count nowhere, all or none, as if they had never arrived.

    It shows in the indicators shortly after. An id that is not known waits for its event. Withdrawing again changes
    nothing, and nothing takes a withdrawal back: what counts after all is reported again under another id. Answers
    `as_of` a moment before the withdrawal stay as they were.
    """
    return WithdrawalsAccepted(ids=record_withdrawals(session, body.withdrawals))
