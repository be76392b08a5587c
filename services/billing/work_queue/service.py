"""Use cases of the work queue; with turns.py the only writer of its tables.

Every one of them holds the lock of the invoice.
"""

from datetime import date

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.holds.queries import open_holds
from services.billing.invoices.errors import OwnInvoice, SameApprover
from services.billing.invoices.models import SupplierInvoice
from services.billing.invoices.queries import approvals_of
from services.billing.work_queue import queries, rules
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
from services.billing.work_queue.turns import APPROVE, Turn, end, is_lasting, turn_of
from shared import clock, outbox
from shared.auth import NotAllowed, Principal
from shared.contracts import billing as events
from shared.events import Outcome, Work
from shared.ids import uuid7
from shared.work import Effort

PROCESS = "accounts-payable"


async def claim(session: AsyncSession, invoice: SupplierInvoice, by: Principal) -> None:
    """Let a person begin; what they have begun already stays as it is.

    Raises NotWaiting, WorkerNotAPerson, ClaimedByAnother, and for whoever may not take the next step NotAllowed,
    OwnInvoice or SameApprover.
    """
    reason = await _reason_of(session, invoice)
    if by.kind != "person":
        raise WorkerNotAPerson
    at = clock.now()
    found = await queries.open_assignment(session, invoice.id)
    held = found if found is not None and is_lasting(found, at) else None
    if held is not None and held.assignee != by.id:
        raise ClaimedByAnother(number=invoice.number, holder=held.assignee)
    if held is not None and held.claimed_at is not None:
        return
    await _check_next_step(session, invoice, reason, by)
    if held is not None:
        held.claimed_at = at
    else:
        await _give(session, invoice, found, by.id, by, claimed=True)
    outbox.record(session, events.InvoiceClaimed(invoice_id=invoice.id, reason=reason), subject=invoice.id)


async def give_back(session: AsyncSession, invoice: SupplierInvoice, note: str, by: Principal, effort: Effort) -> None:
    """Return an invoice to the queue; what was worked on it is an operation, and its wait goes on from here.

    Raises NotWaiting, ClaimedByAnother, NotClaimed.
    """
    await _reason_of(session, invoice)
    found = await queries.open_assignment(session, invoice.id)
    if found is None or found.assignee != by.id:
        if found is not None and is_lasting(found, effort.finished_at):
            raise ClaimedByAnother(number=invoice.number, holder=found.assignee)
        raise NotClaimed(number=invoice.number)
    turn = await turn_of(session, invoice.id, by, effort)
    work = await _unfinished(session, invoice, found, turn, "return-invoice")
    if work is not None and not work.estimated:
        found.worked_until = turn.finished_at  # also of a claim that has lapsed, whose holder says when they began
    end(found, Ending.RETURNED, effort.finished_at, note)
    outbox.record(session, events.InvoiceReturned(invoice_id=invoice.id), subject=invoice.id, work=work)


async def reassign(
    session: AsyncSession, invoice: SupplierInvoice, to: str | None, reason: str, by: Principal, effort: Effort
) -> None:
    """Hand an invoice to somebody, or take it over, which begins at once. Who does not hold it has to be one who approves.

    Raises NotWaiting, NotAllowed, WorkerNotAPerson, AlreadyAssigned, MayNotDecide.
    """
    waits_for = await _reason_of(session, invoice)
    turn = await turn_of(session, invoice.id, by, effort)
    held, target = turn.held, to or by.id
    is_holder = held is not None and held.assignee == by.id
    if not is_holder and not by.allows(APPROVE):
        raise NotAllowed(scope=APPROVE)
    if target == by.id and by.kind != "person":
        raise WorkerNotAPerson
    if held is not None and held.assignee == target:
        raise AlreadyAssigned(number=invoice.number, holder=target)
    await _check_target(session, invoice, waits_for, target)
    work = await _unfinished(session, invoice, held, turn, "hand-over-invoice") if held and is_holder else None
    found = held or await queries.open_assignment(session, invoice.id)
    if held is not None:
        end(held, Ending.REASSIGNED, effort.finished_at)
    await _give(session, invoice, found, target, by, reason=reason, claimed=target == by.id)
    event = events.InvoiceReassigned(invoice_id=invoice.id, taken_over=target == by.id)
    outbox.record(session, event, subject=invoice.id, work=work)


async def set_due(session: AsyncSession, invoice: SupplierInvoice, due_by: date | None, by: Principal) -> None:
    """Set the day by which an invoice is to be decided, or let it follow from its dates again; no work, so no event.

    Raises NotWaiting.
    """
    await _reason_of(session, invoice)
    if due_by is None:
        if (deadline := await session.get(WorkDeadline, invoice.id)) is not None:
            await session.delete(deadline)
        return
    values = {"due_by": due_by, "set_by": by.id, "set_at": clock.now()}
    statement = insert(WorkDeadline).values(invoice_id=invoice.id, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["invoice_id"], set_=values))


async def _unfinished(
    session: AsyncSession, invoice: SupplierInvoice, held: WorkAssignment, turn: Turn, activity: str
) -> Work | None:
    """Return what its holder has done without an end; nothing where they never began."""
    if held.claimed_at is None:
        return None
    since = await queries.waits_since(session, invoice)
    return turn.on(PROCESS, activity, invoice.id, outcome=Outcome.CANCELLED, requested_at=since)


async def _give(
    session: AsyncSession,
    invoice: SupplierInvoice,
    before: WorkAssignment | None,
    to: str,
    by: Principal,
    *,
    claimed: bool,
    reason: str | None = None,
) -> None:
    """Give the invoice to a person; what was open on it has ended, or has lapsed by now."""
    at = clock.now()
    if before is not None and before.ended_at is None:
        end(before, Ending.LAPSED, at)
    await session.flush()  # one is open at a time, also between two statements
    session.add(
        WorkAssignment(
            id=uuid7(),
            invoice_id=invoice.id,
            assignee=to,
            assigned_by=by.id,
            assigned_at=at,
            reason=reason,
            claimed_at=at if claimed else None,
        )
    )


async def _reason_of(session: AsyncSession, invoice: SupplierInvoice) -> Reason:
    held = bool(await open_holds(session, invoice.id))
    reason = rules.reason_of(invoice.status, invoice.approvals, is_held=held)
    if reason is None:
        raise NotWaiting(number=invoice.number)
    return reason


async def _check_next_step(session: AsyncSession, invoice: SupplierInvoice, reason: Reason, by: Principal) -> None:
    """See that nobody keeps others off what they may not decide themselves."""
    if reason not in rules.APPROVALS:
        return
    if not by.allows(APPROVE):
        raise NotAllowed(scope=APPROVE)
    if invoice.registered_by == by.id:
        raise OwnInvoice(number=invoice.number)
    if by.id in {approval.approved_by for approval in await approvals_of(session, invoice.id)}:
        raise SameApprover(number=invoice.number)


async def _check_target(session: AsyncSession, invoice: SupplierInvoice, reason: Reason, target: str) -> None:
    if reason not in rules.APPROVALS:
        return
    approved = {approval.approved_by for approval in await approvals_of(session, invoice.id)}
    if target in {invoice.registered_by, *approved}:
        raise MayNotDecide(number=invoice.number, holder=target)
