"""What a filter means in SQL.

PostgreSQL lets an index do what a policy stands beside only by leakproof operators, and those of NUMERIC, LIKE,
trigrams and arrays are not. So `gross_order` (a float made from `gross`) finds amounts before they are compared
exactly, numbers are found by character ranges, and words by an index-only scan over all of a tenant's texts, newest
first (`ix_supplier_invoice_search`). `pg_trgm` and text search, tried on PostgreSQL 18 with a GIN index each over 100,000
texts, were passed over for a scan of the table as long as the policy stood (168 to 272 ms, where the index alone
took 2 ms without it); a function that steps around the policy would use them, and let one mistake mix tenants. A table
of all ends of a number, which ranges of characters do find (3 ms), has 117 MB for 100,000 numbers, eight times
the texts, and leaves out names and orders.
The price: a word that is nowhere reads every text of the tenant. Among 100,000 invoices, on a machine with 2 busy
cores, every filter alone was answered in 15 to 125 ms, a word that is nowhere in 85 to 110 ms, alone in the
database or beside 19 tenants of 10,000.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, exists, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from services.billing.holds.queries import is_held
from services.billing.identifiers import normalise_number, normalise_tax_id
from services.billing.intake.models import ElectronicInvoice
from services.billing.invoices.filters import InvoiceFilter
from services.billing.invoices.models import RULES_ID, WAITING, SupplierInvoice
from services.billing.matching.models import InvoiceMatch
from services.billing.parties.models import Supplier
from services.billing.parties.queries import named_with, spellings

Condition = ColumnElement[bool]
NONE = "none"  # the verdict of what has none
_LAST_CHARACTER = "\U0010ffff"


def conditions_of(wanted: InvoiceFilter, today: date) -> list[Condition]:
    """Return what invoices of the selection fulfil, for `select(...).where(*conditions)`; `today` decides what is overdue."""
    return [
        *_of_columns(wanted),
        *_of_texts(wanted),
        *_of_days(wanted, today),
        *_of_amounts(wanted),
        *_of_others(wanted),
    ]


def _of_columns(wanted: InvoiceFilter) -> Iterator[Condition]:
    if wanted.status:
        yield SupplierInvoice.status.in_(wanted.status)
    for name in ("supplier_id", "currency", "origin"):
        if (value := getattr(wanted, name)) is not None:
            yield getattr(SupplierInvoice, name) == value
    if wanted.supplier_tax_id is not None:
        yield SupplierInvoice.supplier_tax_id == normalise_tax_id(wanted.supplier_tax_id)
    if wanted.credit_note is not None:
        yield SupplierInvoice.is_credit_note.is_(wanted.credit_note)
    if wanted.decided_by == "rule":
        yield SupplierInvoice.decided_by == RULES_ID
    elif wanted.decided_by == "person":
        yield SupplierInvoice.decided_by != RULES_ID


def _of_texts(wanted: InvoiceFilter) -> Iterator[Condition]:
    for word in (wanted.q or "").split():
        yield _names(word)
    if wanted.number is not None:
        begin = normalise_number(wanted.number)
        yield SupplierInvoice.number_key.bool_op("~>=~")(begin)  # by characters, whatever the database's locale
        yield SupplierInvoice.number_key.bool_op("~<~")(begin + _LAST_CHARACTER)
    if wanted.purchase_order is not None:
        key = select(func.billing.order_keys(wanted.purchase_order)).scalar_subquery()  # worked out once
        yield func.strpos(SupplierInvoice.search, key) > 0


def _names(word: str) -> Condition:
    """Return the condition that a word is in what the invoice itself says or in a name its supplier goes by."""
    said = [func.strpos(SupplierInvoice.search, folded) > 0 for folded in spellings(word)]
    return or_(*said, SupplierInvoice.supplier_id.in_(select(Supplier.id).where(named_with(word))))


def _of_days(wanted: InvoiceFilter, today: date) -> Iterator[Condition]:
    yield from _between(SupplierInvoice.issue_date, wanted.issued_from, wanted.issued_to)
    yield from _between(SupplierInvoice.due_date, wanted.due_from, wanted.due_to)
    if wanted.registered_from is not None:
        yield SupplierInvoice.registered_at >= _midnight(wanted.registered_from)
    if wanted.registered_to is not None and wanted.registered_to < date.max:
        yield SupplierInvoice.registered_at < _midnight(wanted.registered_to + timedelta(days=1))
    if wanted.overdue is not None:
        waits = SupplierInvoice.status.in_(WAITING)
        if wanted.overdue:
            yield waits
            yield SupplierInvoice.due_date < today
        else:
            yield or_(~waits, SupplierInvoice.due_date >= today)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _between(column: InstrumentedAttribute[date], begin: date | None, end: date | None) -> Iterator[Condition]:
    if begin is not None:
        yield column >= begin
    if end is not None:
        yield column <= end


def _of_amounts(wanted: InvoiceFilter) -> Iterator[Condition]:
    if wanted.gross_from is not None:
        yield SupplierInvoice.gross_order >= float(wanted.gross_from)
        yield SupplierInvoice.gross >= Decimal(wanted.gross_from)
    if wanted.gross_to is not None:
        yield SupplierInvoice.gross_order <= float(wanted.gross_to)
        yield SupplierInvoice.gross <= Decimal(wanted.gross_to)


def _of_others(wanted: InvoiceFilter) -> Iterator[Condition]:
    if wanted.hold:
        yield is_held(*wanted.hold)
    elif wanted.held is not None:
        yield is_held() if wanted.held else ~is_held()
    if wanted.match:
        yield _has_verdict(InvoiceMatch, wanted.match)
    if wanted.validation:
        yield _has_verdict(ElectronicInvoice, wanted.validation)


def _has_verdict(table: type[InvoiceMatch | ElectronicInvoice], verdicts: list[Any]) -> Condition:
    judged = exists().where(table.invoice_id == SupplierInvoice.id)
    named = [verdict for verdict in verdicts if verdict != NONE]
    either = [judged.where(table.verdict.in_(named))] if named else []
    return or_(*either, *([~judged] if NONE in verdicts else [])) if verdicts else literal(value=True)
