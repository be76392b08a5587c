"""The tables: their columns, and the rows that an invoice gives. Pure.

A cell's type says what it is: text, number, day, moment in UTC, or nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from services.billing.exports.schemas import Rows
from services.billing.invoices.listing import decider
from services.billing.invoices.models import WAITING
from services.billing.invoices.rules import Totals, is_overdue

Cell = str | int | Decimal | date | datetime | None
Cells = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """`column` names what of the document is read, as `parts`; None: a row per invoice.

    `rows` takes an invoice as `listing.read_rows` reads it, and the day.
    """

    header: tuple[str, ...]
    column: str | None
    rows: Callable[[Any, date], Iterator[Cells]]


_INVOICE = (
    "invoice_id", "supplier_id", "supplier_tax_id", "supplier_name", "number", "issue_date", "currency",
    "is_credit_note", "status",
)  # fmt: skip


def _begin(row: Any) -> Cells:
    return (
        str(row.id), str(row.supplier_id), row.supplier_tax_id, row.supplier_name, row.number, row.issue_date,
        row.currency, "true" if row.is_credit_note else "false", row.status,
    )  # fmt: skip


def _of_invoice(row: Any, today: date) -> Iterator[Cells]:
    totals = Totals(row.net, row.tax, row.gross).rounded(row.currency)
    yield (
        *_begin(row),
        row.due_date,
        "true" if is_overdue(row.due_date, today, waits=row.status in WAITING) else "false",
        totals.net,
        totals.tax,
        totals.gross,
        row.origin,
        row.line_count,
        row.purchase_order,
        " ".join(row.open_holds),
        row.match,
        row.validation,
        row.registered_at,
        row.approvals,
        row.approvals_needed,
        decider(row.decided_by),
        row.decision_reason,
        row.paid_on,
        row.payment_reference,
    )


_OF_INVOICE = (
    "due_date", "is_overdue", "net", "tax", "gross", "origin", "line_count", "purchase_order", "open_holds", "match",
    "validation", "registered_at", "approvals_given", "approvals_needed", "decided_by", "decision_reason", "paid_on",
    "payment_reference",
)  # fmt: skip
_FIGURES = ("quantity", "unit_price", "net", "vat_rate")
_TEXTS = ("description", "unit", "order_line", "buyer_item", "seller_item", "standard_item")


def _of_lines(row: Any, _today: date) -> Iterator[Cells]:
    begin = _begin(row)
    for number, line in enumerate(row.parts, 1):
        texts, figures = (line.get(name) for name in _TEXTS), (_figure(line.get(name)) for name in _FIGURES)
        yield (*begin, row.purchase_order, number, *texts, *figures)


def _of_rates(row: Any, _today: date) -> Iterator[Cells]:
    begin = _begin(row)
    for part in row.parts:
        yield (*begin, part.get("category"), *(_figure(part.get(name)) for name in ("rate", "base", "tax")))


def _figure(said: str | None) -> Decimal | None:
    return None if said is None else Decimal(said)


TABLES: Mapping[Rows, Table] = {
    "invoices": Table((*_INVOICE, *_OF_INVOICE), None, _of_invoice),
    "lines": Table((*_INVOICE, "purchase_order", "line", *_TEXTS, *_FIGURES), "lines", _of_lines),
    "vat-rates": Table((*_INVOICE, "category", "rate", "base", "tax"), "vat_breakdown", _of_rates),
}
