"""How likely it is that an invoice is another one sent again. Pure.

Signs add up to a score between 0 and 1; from THRESHOLD on an invoice waits for a person. The weights are set so that no
sign alone is enough but the number: `tests/billing/duplicates` measures recall and precision on invented pairs.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from services.billing.duplicates.numbers import Relation, relate

THRESHOLD = 0.5
WINDOW_DAYS = 60
_CLOSE_DAYS = 7


class Sign(StrEnum):
    NUMBER_WRITTEN_OTHERWISE = Relation.WRITTEN_OTHERWISE.value
    NUMBER_SHORTENED = Relation.SHORTENED.value
    NUMBER_MISTYPED = Relation.MISTYPED.value
    SAME_AMOUNT = "same-amount"
    SAME_DATE = "same-date"
    CLOSE_DATES = "close-dates"
    SAME_LINES = "same-lines"


_FOR: Mapping[Sign, float] = {
    Sign.NUMBER_WRITTEN_OTHERWISE: 0.6,
    Sign.NUMBER_SHORTENED: 0.35,
    Sign.NUMBER_MISTYPED: 0.25,
    Sign.SAME_AMOUNT: 0.3,
    Sign.SAME_DATE: 0.15,
    Sign.CLOSE_DATES: 0.1,
    Sign.SAME_LINES: 0.1,
}
_OTHER_AMOUNT, _FAR, _OTHER_LINES, _OTHER_REFERENCES = 0.05, 0.15, 0.1, 0.25
_IN_TURN = 0.05  # the next number on another day, or a week later to the day: what is delivered regularly looks so


@dataclass(frozen=True, slots=True)
class Told:
    """What is compared of an invoice. Keys are digests of its lines and references, None where it has none."""

    number: str
    issue_date: date
    gross: Decimal
    currency: str
    lines_key: str
    references_key: str | None


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much an invoice is like another, with the signs that speak for one invoice sent twice."""

    invoice_id: UUID
    number: str
    score: float
    signs: tuple[Sign, ...]


def told_likeness(likeness: Likeness) -> dict[str, Any]:
    return {
        "invoice_id": str(likeness.invoice_id),
        "number": likeness.number,
        "score": likeness.score,
        "signs": [sign.value for sign in likeness.signs],
    }


def key_of_lines(lines: Iterable[Mapping[str, Any]]) -> str:
    """Return a digest of what was sold: descriptions, quantities and nets in any order, however written."""
    said = sorted(
        (
            " ".join(str(line["description"]).casefold().split()),
            _plain(line["quantity"]),
            _plain(line["net"]),
        )
        for line in lines
    )
    return _digest(said)


def key_of_references(references: Sequence[str | None]) -> str | None:
    """Return a digest of the orders, deliveries and periods an invoice names; None when it names none."""
    return _digest(references) if any(references) else None


def _plain(amount: str | None) -> str:
    return "" if amount is None else format(Decimal(amount).normalize(), "f")


def _digest(value: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()[:32]


def compare(invoice: Told, other: Told, exempt: Collection[str] = ()) -> tuple[float, tuple[Sign, ...]]:
    """Return score and signs. An exempt sign says nothing about the supplier, for a reason that somebody gave."""
    relation, days = relate(invoice.number, other.number), abs((invoice.issue_date - other.issue_date).days)
    signs = [sign for sign in _signs(invoice, other, relation, days) if sign not in exempt]
    against = _against(invoice, other, relation, days)
    return round(min(1.0, max(0.0, sum(_FOR[sign] for sign in signs) - against)), 2), tuple(signs)


def _signs(invoice: Told, other: Told, relation: Relation, days: int) -> Iterable[Sign]:
    if relation in {Relation.WRITTEN_OTHERWISE, Relation.SHORTENED, Relation.MISTYPED}:
        yield Sign(relation.value)
    if _costs_the_same(invoice, other):
        yield Sign.SAME_AMOUNT
    if days <= _CLOSE_DAYS:
        yield Sign.CLOSE_DATES if days else Sign.SAME_DATE
    if invoice.lines_key == other.lines_key:
        yield Sign.SAME_LINES


def _against(invoice: Told, other: Told, relation: Relation, days: int) -> float:
    against = 0.0 if _costs_the_same(invoice, other) else _OTHER_AMOUNT
    if days > WINDOW_DAYS:
        against += _FAR
    if invoice.lines_key != other.lines_key:
        against += _OTHER_LINES
    if None not in {invoice.references_key, other.references_key} and invoice.references_key != other.references_key:
        against += _OTHER_REFERENCES
    if (relation is Relation.NEIGHBOURING and days) or (relation is Relation.UNRELATED and days == _CLOSE_DAYS):
        against += _IN_TURN
    return against


def _costs_the_same(invoice: Told, other: Told) -> bool:
    return (invoice.gross, invoice.currency) == (other.gross, other.currency)


def find_likenesses(invoice: Told, others: Iterable[tuple[UUID, Told]], exempt: Collection[str] = ()) -> list[Likeness]:
    """Return the invoices that this one may be a copy of, the likeliest first."""
    compared = ((invoice_id, other.number, *compare(invoice, other, exempt)) for invoice_id, other in others)
    likely = (Likeness(*each) for each in compared if each[2] >= THRESHOLD)
    return sorted(likely, key=lambda each: -each.score)
