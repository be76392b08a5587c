"""Reads of decisions. Row-level security keeps them to the caller's tenant."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Uuid, cast, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.decisions.models import (
    DecisionPolicy,
    DecisionSimulation,
    InvoiceDecision,
    PolicyState,
    SimulatedDecision,
)
from services.billing.decisions.rules import Decision, Difference, Facts, Happened, Kind, Past, Policy
from services.billing.decisions.schemas import (
    DecisionOut,
    PolicyOut,
    SimulatedOut,
    SimulationOut,
    present_policy,
    present_simulation,
)
from services.billing.holds.models import HoldKind
from services.billing.parties.models import Supplier
from shared.errors import NotFound
from shared.pagination import Page, PageRequest, fetch_page

# One writer of a tenant's versions at a time: their numbers have no gap, and one takes the place of another.
_LOCK = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('billing.decision_policy:' || current_setting('trastienda.tenant'), 0))"
)

_PAST = text(
    "SELECT i.id, i.supplier_id, i.gross, i.currency, i.status, i.decided_by, i.repeat > 0 AS repeat, coalesce(e.verdict, 'none') AS verdict, coalesce(m.verdict, 'none') AS match, "
    "coalesce(h.raised, '{}') AS raised, coalesce(h.open, '{}') AS open, coalesce(h.by_registrar, false) AS by_registrar, "
    "coalesce(h.releases, 0) AS releases FROM supplier_invoice i LEFT JOIN electronic_invoice e ON e.invoice_id = i.id "
    "LEFT JOIN invoice_match m ON m.invoice_id = i.id LEFT JOIN LATERAL ("
    "SELECT array_agg(DISTINCT kind ORDER BY kind) AS raised, "
    "array_agg(DISTINCT kind ORDER BY kind) FILTER (WHERE released_at IS NULL) AS open, "
    "bool_or(released_by = i.registered_by) AS by_registrar, "
    "count(released_at) AS releases "
    "FROM invoice_hold WHERE tenant_id = i.tenant_id AND invoice_id = i.id) h ON true "
    "WHERE i.registered_at >= :first AND i.registered_at < :last ORDER BY i.registered_at LIMIT :most"
)
_HAPPENED = {"approved": "approved", "paid": "approved", "rejected": "rejected"}


async def lock_policies(session: AsyncSession) -> None:
    await session.execute(_LOCK)


async def last_number(session: AsyncSession) -> int:
    return await session.scalar(select(func.max(DecisionPolicy.number))) or 0


async def get_policy(session: AsyncSession, policy_id: UUID, *, lock: bool = False) -> DecisionPolicy:
    """Return one version, locked for a change when asked. Raises NotFound."""
    query = select(DecisionPolicy).where(DecisionPolicy.id == policy_id)
    policy = (await session.scalars(query.with_for_update() if lock else query)).one_or_none()
    if policy is None:
        raise NotFound
    return policy


async def active_policy(session: AsyncSession) -> DecisionPolicy | None:
    query = select(DecisionPolicy).where(DecisionPolicy.state == PolicyState.ACTIVE)
    return (await session.scalars(query)).one_or_none()


async def active_limits(session: AsyncSession) -> Policy:
    """Return the active policy; one without rules and limits where there is none."""
    active = await active_policy(session)
    return Policy() if active is None else content_of(active)


def content_of(policy: DecisionPolicy) -> Policy:
    return msgspec.convert(policy.content, Policy)


async def list_policies(session: AsyncSession, page: PageRequest, status: PolicyState | None) -> Page[PolicyOut]:
    query = select(DecisionPolicy)
    if status is not None:
        query = query.where(DecisionPolicy.state == status)
    return await fetch_page(session, query, DecisionPolicy.id, page, present_policy)


async def unknown_suppliers(session: AsyncSession, named: Collection[UUID]) -> list[UUID]:
    ids = cast(list(named), ARRAY(Uuid))  # one value: there may be more ids than a statement takes values
    found = await session.scalars(select(Supplier.id).where(Supplier.id == func.any(ids)))
    return sorted(set(named) - set(found))


async def list_decisions(session: AsyncSession, page: PageRequest, invoice_id: UUID) -> Page[DecisionOut]:
    query = select(InvoiceDecision).where(InvoiceDecision.invoice_id == invoice_id)
    return await fetch_page(session, query, InvoiceDecision.id, page, DecisionOut.model_validate)


async def last_decision(session: AsyncSession, invoice_id: UUID) -> Decision | None:
    """Return what was decided last about an invoice; None where no policy has."""
    query = select(InvoiceDecision.outcome, InvoiceDecision.rule, InvoiceDecision.withheld)
    last = query.where(InvoiceDecision.invoice_id == invoice_id).order_by(InvoiceDecision.id.desc()).limit(1)
    found = (await session.execute(last)).one_or_none()
    return None if found is None else msgspec.convert(found._asdict(), Decision)


async def past_invoices(session: AsyncSession, first: date, last: date, rules_id: str, most: int) -> list[Past]:
    """Return what is known of the invoices that were registered on these days in UTC, the oldest first."""
    days = [datetime.combine(day, time(), UTC) for day in (first, last + timedelta(days=1))]
    rows = await session.execute(_PAST, {"first": days[0], "last": days[1], "most": most})
    return [_past(row, rules_id) for row in rows]


def _past(row: Any, rules_id: str) -> Past:
    def facts(holds: list[str], match: str, *, by_registrar: bool) -> Facts:
        return Facts(
            supplier_id=row.supplier_id,
            gross=row.gross,
            currency=row.currency,
            verdict=row.verdict,
            holds=tuple(holds),
            released_by_registrar=by_registrar,
            match=match,
            repeat=row.repeat,
        )

    return Past(
        invoice_id=row.id,
        at_intake=facts(
            row.raised, "exception" if HoldKind.MATCH_EXCEPTION in row.raised else row.match, by_registrar=False
        ),
        since_release=facts(row.open, row.match, by_registrar=row.by_registrar) if row.releases else None,
        happened=msgspec.convert(_HAPPENED.get(row.status, "waiting"), Happened),
        by_rule=row.decided_by == rules_id,
    )


async def get_simulation(session: AsyncSession, simulation_id: UUID) -> DecisionSimulation:
    """Return one simulation. Raises NotFound."""
    simulation = await session.get(DecisionSimulation, simulation_id)
    if simulation is None:
        raise NotFound
    return simulation


async def list_simulations(session: AsyncSession, page: PageRequest, policy_id: UUID) -> Page[SimulationOut]:
    query = select(DecisionSimulation).where(DecisionSimulation.policy_id == policy_id)
    return await fetch_page(session, query, DecisionSimulation.id, page, present_simulation)


async def list_simulated(
    session: AsyncSession,
    page: PageRequest,
    simulation_id: UUID,
    outcome: Kind | None,
    difference: Difference | None,
) -> Page[SimulatedOut]:
    query = select(SimulatedDecision).where(SimulatedDecision.simulation_id == simulation_id)
    if outcome is not None:
        query = query.where(SimulatedDecision.outcome == outcome)
    if difference is not None:
        query = query.where(SimulatedDecision.difference == difference)
    return await fetch_page(session, query, SimulatedDecision.id, page, SimulatedOut.model_validate)
