"""Use case of simulations: what a version of the policy would have decided; the only writer of their tables."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.decisions import queries, rules
from services.billing.decisions.errors import TooManyInvoices
from services.billing.decisions.models import DecisionPolicy, DecisionSimulation, SimulatedDecision
from services.billing.decisions.schemas import SimulationIn
from services.billing.invoices.models import RULES_ID
from shared import clock
from shared.auth import Principal
from shared.ids import uuid7

MOST_INVOICES = 10_000


async def simulate(
    session: AsyncSession, policy: DecisionPolicy, wanted: SimulationIn, by: Principal
) -> DecisionSimulation:
    """Let a version decide about invoices on file, without touching them. Raises TooManyInvoices."""
    first, last = wanted.registered_from, wanted.registered_to
    past = await queries.past_invoices(session, first, last, RULES_ID, MOST_INVOICES + 1)
    if len(past) > MOST_INVOICES:
        raise TooManyInvoices(limit=MOST_INVOICES, first=first.isoformat(), last=last.isoformat())
    content = queries.content_of(policy)
    simulation = DecisionSimulation(
        id=uuid7(),
        policy_id=policy.id,
        policy_number=policy.number,
        policy_version=policy.version,
        registered_from=first,
        registered_to=last,
        simulated_by=by.id,
        simulated_at=clock.now(),
    )
    decided = await asyncio.to_thread(_decide_all, simulation.id, content, past)  # others are answered meanwhile
    simulation.counts = _counts(decided)
    session.add(simulation)
    await session.flush()
    if decided:
        await session.execute(insert(SimulatedDecision), decided)
    return simulation


def _decide_all(simulation_id: UUID, policy: rules.Policy, past: Sequence[rules.Past]) -> list[dict[str, Any]]:
    return [_decided(simulation_id, policy, each) for each in past]


def _decided(simulation_id: UUID, policy: rules.Policy, past: rules.Past) -> dict[str, Any]:
    decision = rules.replay(policy, past)
    kind = decision.outcome.kind
    return {
        "id": uuid7(),
        "simulation_id": simulation_id,
        "invoice_id": past.invoice_id,
        "rule": decision.rule,
        "outcome": kind,
        "withheld": list(decision.withheld),
        "happened": past.happened,
        "by_rule": past.by_rule,
        "difference": rules.compare(kind, past.happened, by_rule=past.by_rule),
    }


def _counts(decided: Sequence[dict[str, Any]]) -> dict[str, Any]:
    by_rule = Counter((each["rule"], each["outcome"]) for each in decided)
    outcomes = Counter(each["outcome"] for each in decided)
    differences = Counter(each["difference"] for each in decided)
    return {
        "invoices": len(decided),
        "outcomes": {kind: outcomes[kind] for kind in get_args(rules.Kind)},
        "rules": [{"rule": rule, "outcome": kind, "invoices": n} for (rule, kind), n in by_rule.most_common()],
        "differences": {kind: differences[kind] for kind in get_args(rules.Difference)},
    }
