"""Whether an invoice bills what was ordered and received, at the price agreed. Pure.

Quantities and money are exact: a price by the hundred is compared as a fraction and rounded to be shown alone. What an
order line has been billed is one sum, T; an invoice bills the part of it from T to T + quantity. Receipts are used up in
the order in which they came, so which receipt a part belongs to follows from T, and giving back is a smaller T.
"""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from uuid import UUID

from services.billing.matching.finder import Finder
from services.billing.matching.shapes import (
    Billed,
    Deviation,
    Finding,
    LineOutcome,
    Ordered,
    Outcome,
    Part,
    Received,
    Tolerance,
)

_SHOWN_DECIMALS = 6
_PRECISION = 100  # digits: products of two amounts of 40 digits, and room
_NONE = Decimal(0)


def match_invoice(
    billed: Sequence[Billed],
    ordered: Sequence[Ordered],
    currency: str,
    tolerance: Tolerance,
    *,
    findings: Iterable[Finding] = (),
    charges: Decimal = _NONE,
) -> Outcome:
    """Compare an invoice with the lines of the orders it names, in their order.

    `findings` are what is wrong with the reference itself; `charges` are the document's (BT-108).
    """
    with localcontext(prec=_PRECISION):
        return _match(billed, ordered, currency, tolerance, list(findings), charges)


def _match(
    billed: Sequence[Billed],
    ordered: Sequence[Ordered],
    currency: str,
    tolerance: Tolerance,
    findings: list[Finding],
    charges: Decimal,
) -> Outcome:
    finder, totals = Finder(ordered), {line.id: line.billed for line in ordered}
    lines = tuple(_match_line(line, finder, totals, currency, tolerance) for line in billed)
    agreed = sum((part.agreed for line in lines for part in line.parts), Fraction(0))
    own = [*findings, *([] if lines else [Finding(Deviation.INCOMPLETE_LINE)]), *_charged(charges, agreed, tolerance)]
    return Outcome(lines, tuple(own), tolerance)


def _charged(charges: Decimal, agreed: Fraction, tolerance: Tolerance) -> list[Finding]:
    if charges <= 0:
        return []
    money = Fraction(charges)
    return [Finding(Deviation.CHARGE_NOT_ORDERED, tolerance.allows(money, agreed, money), charges)]


def _match_line(
    line: Billed, finder: Finder, totals: dict[UUID, Decimal], currency: str, tolerance: Tolerance
) -> LineOutcome:
    if not line.is_usable or line.quantity is None:
        return LineOutcome(line.id, own_findings=(Finding(Deviation.INCOMPLETE_LINE),))
    candidates, reason = finder.find(line)
    if reason is not None:
        return LineOutcome(line.id, own_findings=(Finding(reason),))
    parts = tuple(
        _bill(line, each, quantity, totals, currency, tolerance)
        for each, quantity in _spread(line.quantity, candidates, totals)
    )
    agreed = sum((part.agreed for part in parts), Fraction(0))
    return LineOutcome(line.id, parts, tuple(_charged(line.charges, agreed, tolerance)))


def _spread(
    quantity: Decimal, candidates: Sequence[Ordered], totals: dict[UUID, Decimal]
) -> list[tuple[Ordered, Decimal]]:
    """Share a quantity out: what has come of each order line first, then what was ordered; the rest to the last one.

    What is given back is taken from the last order line first.
    """
    walk = candidates if quantity >= 0 else candidates[::-1]
    rest, shares = abs(quantity), dict.fromkeys((each.id for each in walk), _NONE)
    for limit_of in (_came, _was_ordered):
        for each in walk:
            billed = totals[each.id]
            room = limit_of(each) - billed if quantity >= 0 else billed
            share = min(rest, max(_NONE, room - shares[each.id]))
            shares[each.id] += share
            rest -= share
    shares[walk[-1].id] += rest
    return [(each, shares[each.id].copy_sign(quantity)) for each in walk if shares[each.id] or len(walk) == 1]


def _came(each: Ordered) -> Decimal:
    return min(each.quantity, each.received) if each.receipt_required else each.quantity


def _was_ordered(each: Ordered) -> Decimal:
    return each.quantity


def _bill(
    line: Billed, each: Ordered, quantity: Decimal, totals: dict[UUID, Decimal], currency: str, tolerance: Tolerance
) -> Part:
    before = totals[each.id]
    after = totals[each.id] = before + quantity
    findings = [Finding(Deviation.ORDER_NOT_OPEN)] if quantity > 0 and not each.is_open else []
    by_quantity = _quantity_findings(each, before, after, tolerance)
    agreed = Fraction(each.unit_price)
    off = Fraction(line.price or _NONE) / Fraction(line.price_base) - agreed
    if each.currency != currency:
        findings.append(Finding(Deviation.CURRENCY_MISMATCH))
        off = Fraction(0)
    money = off * Fraction(quantity)
    if off:
        reason = Deviation.PRICE_OVER if off > 0 else Deviation.PRICE_UNDER
        findings.append(Finding(reason, tolerance.allows(off, agreed, money), _shown(abs(money))))
    return Part(
        order_line_id=each.id,
        order_number=each.order_number,
        reference=each.reference,
        quantity=quantity,
        receipts=tuple(receipts_between(each.receipts, before, after)),
        quantity_variance=max((finding.by for finding in by_quantity if finding.by is not None), default=_NONE),
        price_variance=_shown(money),
        receipt_required=each.receipt_required,
        findings=(*findings, *by_quantity),
        unit_price=each.unit_price,
    )


def _quantity_findings(each: Ordered, before: Decimal, after: Decimal, tolerance: Tolerance) -> list[Finding]:
    """Return what is billed beyond order and receipts.

    The whole of what was billed is compared with the whole of what was ordered: a little too much in each of many
    invoices adds up.
    """
    if after < before:
        return [Finding(Deviation.OVER_CREDITED, by=min(-after, before - after))] if after < 0 else []
    findings = [_beyond(Deviation.OVER_ORDERED, each, each.quantity, before, after, tolerance)]
    if each.receipt_required:
        reason = Deviation.OVER_RECEIVED if each.received > before else Deviation.NOT_RECEIVED
        findings.append(_beyond(reason, each, each.received, before, after, tolerance))
    return [finding for finding in findings if finding is not None]


def _beyond(
    reason: Deviation, each: Ordered, limit: Decimal, before: Decimal, after: Decimal, tolerance: Tolerance
) -> Finding | None:
    excess = after - limit
    if excess <= 0 or after == before:
        return None
    money = Fraction(excess) * Fraction(each.unit_price)
    return Finding(reason, tolerance.allows(Fraction(excess), Fraction(limit), money), min(excess, after - before))


def receipts_between(receipts: Sequence[Received], before: Decimal, after: Decimal) -> list[Received]:
    """Return how much of which delivery lies between two sums of what was billed; negative when it is given back."""
    low, high = min(before, after), max(before, after)
    touched, start = [], _NONE
    for each in receipts:
        end = start + each.quantity
        overlap = min(high, end) - max(low, start)
        if overlap > 0:
            touched.append(Received(each.receipt_id, overlap.copy_sign(after - before)))
        start = end
    return touched


def _shown(money: Fraction) -> Decimal:
    """Return an amount with up to six decimals, to be read; what is decided is decided on the fraction."""
    with localcontext(prec=_PRECISION):
        amount = Decimal(money.numerator) / Decimal(money.denominator)
        return amount.quantize(Decimal(1).scaleb(-_SHOWN_DECIMALS), rounding=ROUND_HALF_UP)
