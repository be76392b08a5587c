"""Use cases of matching; the only writer of its tables.

Locks are taken as in orders/service.py: whoever counts what an order line was billed holds the line.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.holds.models import HoldKind
from services.billing.holds.queries import match_holds
from services.billing.holds.service import Found, raise_holds, release_matched
from services.billing.invoices.errors import IllegalTransition
from services.billing.invoices.models import InvoiceStatus, SupplierInvoice
from services.billing.matching import queries
from services.billing.matching.models import InvoiceMatch, MatchedQuantity
from services.billing.matching.reading import order_keys
from services.billing.matching.rules import match_invoice
from services.billing.matching.schemas import told_outcome
from services.billing.matching.shapes import Deviation, Finding, Ordered, Outcome, Verdict
from services.billing.orders.models import OrderLine, OrderStatus, PurchaseOrder
from services.billing.orders.queries import lock_lines
from shared import clock, outbox
from shared.auth import Principal
from shared.contracts import billing as events
from shared.events import Actor
from shared.jobs import create_job
from shared.work import Effort

PROCESS = "accounts-payable"
_MATCHER = "billing.matching"
REMATCH = "invoice-rematch"
_NONE = Decimal(0)


def _since(begun_at: datetime) -> Effort:
    """Return the effort of automation, which matches whoever asked for it."""
    return Effort(Actor(kind="automation", id=_MATCHER), begun_at, clock.now(), estimated=False)


@dataclass(frozen=True, slots=True)
class NewMatch:
    """What matching found in an invoice that is being filed; it is kept once the invoice is announced."""

    outcome: Outcome
    begun_at: datetime

    @property
    def doubts(self) -> Found:
        is_exception = self.outcome.verdict is Verdict.EXCEPTION
        return [(HoldKind.MATCH_EXCEPTION, _details(self.outcome))] if is_exception else []


class Affected(msgspec.Struct, frozen=True):
    """The invoices that a change is about: a supplier's, those that name some orders, or all."""

    supplier_id: UUID | None = None
    order_keys: list[str] | None = None


async def ask_rematch(session: AsyncSession, by: Principal, affected: Affected = Affected()) -> None:  # noqa: B008 - it is frozen
    """Let a job match the invoices once more that nobody has validated, if there are any: they may be many.

    Whoever asks holds what they are compared by, so that none comes in between which was compared by something else.
    """
    if await queries.open_after(session, UUID(int=0), affected.supplier_id, None, 1):
        await create_job(session, REMATCH, msgspec.to_builtins(affected), by)


async def rematch_behind(session: AsyncSession, invoice: SupplierInvoice) -> None:
    """Let those that wait behind an invoice which bills nothing any more be matched once more.

    A job does so: it takes the locks of orders, for which it is too late here, and so waits for what is being matched.
    """
    match = await queries.get_match(session, invoice.id)
    if match is not None and await queries.bills_something(session, invoice.id):
        by = Principal(_MATCHER, str(session.info["tenant"]), frozenset(), kind="automation")
        affected = Affected(order_keys=match.order_keys)
        await create_job(session, REMATCH, msgspec.to_builtins(affected), by)


async def lock_numbers(session: AsyncSession, keys: list[str]) -> None:
    """Wait for the invoices that are being matched with orders of these numbers."""
    await _lock_named(session, keys)


async def match_new(session: AsyncSession, invoice: SupplierInvoice) -> NewMatch | None:
    """Match an invoice that is being filed; None where it names no order, or the tenant keeps none here."""
    begun_at = clock.now()
    keys = order_keys(invoice.purchase_order)
    if not keys or not await queries.has_orders(session):
        return None
    orders, lines = await _lock_named(session, keys)
    return NewMatch(await _compare(session, invoice, orders, lines), begun_at)


async def keep_new(session: AsyncSession, invoice: SupplierInvoice, match: NewMatch) -> None:
    """Store what was found in an invoice that is on file by now."""
    await _keep(session, invoice, match.outcome, _since(match.begun_at))


async def match_on_demand(session: AsyncSession, invoice: SupplierInvoice) -> bool:
    """Match an invoice on file once more; tell whether that lets it go on. Raises IllegalTransition."""
    begun_at = clock.now()
    keys = order_keys(invoice.purchase_order)
    if not keys or not await queries.has_orders(session):
        return False
    orders, lines = await _lock_named(session, keys)
    await session.refresh(invoice, with_for_update={"key_share": True})
    if invoice.status != InvoiceStatus.REGISTERED:
        needed = InvoiceStatus.REGISTERED.value
        raise IllegalTransition(number=invoice.number, state=invoice.status, step="matching", needed=needed)
    return await _match(session, invoice, orders, lines, begun_at)


async def _lock_named(session: AsyncSession, keys: list[str]) -> tuple[dict[str, PurchaseOrder], Sequence[OrderLine]]:
    await queries.hold_numbers(session, keys)
    orders = await queries.orders_by_key(session, keys)
    return orders, await lock_lines(session, [order.id for order in orders.values()])


async def lock_together(session: AsyncSession, order: PurchaseOrder) -> Sequence[OrderLine]:
    """Lock the lines of an order and of all that open invoices name together with it; return them.

    All of them are locked at once, by id. Where an invoice came in the meantime that names others, the locks are given back
    and taken anew: to add some would be to wait out of turn.
    """
    while True:
        try:
            async with session.begin_nested():
                return await _lock_all(session, order)
        except _OthersNamedError:
            continue


class _OthersNamedError(Exception):
    """Not a failure: ends a savepoint, and the locks taken in it."""


async def _lock_all(session: AsyncSession, order: PurchaseOrder) -> Sequence[OrderLine]:
    together = await queries.named_with(session, order)
    lines = await lock_lines(session, together)
    if not await queries.named_with(session, order) <= together:
        raise _OthersNamedError
    return lines


async def match_again(session: AsyncSession, order: PurchaseOrder, *, waiting: bool) -> list[SupplierInvoice]:
    """Match the invoices that name an order whose lines or receipts have changed: all, or those that wait.

    Return those that it lets go on, locked. `lock_together` comes before, so that nobody else matches with it.
    """
    await session.flush()
    let_go = []
    for match, invoice in await queries.open_matches(session, order.number_key, waiting=waiting, lock=True):
        begun_at = clock.now()
        orders = await queries.orders_by_key(session, match.order_keys)
        lines = await lock_lines(session, [each.id for each in orders.values()])
        if await _match(session, invoice, orders, lines, begun_at):
            let_go.append(invoice)
    return let_go


async def _match(
    session: AsyncSession,
    invoice: SupplierInvoice,
    orders: dict[str, PurchaseOrder],
    lines: Sequence[OrderLine],
    begun_at: datetime,
) -> bool:
    outcome = await _compare(session, invoice, orders, lines)
    effort = _since(begun_at)
    await _keep(session, invoice, outcome, effort)
    return await _settle_holds(session, invoice.id, outcome, effort)


async def _compare(
    session: AsyncSession, invoice: SupplierInvoice, orders: dict[str, PurchaseOrder], lines: Sequence[OrderLine]
) -> Outcome:
    tolerance = await queries.tolerance_for(session, invoice.supplier_id, invoice.currency)
    tax_ids = await queries.tax_ids_of(session, invoice.supplier_id)
    usable, findings = _usable(invoice, orders, tax_ids)
    by_id = {order.id: order for order in usable}
    places = {order.id: place for place, order in enumerate(usable)}
    lines = sorted(
        (line for line in lines if line.order_id in by_id), key=lambda line: (places[line.order_id], line.position)
    )
    ids = [line.id for line in lines]
    receipts, billed = (
        await queries.receipts_by_line(session, ids),
        await queries.billed_before(session, invoice.id, ids),
    )
    ordered = [
        _ordered(line, by_id[line.order_id], receipts=tuple(receipts[line.id]), billed=billed.get(line.id, _NONE))
        for line in lines
    ]
    said = await queries.said_by(session, invoice)
    return match_invoice(said.lines, ordered, invoice.currency, tolerance, findings=findings, charges=said.charges)


def _usable(
    invoice: SupplierInvoice, orders: dict[str, PurchaseOrder], tax_ids: set[str]
) -> tuple[list[PurchaseOrder], list[Finding]]:
    """Return the orders that are the supplier's, in the order in which they are named, and what is wrong with others."""
    whole, *parts = order_keys(invoice.purchase_order)
    keys = [whole] if whole in orders or not parts else parts
    named = [orders[key] for key in keys if key in orders]
    usable = [order for order in named if order.supplier_tax_id in tax_ids]
    findings = [Finding(Deviation.UNKNOWN_ORDER)] if len(named) < len(keys) else []
    if len(usable) < len(named):
        findings.append(Finding(Deviation.OTHER_SUPPLIER))
    return usable, findings


def _ordered(line: OrderLine, order: PurchaseOrder, **counted: Any) -> Ordered:
    same = ("id", "reference", "description", "quantity", "unit", "unit_price", "receipt_required")
    items = ("buyer_item", "seller_item", "standard_item")
    return Ordered(
        **{name: getattr(line, name) for name in (*same, *items)},
        order_number=order.number,
        currency=order.currency,
        is_open=order.status == OrderStatus.OPEN,
        **counted,
    )


async def _keep(session: AsyncSession, invoice: SupplierInvoice, outcome: Outcome, effort: Effort) -> None:
    """Store what was found and what the invoice bills; an event tells a first or another result."""
    before = await queries.get_match(session, invoice.id)
    reasons = [reason.value for reason in outcome.reasons]
    if before is None or (before.verdict, before.outcome["reasons"]) != (outcome.verdict, reasons):
        event = events.InvoiceMatched(invoice_id=invoice.id, verdict=outcome.verdict, reasons=reasons)
        since = None if before is None else before.matched_at
        work = effort.on(PROCESS, "match-invoice", invoice.id, requested_at=since)
        outbox.record(session, event, subject=invoice.id, work=work)
    match = before or InvoiceMatch(invoice_id=invoice.id)
    match.order_keys = order_keys(invoice.purchase_order)
    match.verdict, match.outcome, match.matched_at = outcome.verdict, told_outcome(outcome), effort.finished_at
    session.add(match)
    await session.execute(delete(MatchedQuantity).where(MatchedQuantity.invoice_id == invoice.id))
    totals: dict[UUID, Decimal] = defaultdict(Decimal)
    for part in (part for line in outcome.lines for part in line.parts):
        totals[part.order_line_id] += part.quantity
    session.add_all(
        MatchedQuantity(invoice_id=invoice.id, order_line_id=line_id, quantity=quantity)
        for line_id, quantity in totals.items()
        if quantity
    )
    await session.flush()


async def _settle_holds(session: AsyncSession, invoice_id: UUID, outcome: Outcome, effort: Effort) -> bool:
    """Hold what became an exception, let go what matches by now, which is told. What a person let pass is not held again."""
    holds = await match_holds(session, invoice_id)
    waiting = [hold for hold in holds if hold.released_at is None]
    if outcome.verdict is not Verdict.EXCEPTION:
        for hold in waiting:
            await release_matched(session, hold, _MATCHER, effort)
        return bool(waiting)
    details = _details(outcome)
    if waiting:
        waiting[0].details = details
    elif not any(hold.details == details and hold.released_by != _MATCHER for hold in holds):
        raise_holds(session, invoice_id, [(HoldKind.MATCH_EXCEPTION, details)], effort.finished_at)
    return False


def _details(outcome: Outcome) -> dict[str, Any]:
    told = told_outcome(outcome)
    lines = [
        {"line": line["id"], "reason": finding["reason"], "by": finding["by"]}
        for line in told["lines"]
        for finding in (*line["findings"], *(each for part in line["parts"] for each in part["findings"]))
        if not finding["is_tolerated"]
    ]
    return {"reasons": told["reasons"], "lines": lines}
