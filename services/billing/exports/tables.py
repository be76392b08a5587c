"""The tables: their columns, and the rows that an invoice gives. Pure.

A cell's type says what it is: text, number, day, moment in UTC, or nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from services.billing.exports.schemas import Rows
from services.billing.invoices.listing import InvoiceListedOut

Cell = str | int | Decimal | date | datetime | None
Part = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Exported:
    """An invoice as the list has it, and of its document what the table needs."""

    invoice: InvoiceListedOut
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class Table:
    """`column` names what of the document is read; None: a row per invoice."""

    header: tuple[str, ...]
    column: str | None
    rows: Callable[[Exported], Iterator[tuple[Cell, ...]]]


_INVOICE = (
    "invoice_id", "supplier_id", "supplier_tax_id", "supplier_name", "number", "issue_date", "currency",
    "is_credit_note", "status",
)  # fmt: skip


def _begin(invoice: InvoiceListedOut) -> tuple[Cell, ...]:
    supplier = invoice.supplier
    credit_note = _flag(invoice.is_credit_note)
    return (
        str(invoice.id), str(supplier.id), supplier.tax_id, supplier.name, invoice.number, invoice.issue_date,
        invoice.currency, credit_note, invoice.status.value,
    )  # fmt: skip


def _flag(is_so: bool) -> str:
    return "true" if is_so else "false"


def _of_invoice(row: Exported) -> Iterator[tuple[Cell, ...]]:
    invoice, totals = row.invoice, row.invoice.totals
    yield (
        *_begin(invoice),
        invoice.due_date,
        invoice.due_state,
        totals.net,
        totals.tax,
        totals.gross,
        invoice.origin.value,
        invoice.line_count,
        invoice.purchase_order,
        " ".join(invoice.open_holds),
        str(invoice.match),
        invoice.validation,
        invoice.registered_at,
        invoice.approvals_given,
        invoice.approvals_needed,
        invoice.decided_by,
        invoice.decision_reason,
        invoice.paid_on,
        invoice.payment_reference,
    )


_OF_INVOICE = (
    "due_date", "due_state", "net", "tax", "gross", "origin", "line_count", "purchase_order", "open_holds", "match",
    "validation", "registered_at", "approvals_given", "approvals_needed", "decided_by", "decision_reason", "paid_on",
    "payment_reference",
)  # fmt: skip
_FIGURES = ("quantity", "unit_price", "net", "vat_rate")
_TEXTS = ("description", "unit", "order_line", "buyer_item", "seller_item", "standard_item")


def _of_lines(row: Exported) -> Iterator[tuple[Cell, ...]]:
    begin = _begin(row.invoice)
    for number, line in enumerate(row.parts, 1):
        texts, figures = (line.get(name) for name in _TEXTS), (_figure(line.get(name)) for name in _FIGURES)
        yield (*begin, row.invoice.purchase_order, number, *texts, *figures)


def _of_rates(row: Exported) -> Iterator[tuple[Cell, ...]]:
    begin = _begin(row.invoice)
    for part in row.parts:
        yield (*begin, part.get("category"), *(_figure(part.get(name)) for name in ("rate", "base", "tax")))


def _figure(said: str | None) -> Decimal | None:
    return None if said is None else Decimal(said)


TABLES: Mapping[Rows, Table] = {
    "invoices": Table((*_INVOICE, *_OF_INVOICE), None, _of_invoice),
    "lines": Table((*_INVOICE, "purchase_order", "line", *_TEXTS, *_FIGURES), "lines", _of_lines),
    "vat-rates": Table((*_INVOICE, "category", "rate", "base", "tax"), "vat_breakdown", _of_rates),
}
