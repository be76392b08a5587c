"""Use cases of the work queue; with turns.py the only writer of its tables.

Every one of them holds the lock of what it is about, an invoice or a draft.
"""

from datetime import date

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.drafts.errors import DraftSettled
from services.billing.drafts.models import InvoiceDraft
from services.billing.holds.queries import open_holds
from services.billing.invoices.deciders import APPROVE, check_next_approval
from services.billing.invoices.models import SupplierInvoice
from services.billing.invoices.queries import approvals_of
from services.billing.work_queue import queries, rules, subjects
from services.billing.work_queue.errors import (
    AlreadyAssigned,
    ClaimedByAnother,
    MayNotDecide,
    NotClaimed,
    NotWaiting,
    WorkerNotAPerson,
)
from services.billing.work_queue.models import Ending, WorkAssignment, WorkDeadline
from services.billing.work_queue.rules import Reason
from services.billing.work_queue.subjects import Subject, is_waiting, kind_of, named
from services.billing.work_queue.turns import Turn, end, is_lasting, turn_of
from shared import clock, outbox
from shared.auth import NotAllowed, Principal
from shared.events import Outcome, Work
from shared.ids import uuid7
from shared.work import Effort

PROCESS = "accounts-payable"


async def claim(session: AsyncSession, item: Subject, by: Principal) -> None:
    """Let a person begin; what they have begun already stays as it is.

    Raises NotWaiting, DraftSettled, WorkerNotAPerson, ClaimedByAnother, and for whoever may not give the next approval
    what `check_next_approval` does.
    """
    reason = await _reason_of(session, item)
    if by.kind != "person":
        raise WorkerNotAPerson
    at = clock.now()
    found = await queries.open_assignment(session, item.id)
    held = found if found is not None and is_lasting(found, at) else None
    if held is not None and held.assignee != by.id:
        raise ClaimedByAnother(**named(item), holder=held.assignee)
    if held is not None and held.claimed_at is not None:
        return
    if isinstance(item, SupplierInvoice):
        await _check_next_step(session, item, reason, by)
    if held is not None:
        held.claimed_at = at
    else:
        await _give(session, item, found, by.id, by, claimed=True)
    outbox.record(session, subjects.claimed(item, reason), subject=item.id)


async def give_back(session: AsyncSession, item: Subject, note: str, by: Principal, effort: Effort) -> None:
    """Return an item to the queue; what was worked on it is an operation, and its wait goes on from here.

    Raises NotWaiting, DraftSettled, ClaimedByAnother, NotClaimed.
    """
    await _reason_of(session, item)
    found = await queries.open_assignment(session, item.id)
    if found is None or found.assignee != by.id:
        if found is not None and is_lasting(found, effort.finished_at):
            raise ClaimedByAnother(**named(item), holder=found.assignee)
        raise NotClaimed(**named(item))
    turn = await turn_of(session, item.id, by, effort)
    work = await _unfinished(session, item, found, turn, f"return-{kind_of(item)}")
    if work is not None and not work.estimated:
        found.worked_until = turn.finished_at  # also of a claim that has lapsed, whose holder says when they began
    end(found, Ending.RETURNED, effort.finished_at, note)
    outbox.record(session, subjects.returned(item), subject=item.id, work=work)


async def reassign(
    session: AsyncSession, item: Subject, to: str | None, reason: str, by: Principal, effort: Effort
) -> None:
    """Hand an item to somebody, or take it over, which begins at once. Who does not hold it has to be one who approves.

    Raises NotWaiting, DraftSettled, NotAllowed, WorkerNotAPerson, AlreadyAssigned, MayNotDecide, and NotAsked of who takes it.
    """
    waits_for = await _reason_of(session, item)
    turn = await turn_of(session, item.id, by, effort)
    held, target = turn.held, to or by.id
    is_holder = held is not None and held.assignee == by.id
    if not is_holder and not by.allows(APPROVE):
        raise NotAllowed(scope=APPROVE)
    if target == by.id and by.kind != "person":
        raise WorkerNotAPerson
    if held is not None and held.assignee == target:
        raise AlreadyAssigned(**named(item), holder=target)
    if isinstance(item, SupplierInvoice):
        await _check_target(session, item, waits_for, target)
        if target == by.id:
            await _check_next_step(session, item, waits_for, by)
    activity = f"hand-over-{kind_of(item)}"
    work = await _unfinished(session, item, held, turn, activity) if held and is_holder else None
    found = held or await queries.open_assignment(session, item.id)
    if held is not None:
        end(held, Ending.REASSIGNED, effort.finished_at)
    await _give(session, item, found, target, by, reason=reason, claimed=target == by.id)
    outbox.record(session, subjects.reassigned(item, taken_over=target == by.id), subject=item.id, work=work)


async def set_due(session: AsyncSession, item: Subject, due_by: date | None, by: Principal) -> None:
    """Set the day by which an item is to be decided, or let it follow from its dates again; no work, so no event.

    Raises NotWaiting, DraftSettled.
    """
    await _reason_of(session, item)
    if due_by is None:
        if (deadline := await session.get(WorkDeadline, item.id)) is not None:
            await session.delete(deadline)
        return
    values = {"due_by": due_by, "set_by": by.id, "set_at": clock.now()}
    statement = insert(WorkDeadline).values(invoice_id=item.id, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["invoice_id"], set_=values))


async def _unfinished(
    session: AsyncSession, item: Subject, held: WorkAssignment, turn: Turn, activity: str
) -> Work | None:
    """Return what its holder has done without an end; nothing where they never began."""
    if held.claimed_at is None:
        return None
    since = await queries.waits_since(session, item)
    return turn.on(PROCESS, activity, item.id, outcome=Outcome.CANCELLED, requested_at=since)


async def _give(
    session: AsyncSession,
    item: Subject,
    before: WorkAssignment | None,
    to: str,
    by: Principal,
    *,
    claimed: bool,
    reason: str | None = None,
) -> None:
    """Give the item to a person; what was open on it has ended, or has lapsed by now."""
    at = clock.now()
    if before is not None and before.ended_at is None:
        end(before, Ending.LAPSED, at)
    await session.flush()  # one is open at a time, also between two statements
    session.add(
        WorkAssignment(
            id=uuid7(),
            invoice_id=item.id,
            assignee=to,
            assigned_by=by.id,
            assigned_at=at,
            reason=reason,
            claimed_at=at if claimed else None,
        )
    )


async def _reason_of(session: AsyncSession, item: Subject) -> Reason:
    if isinstance(item, InvoiceDraft):
        if not is_waiting(item):
            raise DraftSettled(state=item.state, draft_id=str(item.id), invoice_id=None)
        return Reason.TO_COMPLETE
    held = bool(await open_holds(session, item.id))
    reason = rules.reason_of(item.status, item.approvals, is_held=held)
    if reason is None:
        raise NotWaiting(number=item.number)
    return reason


async def _check_next_step(session: AsyncSession, invoice: SupplierInvoice, reason: Reason, by: Principal) -> None:
    """See that nobody keeps others off what they may not decide themselves."""
    if reason in rules.APPROVALS:
        await check_next_approval(session, invoice, by)


async def _check_target(session: AsyncSession, invoice: SupplierInvoice, reason: Reason, target: str) -> None:
    if reason not in rules.APPROVALS:
        return
    approved = {approval.approved_by for approval in await approvals_of(session, invoice.id)}
    if target in {*invoice.hands, *approved}:
        raise MayNotDecide(number=invoice.number, holder=target)
