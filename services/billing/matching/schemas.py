"""What goes out of matching, and how it is kept."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from services.billing.matching.models import InvoiceMatch
from services.billing.matching.shapes import Deviation, Outcome, Verdict
from services.billing.matching.texts import TEXTS
from shared.errors import Language
from shared.schemas import ResponseModel


class DeviationOut(ResponseModel):
    """Something that is off. `by` is the quantity or the money, as `reason` has it; `text` is in the caller's language."""

    reason: Deviation
    is_tolerated: bool
    by: Decimal | None
    text: str


class MatchedReceiptOut(ResponseModel):
    receipt_id: UUID
    quantity: Decimal


class PartOut(ResponseModel):
    """What a line bills of one order line, of which deliveries, and how far quantity and price are off, apart.

    `unit_price` is the order's; `price_variance` is money: what is billed less what the same quantity costs by the order.
    """

    order_line_id: UUID
    order_number: str
    reference: str
    quantity: Decimal
    receipts: list[MatchedReceiptOut]
    quantity_variance: Decimal
    price_variance: Decimal
    unit_price: Decimal
    receipt_required: bool
    findings: list[DeviationOut]


class MatchedLineOut(ResponseModel):
    id: str
    verdict: Verdict
    parts: list[PartOut]
    findings: list[DeviationOut]


class ToleranceOut(ResponseModel):
    """How far it might be off: as agreed with the supplier, else by that version of the tenant's own."""

    source: Literal["supplier", "tenant", "none"]
    version: int | None
    percent: Decimal | None
    amount: Decimal | None


class MatchOut(ResponseModel):
    """What came of comparing an invoice with orders and receipts; `none`: it names no order, or none are kept here.

    `tolerance` is the one it was compared by; null where it was not compared, or before tolerances were told.
    """

    verdict: Verdict | Literal["none"]
    reasons: list[Deviation]
    findings: list[DeviationOut]
    lines: list[MatchedLineOut]
    tolerance: ToleranceOut | None
    matched_at: datetime | None


def told_outcome(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome as it is kept: without texts, which are told when it is read."""
    lines = [
        {"id": line.id, "verdict": line.verdict, "parts": line.parts, "findings": line.own_findings}
        for line in outcome.lines
    ]
    told: dict[str, Any] = msgspec.to_builtins(
        {
            "reasons": outcome.reasons,
            "findings": outcome.findings,
            "lines": lines,
            "tolerance": outcome.tolerance,
        }
    )
    return told


def present_match(match: InvoiceMatch | None, language: Language) -> MatchOut:
    if match is None:
        return MatchOut(verdict="none", reasons=[], findings=[], lines=[], tolerance=None, matched_at=None)
    kept = _with_texts(match.outcome, language)
    return MatchOut.model_validate(
        {"tolerance": None, **kept, "verdict": match.verdict, "matched_at": match.matched_at}
    )


def _with_texts(kept: Any, language: Language) -> Any:
    if isinstance(kept, list):
        return [_with_texts(each, language) for each in kept]
    if not isinstance(kept, dict):
        return kept
    texts = {"text": TEXTS[Deviation(kept["reason"])][language]} if "reason" in kept else {}
    return {name: _with_texts(each, language) for name, each in kept.items()} | texts
