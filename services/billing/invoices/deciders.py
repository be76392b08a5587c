"""Who may decide about an invoice: not those who brought it in, and whom the policy asks."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.decisions.queries import active_limits, last_decision
from services.billing.decisions.rules import HIGHEST_LEVEL, Outcome, approvals_needed, right_of
from services.billing.invoices import queries
from services.billing.invoices.errors import ApproverNotAPerson, NotAsked, OwnDraft, OwnInvoice, SameApprover
from services.billing.invoices.models import InvoiceStatus, SupplierInvoice
from shared.auth import NotAllowed, Principal

APPROVE = "billing.invoices:approve"


@dataclass(frozen=True, slots=True)
class NextApproval:
    """The approval that somebody is about to give: how many there are then, how many are needed.

    `answers`: whoever gives it holds what the policy asks for.
    """

    number: int
    needed: int
    answers: bool


def check_own(invoice: SupplierInvoice, by: Principal) -> None:
    """See that nobody decides about what their hands have shaped. Raises OwnInvoice, OwnDraft."""
    if invoice.registered_by == by.id:
        raise OwnInvoice(number=invoice.number)
    if by.id in invoice.prepared_by:
        raise OwnDraft(number=invoice.number)


async def check_next_approval(session: AsyncSession, invoice: SupplierInvoice, by: Principal) -> NextApproval:
    """Return the approval that the caller may give next.

    Raises NotAllowed, OwnInvoice, OwnDraft, SameApprover, ApproverNotAPerson where two people are needed or one is asked, and
    NotAsked where it is the last one and none of those who approve is whom the policy asks.
    """
    if not by.allows(APPROVE):
        raise NotAllowed(scope=APPROVE)
    check_own(invoice, by)
    given = await queries.approvals_of(session, invoice.id)
    if by.id in {approval.approved_by for approval in given}:
        raise SameApprover(number=invoice.number)
    limits = (await active_limits(session)).limits
    # What was asked for with the first approval stays asked for, whatever the limits have become.
    needed = max(invoice.approvals_needed or 0, approvals_needed(limits, invoice.gross, invoice.currency))
    if needed > 1 and by.kind != "person":
        raise ApproverNotAPerson(number=invoice.number)
    gap = await _find_gap(session, invoice, by)
    if gap is not None and len(given) + 1 >= needed and not any(approval.answers for approval in given):
        raise gap
    return NextApproval(len(given) + 1, needed, answers=gap is None)


async def check_rejection(session: AsyncSession, invoice: SupplierInvoice, by: Principal) -> None:
    """See that the caller may refuse the invoice; what is held may be refused by whoever looks at it.

    Raises OwnInvoice, OwnDraft, ApproverNotAPerson, NotAsked.
    """
    check_own(invoice, by)
    gap = await _find_gap(session, invoice, by) if invoice.status == InvoiceStatus.VALIDATED else None
    if gap is not None:
        raise gap


def is_asked(asked: Outcome, by: Principal) -> bool:
    """Tell whether somebody is one of those to whom a rule puts its question."""
    role, levels = asked.role, range(asked.level or 1, HIGHEST_LEVEL + 1)
    return by.kind == "person" and role is not None and any(by.allows(right_of(role, level)) for level in levels)


async def _find_gap(session: AsyncSession, invoice: SupplierInvoice, by: Principal) -> NotAsked | None:
    """Return what the caller lacks to be one whom the policy asks; None also where it asks nobody by a role.

    A question is put to people: a machine, whose role grants all of a service, answers none. Raises ApproverNotAPerson.
    """
    last = await last_decision(session, invoice.id)
    if last is None or last.outcome.role is None:
        return None
    role, level = last.outcome.role, last.outcome.level or 1
    if by.kind != "person":
        raise ApproverNotAPerson(number=invoice.number)
    if is_asked(last.outcome, by):
        return None
    return NotAsked(number=invoice.number, role=role, level=level, scope=right_of(role, level))
