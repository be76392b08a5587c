"""Facts into the database: a batch, its roll-ups and its cases, in the caller's transaction.

Two consumers may work at once. They cannot deadlock: each table is locked in the order of its key, by
statements that run in the same order. A batch that corrects something waits until it is alone, because the
operation it corrects may just be arriving elsewhere; all others share.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.operations.facts import Arrivals, ObservationFact, OperationFact, SurveyFact
from services.analytics.operations.histograms import OPERATION_KEY
from services.analytics.operations.requester import REQUESTER_ACTIVITIES
from services.analytics.operations.statements import CORRECT, STORE, STORE_ANSWERS, STORE_KEYS

_KEY = ("tenant_id", *OPERATION_KEY)
_key_of = attrgetter(*_KEY)
_LOCK = 0x616E616C  # "anal": corrections against arrivals, within this database


class Applied(NamedTuple):
    """How much of a batch was new."""

    operations: int
    observations: int
    answers: int


async def apply(session: AsyncSession, arrivals: Arrivals) -> Applied:
    """Store what is new of a batch and fold it into roll-ups and cases; the rest changes nothing.

    Runs under the worker role: a batch may hold several tenants.
    """
    operations = observations = answers = 0
    correcting = any(fact.corrects for fact in arrivals.operations)
    if arrivals.operations or arrivals.observations:
        await wait_for_turn(session, alone=correcting)
        if keys := {_key_of(fact) for fact in arrivals.operations}:
            await session.execute(STORE_KEYS, _columns("key", _KEY, list(keys)))
        parameters = _columns("op", OperationFact._fields, arrivals.operations)
        parameters |= _columns("ob", ObservationFact._fields, arrivals.observations)
        parameters["requester"] = list(REQUESTER_ACTIVITIES)
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
        parameters = _columns("an", SurveyFact._fields, arrivals.answers)
        answers = (await session.execute(STORE_ANSWERS, parameters)).scalar_one()
    return Applied(operations, observations, answers)


async def wait_for_turn(session: AsyncSession, *, alone: bool) -> None:
    """Hold this until the transaction ends: `alone` excludes every other batch, else only batches that want to be alone."""
    mode = "" if alone else "_shared"
    await session.execute(text(f"SELECT pg_advisory_xact_lock{mode}({_LOCK})"))


def _columns(prefix: str, fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    columns = zip(*rows, strict=True) if rows else ([] for _ in fields)
    return {f"{prefix}_{name}": list(column) for name, column in zip(fields, columns, strict=True)}
