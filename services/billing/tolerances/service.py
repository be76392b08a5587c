"""Use case of tolerances; the only writer of their table."""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.matching.service import ask_rematch
from services.billing.tolerances import queries
from services.billing.tolerances.models import DefaultTolerance
from services.billing.tolerances.schemas import DefaultToleranceIn
from shared import outbox
from shared.auth import Principal
from shared.contracts import billing as events
from shared.etag import check_version
from shared.ids import uuid7
from shared.work import Effort

PROCESS = "supplier-master-data"


async def change_tolerance(
    session: AsyncSession, wanted: DefaultToleranceIn, if_match: str | None, by: Principal, effort: Effort
) -> DefaultTolerance:
    """Let another tolerance count from here on; a job matches what nobody has validated anew.

    Raises PreconditionRequired, PreconditionFailed.
    """
    before = await queries.take_tolerance(session)
    version = 0 if before is None else before.version
    check_version(if_match, version)
    changed = DefaultTolerance(
        id=uuid7(),
        version=version + 1,
        percent=None if wanted.percent is None else Decimal(wanted.percent),
        amounts=dict(wanted.amounts),
        reason=wanted.reason,
        changed_by=by.id,
        changed_at=effort.finished_at,
    )
    session.add(changed)
    amounts = {currency: Decimal(amount) for currency, amount in wanted.amounts.items()}
    event = events.ToleranceChanged(version=changed.version, percent=changed.percent, amounts=amounts)
    work = effort.on(PROCESS, "change-tolerance", changed.id)
    outbox.record(session, event, subject=changed.id, work=work)
    await ask_rematch(session, by)
    return changed
