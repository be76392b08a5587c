"""In which order invoices are told, and the cursor of a place in it.

Every order ends with the id, so that it is total, and with columns that never change: no row is told twice or left out
while others come in.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, UnaryExpression, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from services.billing.invoices.models import SupplierInvoice
from shared.pagination import InvalidCursor


class Sort(StrEnum):
    """By id (when registered), by due date, or by gross amount."""

    NEWEST = "newest"
    OLDEST = "oldest"
    DUE_FIRST = "due-first"
    DUE_LAST = "due-last"
    LARGEST = "largest"
    SMALLEST = "smallest"


@dataclass(frozen=True, slots=True)
class Order:
    """Columns, what their values are in a cursor, and which way."""

    columns: tuple[InstrumentedAttribute[Any], ...]
    place: Any
    descends: bool

    def clauses(self) -> list[UnaryExpression[Any]]:
        return [column.desc() if self.descends else column.asc() for column in self.columns]

    def beyond(self, place: Sequence[Any]) -> ColumnElement[bool]:
        """Return the condition of what comes after a place."""
        here = tuple_(*self.columns)
        there = tuple_(*(literal(value, column.type) for value, column in zip(place, self.columns, strict=True)))
        return here < there if self.descends else here > there


_ID = SupplierInvoice.id
_BY_ID = ((_ID,), tuple[UUID])
_BY_DUE = ((SupplierInvoice.due_date, _ID), tuple[date, UUID])
_BY_GROSS = ((SupplierInvoice.gross_order, _ID), tuple[float, UUID])

ORDERS = {
    Sort.NEWEST: Order(*_BY_ID, descends=True),
    Sort.OLDEST: Order(*_BY_ID, descends=False),
    Sort.DUE_FIRST: Order(*_BY_DUE, descends=False),
    Sort.DUE_LAST: Order(*_BY_DUE, descends=True),
    Sort.LARGEST: Order(*_BY_GROSS, descends=True),
    Sort.SMALLEST: Order(*_BY_GROSS, descends=False),
}


def encode_place(sort: Sort, place: Sequence[object]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode([sort, place])).decode().rstrip("=")


def decode_place(cursor: str, sort: Sort) -> Sequence[Any]:
    """Return where the page before ended. Raises InvalidCursor, also for a cursor of another order."""
    try:
        content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        made_by, place = msgspec.json.decode(content, type=tuple[Sort, ORDERS[sort].place])  # type: ignore[misc]
    except ValueError as error:  # msgspec's errors and base64's are
        raise InvalidCursor from error
    if made_by != sort:
        raise InvalidCursor
    return tuple(place)
