"""What a step on an invoice or a draft has to know of the queue: whose turn it is, and since when they have been at it.

Whoever takes a step holds the lock of its row; so does whoever claims, returns or reassigns it.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.invoices.deciders import check_next_approval
from services.billing.invoices.models import InvoiceStatus, SupplierInvoice
from services.billing.work_queue import queries, rules
from services.billing.work_queue.errors import ClaimedByAnother
from services.billing.work_queue.models import Ending, WorkAssignment
from services.billing.work_queue.subjects import Subject, is_waiting, named
from shared import clock
from shared.auth import Principal
from shared.errors import DomainError
from shared.events import Outcome, Work
from shared.work import Effort


@dataclass(frozen=True, slots=True)
class Turn(Effort):
    """An effort at an item on which others may have worked before: what was counted once is not counted again.

    `held` is the open assignment, whoever has it, and `lapsed` one that is forgotten.
    """

    held: WorkAssignment | None
    lapsed: WorkAssignment | None
    worked_until: datetime | None

    def on(
        self,
        process: str,
        activity: str,
        case: UUID,
        *,
        outcome: Outcome = Outcome.DONE,
        requested_at: datetime | None = None,
    ) -> Work:
        """Return the work block; what waited waited on from where earlier work on it ended."""
        if requested_at is not None and self.worked_until is not None:
            requested_at = max(requested_at, self.worked_until)
        return Effort.on(self, process, activity, case, outcome=outcome, requested_at=requested_at)


@dataclass(frozen=True, slots=True)
class Share(Effort):
    """A part of the time that a person needed for a list of things, which they were done with at `until`.

    The list is measured as a whole: a claim on one of its things does not measure that part again.
    """

    until: datetime


async def take_turn(session: AsyncSession, subject: Subject, by: Principal, effort: Effort) -> Turn:
    """Return the effort of a person's or a machine's step. Raises ClaimedByAnother; a machine goes ahead."""
    turn = await turn_of(session, subject.id, by, effort)
    _keep_off(subject, turn.held, by)
    return turn


async def check_claim(session: AsyncSession, subject: Subject, by: Principal) -> None:
    """See that what is no step, and measured by none, is not done behind the holder's back. Raises ClaimedByAnother."""
    found = await queries.open_assignment(session, subject.id)
    held = found if found is not None and is_lasting(found, clock.now()) else None
    _keep_off(subject, held, by)


def _keep_off(subject: Subject, held: WorkAssignment | None, by: Principal) -> None:
    if by.kind == "person" and held is not None and held.assignee != by.id:
        raise ClaimedByAnother(**named(subject), holder=held.assignee)


async def turn_of(session: AsyncSession, invoice_id: UUID, by: Principal | None, effort: Effort) -> Turn:
    """Return the effort of a step that nobody's claim keeps off; it is observed where its actor holds a claim."""
    assignments = await queries.assignments_of(session, invoice_id)
    open_one = next((each for each in assignments if each.ended_at is None), None)
    is_held = open_one is not None and is_lasting(open_one, effort.finished_at)
    held, lapsed = (open_one, None) if is_held else (None, open_one)
    ends = [(each.worked_until, each.assignee) for each in assignments if each.worked_until is not None]
    released_at = await queries.last_release(session, invoice_id)
    worked_until = max((each for each in (*(end for end, _ in ends), released_at) if each is not None), default=None)
    if held is not None and held.claimed_at is not None and by is not None and held.assignee == by.id:
        if isinstance(effort, Share):
            effort = _part(held, held.claimed_at, effort)
        else:
            effort = await _observe(session, held, held.claimed_at, effort)
    else:
        own = [end for end, assignee in ends if by is not None and assignee == by.id]
        if lapsed is not None and lapsed.claimed_at is not None and by is not None and lapsed.assignee == by.id:
            own.append(lapsed.claimed_at)
        effort = replace(effort, started_at=max([effort.started_at, *own]))
    return Turn(effort.actor, effort.started_at, effort.finished_at, effort.estimated, held, lapsed, worked_until)


async def _observe(session: AsyncSession, held: WorkAssignment, claimed_at: datetime, effort: Effort) -> Effort:
    """Return the effort as the claim saw it, which ends here for the next step.

    A person does one thing at a time: what they finished elsewhere meanwhile was not work on this. While another step of
    the same person is under way, nobody can tell when this one began.
    """
    is_alone, last = await queries.is_alone(session, held.assignee), await queries.last_finish(session, held.assignee)
    told = None if effort.estimated else effort.started_at
    started = rules.begun_at(claimed_at, effort.finished_at, held.worked_until, held.effective_at, last, told)
    held.worked_until = max(effort.finished_at, held.worked_until or claimed_at)
    if not is_alone:
        return replace(effort, started_at=effort.finished_at, estimated=True)
    return replace(effort, started_at=started, estimated=False)


def _part(held: WorkAssignment, claimed_at: datetime, share: Share) -> Effort:
    """Return a share within a claim.

    What its holder does next began when they were done with the list; on this item, when the job had taken its step.
    """
    started = rules.begun_at(claimed_at, share.finished_at, held.worked_until, share.started_at)
    held.worked_until = max(min(share.until, share.finished_at), held.worked_until or claimed_at)
    held.effective_at = share.finished_at
    return replace(share, started_at=started)


def is_lasting(assignment: WorkAssignment, now: datetime) -> bool:
    end = rules.lapses_at(assignment.claimed_at, assignment.worked_until)
    return end is None or now < end


async def end_turn(session: AsyncSession, turn: Turn, subject: Subject, by: Principal) -> None:
    """End the claim on what is decided, or whose next step is not its holder's, and one that has lapsed.

    A machine may have taken the step ahead of who holds it: nobody keeps others off what they may not decide.
    """
    if turn.lapsed is not None:
        end(turn.lapsed, Ending.LAPSED, turn.finished_at)
    if turn.held is None:
        return
    is_holder = turn.held.assignee == by.id
    if not is_waiting(subject):
        end(turn.held, Ending.DECIDED if is_holder else Ending.OVERTAKEN, turn.finished_at)
    elif isinstance(subject, SupplierInvoice):
        if is_holder and not await _may_go_on(session, subject, by):
            end(turn.held, Ending.DECIDED, turn.finished_at)
        elif subject.status == InvoiceStatus.VALIDATED and turn.held.assignee in subject.hands:
            end(turn.held, Ending.OVERTAKEN, turn.finished_at)


async def _may_go_on(session: AsyncSession, invoice: SupplierInvoice, by: Principal) -> bool:
    """Tell whether the one who has just taken a step may take the next one."""
    if invoice.status == InvoiceStatus.REGISTERED:
        return True
    try:
        await check_next_approval(session, invoice, by)
    except DomainError:
        return False
    return True


async def overtake(session: AsyncSession, invoice: SupplierInvoice, at: datetime) -> None:
    """End whatever is open on an invoice about which a rule has decided."""
    if (held := await queries.open_assignment(session, invoice.id)) is not None:
        end(held, Ending.OVERTAKEN, at)


def end(assignment: WorkAssignment, ending: Ending, at: datetime, note: str | None = None) -> None:
    assignment.ended_at, assignment.ending, assignment.note = at, ending, note
