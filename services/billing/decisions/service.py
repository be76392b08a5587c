"""Use cases of decisions; the only writer of their tables."""

from collections.abc import Iterable

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.decisions import queries, rules
from services.billing.decisions.errors import ActivatorNotAPerson, OwnPolicy, PolicySettled, UnknownSuppliers
from services.billing.decisions.models import DecisionPolicy, InvoiceDecision, Occasion, PolicyState
from services.billing.decisions.schemas import PolicyIn
from services.billing.holds.queries import holds_of
from services.billing.intake.models import ElectronicInvoice
from services.billing.invoices import service as invoices
from services.billing.invoices.deciders import is_asked
from services.billing.invoices.models import RULES_ID, InvoiceStatus, SupplierInvoice
from services.billing.matching.queries import get_match
from services.billing.work_queue.turns import overtake, turn_of
from shared import clock
from shared.auth import Principal
from shared.events import Actor
from shared.ids import uuid7
from shared.work import Effort

RULES = Actor(kind="automation", id=RULES_ID)


async def write_draft(session: AsyncSession, wanted: PolicyIn, by: Principal) -> DecisionPolicy:
    """Write another version of the policy; it decides nothing before it is activated. Raises UnknownSuppliers."""
    content = await _content(session, wanted)
    await queries.lock_policies(session)
    draft = DecisionPolicy(
        id=uuid7(),
        number=await queries.last_number(session) + 1,
        state=PolicyState.DRAFT,
        content=content,
        note=wanted.note,
        authors=[by.id],
        written_at=clock.now(),
    )
    session.add(draft)
    await session.flush()
    return draft


async def change_draft(session: AsyncSession, draft: DecisionPolicy, wanted: PolicyIn, by: Principal) -> None:
    """Replace what a draft says. Raises PolicySettled, UnknownSuppliers."""
    _require_draft(draft)
    draft.content, draft.note, draft.written_at = await _content(session, wanted), wanted.note, clock.now()
    if by.id not in draft.authors:
        draft.authors = [*draft.authors, by.id]


async def activate(session: AsyncSession, draft: DecisionPolicy, by: Principal) -> None:
    """Let the draft decide from here on in place of the version before it.

    Raises PolicySettled, ActivatorNotAPerson, OwnPolicy for whoever wrote on it.
    """
    _require_draft(draft)
    if by.kind != "person":
        raise ActivatorNotAPerson
    if by.id in draft.authors:
        raise OwnPolicy(number=draft.number)
    await queries.lock_policies(session)
    at = clock.now()
    if (active := await queries.active_policy(session)) is not None:
        active.state, active.retired_at = PolicyState.RETIRED, at
        await session.flush()  # one is active at a time, also between two statements
    draft.state, draft.activated_by, draft.activated_at = PolicyState.ACTIVE, by.id, at


async def decide_invoices(
    session: AsyncSession, found: Iterable[SupplierInvoice], occasion: Occasion, released_by: Principal | None = None
) -> None:
    """Let the active policy decide about invoices that wait; without one, people do.

    What it saw is kept with what it decided. What it approves or rejects goes through the steps that people use. Where
    somebody let them go, what a rule had asked of others stays asked.
    """
    waiting = [invoice for invoice in found if invoice.status == InvoiceStatus.REGISTERED]
    active = await queries.active_policy(session) if waiting else None
    if active is None:
        return
    policy = queries.content_of(active)
    for invoice in waiting:
        begun_at = clock.now()
        await session.flush()
        facts = await facts_of(session, invoice)
        decision = rules.decide(policy, facts)
        if occasion is Occasion.RELEASE and (asked := await _left_unanswered(session, invoice, released_by)):
            decision = rules.leave_asked(asked, decision, is_held=bool(facts.holds))
        session.add(_told(invoice, active, occasion, facts, decision))
        effort = Effort(RULES, begun_at, clock.now(), estimated=False)
        if occasion is Occasion.RELEASE:  # people may have worked on it before, which was no waiting
            effort = await turn_of(session, invoice.id, None, effort)
        await _carry_out(session, invoice, decision.outcome, effort)
        if occasion is Occasion.RELEASE and invoice.status != InvoiceStatus.REGISTERED:
            await overtake(session, invoice, clock.now())


async def _left_unanswered(
    session: AsyncSession, invoice: SupplierInvoice, released_by: Principal | None
) -> rules.Outcome | None:
    """Return what was asked and whoever lets the invoice go could not answer, or somebody before them could not."""
    last = await queries.last_decision(session, invoice.id)
    if last is None or last.outcome.role is None:
        return None
    if released_by is None:
        return last.outcome if "asked-of-others" in last.withheld else None
    return None if is_asked(last.outcome, released_by) else last.outcome


async def _carry_out(session: AsyncSession, invoice: SupplierInvoice, outcome: rules.Outcome, effort: Effort) -> None:
    if outcome.kind == "approve":
        await invoices.validate_by_rule(session, invoice, effort)
        done = Effort(RULES, effort.finished_at, clock.now(), estimated=False)
        invoices.approve_by_rule(session, invoice, RULES_ID, done)
    elif outcome.kind == "reject":
        await invoices.reject_by_rule(session, invoice, outcome.reason or "", RULES_ID, effort)


async def facts_of(session: AsyncSession, invoice: SupplierInvoice) -> rules.Facts:
    """Return what is known of an invoice at this moment."""
    electronic = await session.get(ElectronicInvoice, invoice.id)
    holds, match = await holds_of(session, invoice.id), await get_match(session, invoice.id)
    return rules.Facts(
        supplier_id=invoice.supplier_id,
        gross=invoice.gross,
        currency=invoice.currency,
        verdict=msgspec.convert("none" if electronic is None else electronic.verdict, rules.Verdict),
        holds=tuple(sorted({hold.kind for hold in holds if hold.released_at is None})),
        released_by_registrar=invoice.registered_by in {hold.released_by for hold in holds},
        match="none" if match is None else match.verdict,
        repeat=invoice.repeat > 0,
    )


def _told(
    invoice: SupplierInvoice,
    active: DecisionPolicy,
    occasion: Occasion,
    facts: rules.Facts,
    decision: rules.Decision,
) -> InvoiceDecision:
    return InvoiceDecision(
        id=uuid7(),
        invoice_id=invoice.id,
        policy_id=active.id,
        policy_number=active.number,
        rule=decision.rule,
        occasion=occasion,
        outcome=msgspec.to_builtins(decision.outcome),
        withheld=list(decision.withheld),
        facts=msgspec.to_builtins(facts),
        decided_at=clock.now(),
    )


async def _content(session: AsyncSession, wanted: PolicyIn) -> dict[str, object]:
    policy = wanted.as_policy()
    if unknown := await queries.unknown_suppliers(session, rules.suppliers_of(policy)):
        raise UnknownSuppliers(suppliers=[str(each) for each in unknown])
    content: dict[str, object] = msgspec.to_builtins(policy)
    return content


def _require_draft(policy: DecisionPolicy) -> None:
    if policy.state != PolicyState.DRAFT:
        raise PolicySettled(number=policy.number, state=policy.state)
