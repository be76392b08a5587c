"""The service's housekeeping: every minute each target is evaluated, and a change of its state told exactly once.

State and event are written in one transaction, of the request role: row-level security holds it to the target's tenant.
A second worker passes over a target that is being evaluated, and finds it up to date afterwards.
"""

import logging
from collections import defaultdict
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.indicators.definitions import DEFINITIONS
from services.analytics.tables import Target
from services.analytics.targets.rules import DIRECTIONS, News, news_of
from services.analytics.targets.service import Reading, read_target
from shared import clock, outbox
from shared.app import Runtime
from shared.contracts.analytics import TargetBreached, TargetRecovered
from shared.failures import is_transient
from shared.ids import stable_id

_DUE_AFTER = timedelta(seconds=50)  # less than the minute between two rounds
_A_ROUND = 2_000
_FAILURES = 3
_BUDGET_S = 10.0  # of a tenant, in a round
_STATEMENT_MS = 5_000  # of one target, far above what its statement takes; it is tried again in the next round
_SET_TIMEOUT = text("SELECT set_config('statement_timeout', :ms, true)")
_CONTRACTS: dict[News, type[TargetBreached | TargetRecovered]] = {
    "breached": TargetBreached,
    "recovered": TargetRecovered,
}
logger = logging.getLogger(__name__)


async def watch_targets(runtime: Runtime) -> None:
    """Evaluate what is due, in any order, so that one that fails or is slow keeps no other from its turn.

    Nor does a tenant keep others from theirs: what its time does not suffice for waits for the next round.
    """
    before = clock.now() - _DUE_AFTER
    async with runtime.worker.session(None) as session:
        due = select(Target.tenant_id, Target.id).where(_due(before)).order_by(func.random()).limit(_A_ROUND)
        targets = (await session.execute(due)).all()
    failures, left = 0, 0
    spent: dict[str, float] = defaultdict(float)
    for tenant, target_id in targets:
        if spent[tenant] > _BUDGET_S:
            left += 1
            continue
        began = monotonic()
        try:
            async with runtime.database.transaction(tenant) as session:
                await evaluate(session, target_id, before)
        except Exception as error:
            failures += 1
            if is_transient(error) and failures >= _FAILURES:
                raise
            logger.exception("a target was not evaluated", extra={"target": str(target_id)})
        spent[tenant] += monotonic() - began
    if left:
        logger.warning("targets of tenants whose time was over wait for the next round", extra={"targets": left})


async def evaluate(session: AsyncSession, target_id: UUID, before: datetime) -> None:
    """Evaluate a target that was not since `before`, unless someone else is doing it."""
    mine = select(Target).where(Target.id == target_id, _due(before)).with_for_update(skip_locked=True)
    target = (await session.scalars(mine)).one_or_none()
    if target is None:
        return
    await session.execute(_SET_TIMEOUT, {"ms": str(_STATEMENT_MS)})
    reading = await read_target(session, target)
    news = news_of(target.state, reading.state)
    target.evaluated_at, target.last_value, target.last_n = reading.end, reading.value, reading.n
    if reading.state not in {"unknown", target.state}:
        target.state, target.since, target.changes = reading.state, reading.end, target.changes + 1
    if news is not None:
        event_id = stable_id("target", target.id, target.changes)
        outbox.record(session, _told(_CONTRACTS[news], target, reading), subject=target.id, event_id=event_id)


def _due(before: datetime) -> ColumnElement[bool]:
    return or_(Target.evaluated_at.is_(None), Target.evaluated_at < before)


def _told(
    contract: type[TargetBreached | TargetRecovered], target: Target, reading: Reading
) -> TargetBreached | TargetRecovered:
    definition = DEFINITIONS[target.kpi]
    assert reading.value is not None
    return contract(
        target_id=target.id,
        process=target.process,
        kpi=target.kpi,
        definition=definition.id,
        definition_version=definition.version,
        activity=target.activity or None,
        team=target.team or None,
        direction=DIRECTIONS[definition.better],
        target=target.value,
        value=reading.value,
        unit=definition.unit or target.currency,
        n=reading.n,
        period_from=reading.begin,
        period_to=reading.end,
        owner_kind=target.owner_kind,
        owner_id=target.owner_id,
    )
