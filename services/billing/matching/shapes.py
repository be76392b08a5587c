"""What is compared, and what is found: invoice lines, order lines, receipts, findings. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from uuid import UUID

_MOST_DIGITS = 40
_NONE = Decimal(0)


class Verdict(StrEnum):
    """The weaker of two verdicts stands further down; a whole invoice has its weakest line's."""

    MATCHED_3WAY = "matched-3way"
    MATCHED_2WAY = "matched-2way"
    WITHIN_TOLERANCE = "within-tolerance"
    EXCEPTION = "exception"


_BY_WEAKNESS = list(Verdict)


class Deviation(StrEnum):
    UNKNOWN_ORDER = "unknown-order"
    OTHER_SUPPLIER = "other-supplier"
    ORDER_NOT_OPEN = "order-not-open"
    CURRENCY_MISMATCH = "currency-mismatch"
    NOT_ORDERED = "not-ordered"
    ITEM_MISMATCH = "item-mismatch"
    UNIT_MISMATCH = "unit-mismatch"
    INCOMPLETE_LINE = "incomplete-line"
    OVER_ORDERED = "over-ordered"
    NOT_RECEIVED = "not-received"
    OVER_RECEIVED = "over-received"
    OVER_CREDITED = "over-credited"
    PRICE_OVER = "price-over"
    PRICE_UNDER = "price-under"
    CHARGE_NOT_ORDERED = "charge-not-ordered"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far quantities and prices may be off: both limits hold; one that was not agreed does not count.

    With neither agreed nothing may be off. `amount` is money in the invoice's currency, per order line. `source` is
    `supplier`, or `tenant` with the version of the tenant's own, or `none`.
    """

    percent: Decimal | None = None
    amount: Decimal | None = None
    source: str = "none"
    version: int | None = None

    def allows(self, off: Fraction, base: Fraction, money: Fraction) -> bool:
        """Tell whether being `off` from `base`, which is worth `money`, is let pass."""
        if self.percent is None and self.amount is None:
            return off == 0
        by_percent = self.percent is None or abs(off) * 100 <= Fraction(self.percent) * abs(base)
        return by_percent and (self.amount is None or abs(money) <= Fraction(self.amount))


@dataclass(frozen=True, slots=True)
class Billed:
    """One line of an invoice. What it does not say is None; `quantity` is negative where it gives back.

    `charges` are the charges on the line (BT-141); `price` is per `price_base` of `price_unit`.
    """

    id: str
    description: str
    quantity: Decimal | None
    unit: str | None
    price: Decimal | None
    price_base: Decimal = Decimal(1)
    price_unit: str | None = None
    order_line: str | None = None
    buyer_item: str | None = None
    seller_item: str | None = None
    standard_item: str | None = None
    charges: Decimal = _NONE

    @property
    def is_usable(self) -> bool:
        """Tell whether it says how much it bills at which price, in numbers that can be kept exactly."""
        said = (self.quantity, self.price, self.price_base)
        return self.price_base > 0 and all(each is not None and _digits(each) <= _MOST_DIGITS for each in said)


def _digits(amount: Decimal) -> int:
    return len(format(amount, "f"))


@dataclass(frozen=True, slots=True)
class Received:
    """What came of an order line with one delivery."""

    receipt_id: UUID
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Ordered:
    """One line of an order that the invoice names. `receipts` are in the order they came; `billed` is T so far."""

    id: UUID
    order_number: str
    reference: str
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    currency: str
    is_open: bool = True
    receipt_required: bool = True
    buyer_item: str | None = None
    seller_item: str | None = None
    standard_item: str | None = None
    receipts: tuple[Received, ...] = ()
    billed: Decimal = _NONE

    @property
    def received(self) -> Decimal:
        return sum((each.quantity for each in self.receipts), _NONE)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is off. `by` is a quantity or an amount of money, as `reason` has it; None where it is neither."""

    reason: Deviation
    is_tolerated: bool = False
    by: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What a line bills of one order line. Variances are what is billed less what was agreed.

    `receipts` name how much of which delivery; `quantity_variance` is beyond what was ordered or received.
    """

    order_line_id: UUID
    order_number: str
    reference: str
    quantity: Decimal
    receipts: tuple[Received, ...]
    quantity_variance: Decimal
    price_variance: Decimal
    receipt_required: bool
    findings: tuple[Finding, ...]
    unit_price: Decimal

    @property
    def agreed(self) -> Fraction:
        """What the quantity costs by the order; what is given back counts, too."""
        return abs(Fraction(self.quantity) * Fraction(self.unit_price))


@dataclass(frozen=True, slots=True)
class LineOutcome:
    id: str
    parts: tuple[Part, ...] = ()
    own_findings: tuple[Finding, ...] = ()

    @property
    def findings(self) -> list[Finding]:
        return [*self.own_findings, *(finding for part in self.parts for finding in part.findings)]

    @property
    def verdict(self) -> Verdict:
        if any(not finding.is_tolerated for finding in self.findings):
            return Verdict.EXCEPTION
        if self.findings:
            return Verdict.WITHIN_TOLERANCE
        return Verdict.MATCHED_3WAY if all(part.receipt_required for part in self.parts) else Verdict.MATCHED_2WAY


@dataclass(frozen=True, slots=True)
class Outcome:
    lines: tuple[LineOutcome, ...]
    findings: tuple[Finding, ...] = ()
    tolerance: Tolerance = Tolerance()

    @property
    def verdict(self) -> Verdict:
        own = LineOutcome("", own_findings=self.findings).verdict
        return max(own, *(line.verdict for line in self.lines), key=_BY_WEAKNESS.index) if self.lines else own

    @property
    def reasons(self) -> list[Deviation]:
        """Return why it is an exception, in a stable order; empty when it is none."""
        all_of_them = [*self.findings, *(finding for line in self.lines for finding in line.findings)]
        told = {finding.reason for finding in all_of_them if not finding.is_tolerated}
        return [reason for reason in Deviation if reason in told]
