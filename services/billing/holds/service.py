"""Use cases of holds; the only writer of their table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.duplicates import service as duplicates
from services.billing.holds import queries
from services.billing.holds.errors import AccountNotVerified, HoldReleased, UnknownSign
from services.billing.holds.models import HoldKind, HoldScope, InvoiceHold
from services.billing.holds.schemas import ReleaseIn
from services.billing.invoices.errors import IllegalTransition
from services.billing.invoices.models import InvoiceStatus, SupplierInvoice
from services.billing.work_queue.turns import take_turn, turn_of
from shared import outbox
from shared.auth import Principal
from shared.contracts import billing as events
from shared.ids import uuid7
from shared.work import Effort

PROCESS = "accounts-payable"

Found = list[tuple[HoldKind, Mapping[str, Any]]]


def raise_holds(session: AsyncSession, invoice_id: UUID, found: Found, at: datetime) -> None:
    """Let the invoice wait for a person, once for each thing found."""
    session.add_all(
        InvoiceHold(id=uuid7(), invoice_id=invoice_id, kind=kind, details=dict(details), raised_at=at)
        for kind, details in found
    )


async def release_hold(
    session: AsyncSession, invoice: SupplierInvoice, hold: InvoiceHold, why: ReleaseIn, by: Principal, effort: Effort
) -> None:
    """Let the invoice go on as far as this hold is concerned.

    Raises HoldReleased, AccountNotVerified, UnknownSign for a sign that the hold was not raised for, ClaimedByAnother.
    """
    if hold.released_at is not None:
        raise HoldReleased(released_at=hold.released_at.isoformat())
    if invoice.status != InvoiceStatus.REGISTERED:
        needed = InvoiceStatus.REGISTERED.value
        raise IllegalTransition(number=invoice.number, state=invoice.status, step="release", needed=needed)
    if hold.kind == HoldKind.ACCOUNT_CHANGED:
        raise AccountNotVerified(verification=hold.details["verification"])
    turn = await take_turn(session, invoice, by, effort)
    if why.sign is not None:
        signs = sorted({sign for each in hold.details.get("likenesses", ()) for sign in each["signs"]})
        if why.sign not in signs:
            raise UnknownSign(sign=why.sign, signs=signs)
        await duplicates.exempt(session, invoice.supplier_id, why.sign, why.reason, by, effort.finished_at)
    _release(session, hold, why.reason, why.scope, by.id, turn)


async def release_account(
    session: AsyncSession, account_id: UUID, by: Principal, effort: Effort
) -> Sequence[SupplierInvoice]:
    """Release what waited for this account, which has been verified; return the invoices, locked."""
    waiting = await queries.lock_waiting(session, account_id)  # before their holds, as whoever releases one does
    followed = replace(effort, started_at=effort.finished_at)  # what it took is the verification's work
    for hold in await queries.open_for_account(session, account_id, waiting):
        turn = await turn_of(session, hold.invoice_id, by, followed)
        _release(session, hold, "account verified", HoldScope.SUPPLIER, by.id, turn)
    return waiting


async def release_matched(session: AsyncSession, hold: InvoiceHold, by: str, effort: Effort) -> None:
    """Let the invoice go on that matches by now; its hold is locked."""
    turn = await turn_of(session, hold.invoice_id, None, effort)
    _release(session, hold, "matches by now", HoldScope.INVOICE, by, turn)


def _release(session: AsyncSession, hold: InvoiceHold, reason: str, scope: HoldScope, by: str, effort: Effort) -> None:
    hold.released_at, hold.released_by, hold.reason, hold.scope = effort.finished_at, by, reason, scope
    work = effort.on(PROCESS, "resolve-exception", hold.invoice_id, requested_at=hold.raised_at)
    event = events.InvoiceReleased(invoice_id=hold.invoice_id, hold=hold.kind, scope=scope)
    outbox.record(session, event, subject=hold.invoice_id, work=work)
