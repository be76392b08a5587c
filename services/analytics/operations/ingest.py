"""Facts into the database: a batch, its roll-ups and its cases, in the caller's transaction.

Two consumers may work at once. They cannot deadlock: each table is locked in the order of its key, by
statements that run in the same order. A batch that corrects or withdraws something waits until it is alone, because
what it speaks of may just be arriving elsewhere; all others share.
"""

from operator import attrgetter
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.operations.facts import Arrivals, ObservationFact, OperationFact, SurveyFact
from services.analytics.operations.requester import REQUESTER_ACTIVITIES
from services.analytics.operations.statements import CORRECT, ROLLUP_KEY, STORE, STORE_ANSWERS, STORE_KEYS
from services.analytics.operations.withdrawing import withdraw, withhold

_key_of = attrgetter(*ROLLUP_KEY)
_LOCK = 0x616E616C  # "anal": corrections against arrivals, within this database


class Applied(NamedTuple):
    """How much of a batch was new."""

    operations: int
    observations: int
    answers: int
    withdrawals: int


async def apply(session: AsyncSession, arrivals: Arrivals) -> Applied:
    """Store what is new of a batch and fold it into roll-ups and cases; the rest changes nothing.

    Runs under the worker role: a batch may hold several tenants.
    """
    facts: list[OperationFact | ObservationFact | SurveyFact] = [
        *arrivals.operations,
        *arrivals.observations,
        *arrivals.answers,
    ]
    withdrawals = 0
    if facts or arrivals.withdrawals:
        alone = bool(arrivals.withdrawals) or any(fact.corrects for fact in arrivals.operations)
        await wait_for_turn(session, alone=alone)
    if arrivals.withdrawals:
        withdrawals = await withdraw(session, arrivals.withdrawals)
    if facts:
        keys = {_key_of(fact) for fact in arrivals.operations}
        parameters = {name: [key[place] for key in keys] for place, name in enumerate(ROLLUP_KEY)}
        tenants = list({fact.tenant_id for fact in facts})
        if (await session.execute(STORE_KEYS, {**parameters, "tenants": tenants})).scalar_one():
            arrivals = await withhold(session, arrivals)
    return Applied(*await _store(session, arrivals), withdrawals)


async def _store(session: AsyncSession, arrivals: Arrivals) -> tuple[int, int, int]:
    operations = observations = answers = 0
    correcting = any(fact.corrects for fact in arrivals.operations)
    if arrivals.operations or arrivals.observations:
        parameters = {
            "operations": arrivals.operations,
            "observations": arrivals.observations,
            "tenants": list({fact.tenant_id for fact in arrivals.operations}),
            "requester": list(REQUESTER_ACTIVITIES),
        }
        stored = (await session.execute(STORE, parameters)).one()
        operations, observations = stored.operations, stored.observations
        correcting = correcting or stored.corrections
    if correcting and arrivals.operations:
        batch = {
            "tenants": [fact.tenant_id for fact in arrivals.operations],
            "ids": [fact.id for fact in arrivals.operations],
        }
        await session.execute(CORRECT, batch)
    if arrivals.answers:
        answers = (await session.execute(STORE_ANSWERS, {"answers": arrivals.answers})).scalar_one()
    return operations, observations, answers


async def wait_for_turn(session: AsyncSession, *, alone: bool) -> None:
    """Hold this until the transaction ends: `alone` excludes every other batch, else only batches that want to be alone."""
    mode = "" if alone else "_shared"
    await session.execute(text(f"SELECT pg_advisory_xact_lock{mode}({_LOCK})"))
