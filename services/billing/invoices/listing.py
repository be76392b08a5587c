"""The list of invoices: what a row says, and the statement that reads rows."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BeforeValidator, Field, model_validator
from sqlalchemy import ColumnElement, Select, String, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.holds.models import HoldKind, InvoiceHold
from services.billing.intake.models import ElectronicInvoice
from services.billing.invoices.filters import InvoiceFilter, ValidationVerdict, currency_missing
from services.billing.invoices.models import HELD_WHILE, RULES_ID, WAITING, InvoiceStatus, Origin, SupplierInvoice
from services.billing.invoices.orders import ORDERS, Sort, decode_place, encode_place
from services.billing.invoices.rules import Totals, is_overdue
from services.billing.invoices.schemas import InvoicingSupplierOut, TotalsOut
from services.billing.invoices.selection import NONE, conditions_of
from services.billing.matching.models import InvoiceMatch
from services.billing.matching.shapes import Verdict as MatchVerdict
from shared.pagination import DEFAULT_LIMIT, MAX_LIMIT, Page
from shared.schemas import ResponseModel, whole_number

_LONGEST_CURSOR = 200


class SortedFilter(InvoiceFilter):
    """A selection and its order."""

    sort: Sort = Sort.NEWEST

    @model_validator(mode="after")
    def _amounts_of_one_currency(self) -> Self:
        if self.currency is None and self.sort in {Sort.LARGEST, Sort.SMALLEST}:
            raise currency_missing(f"sort={self.sort}")
        return self


class InvoicesQuery(SortedFilter):
    """A page of a selection."""

    cursor: Annotated[
        str | None,
        Field(max_length=_LONGEST_CURSOR, description="`next_cursor` of the page before, of the same `sort`"),
    ] = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT), BeforeValidator(whole_number)] = DEFAULT_LIMIT


class InvoiceListedOut(ResponseModel):
    """An invoice in a list: what it is, what it waits for and what became of it; its lines stand in the invoice.

    `is_overdue` is by the day in UTC. `match` and `validation` are `none` where nothing was compared or judged.
    """

    id: UUID
    version: int
    status: InvoiceStatus
    status_since: datetime
    origin: Origin
    is_credit_note: bool
    supplier: InvoicingSupplierOut
    number: str
    issue_date: date
    due_date: date
    is_overdue: bool
    currency: str
    totals: TotalsOut
    line_count: int
    purchase_order: str | None
    open_holds: list[HoldKind]
    match: MatchVerdict | Literal["none"]
    validation: ValidationVerdict
    registered_at: datetime
    approvals_given: int
    approvals_needed: int | None
    decided_by: Literal["rule", "person"] | None
    decision_reason: str | None
    paid_on: date | None
    payment_reference: str | None


COLUMNS = (
    "id", "version", "status", "status_since", "origin", "is_credit_note", "supplier_id", "supplier_tax_id",
    "supplier_name", "number", "issue_date", "due_date", "currency", "net", "tax", "gross", "purchase_order",
    "registered_at", "approvals", "approvals_needed", "decided_by", "decision_reason", "paid_on", "payment_reference",
    "gross_order",
)  # fmt: skip


def read_rows(*more: ColumnElement[Any]) -> Select[Any]:
    """Return the statement that reads what a row of the list says, and `more`; filters and order are the caller's."""
    holds = (
        select(func.array_agg(aggregate_order_by(InvoiceHold.kind.distinct(), InvoiceHold.kind)))
        .where(
            InvoiceHold.invoice_id == SupplierInvoice.id,
            InvoiceHold.released_at.is_(None),
            SupplierInvoice.status == HELD_WHILE,
        )
        .scalar_subquery()
    )
    return select(
        *(getattr(SupplierInvoice, name) for name in COLUMNS),
        func.jsonb_array_length(SupplierInvoice.lines).label("line_count"),
        func.coalesce(holds, cast(literal([], ARRAY(String)), ARRAY(String))).label("open_holds"),
        _verdict(InvoiceMatch).label("match"),
        _verdict(ElectronicInvoice).label("validation"),
        *more,
    )


def _verdict(table: type[InvoiceMatch | ElectronicInvoice]) -> ColumnElement[str]:
    verdict = select(table.verdict).where(table.invoice_id == SupplierInvoice.id).scalar_subquery()
    return func.coalesce(verdict, NONE)


async def list_invoices(session: AsyncSession, asked: InvoicesQuery, today: date) -> Page[InvoiceListedOut]:
    """Return one page, in one statement. Raises InvalidCursor."""
    order = ORDERS[asked.sort]
    chosen = select(SupplierInvoice.id).where(*conditions_of(asked, today))
    if asked.cursor is not None:
        chosen = chosen.where(order.beyond(decode_place(asked.cursor, asked.sort)))
    # Chosen first, by an index that has all it takes; what a row says is read for those that are shown.
    ids = chosen.order_by(*order.clauses()).limit(asked.limit + 1).subquery()
    query = read_rows().join(ids, ids.c.id == SupplierInvoice.id).order_by(*order.clauses())
    rows = (await session.execute(query)).all()
    return Page(
        items=[present_row(row, today) for row in rows[: asked.limit]],
        next_cursor=_cursor_after(rows, asked) if len(rows) > asked.limit else None,
    )


def _cursor_after(rows: Sequence[Any], asked: InvoicesQuery) -> str:
    last = rows[asked.limit - 1]
    return encode_place(asked.sort, [getattr(last, column.key) for column in ORDERS[asked.sort].columns])


def present_row(row: Any, today: date) -> InvoiceListedOut:
    totals = Totals(row.net, row.tax, row.gross).rounded(row.currency)
    status = InvoiceStatus(row.status)
    return InvoiceListedOut(
        id=row.id,
        version=row.version,
        status=status,
        status_since=row.status_since,
        origin=row.origin,
        is_credit_note=row.is_credit_note,
        supplier=InvoicingSupplierOut(id=row.supplier_id, tax_id=row.supplier_tax_id, name=row.supplier_name),
        number=row.number,
        issue_date=row.issue_date,
        due_date=row.due_date,
        is_overdue=is_overdue(row.due_date, today, waits=status in WAITING),
        currency=row.currency,
        totals=TotalsOut.model_validate(totals),
        line_count=row.line_count,
        purchase_order=row.purchase_order,
        open_holds=row.open_holds,
        match=row.match,
        validation=row.validation,
        registered_at=row.registered_at,
        approvals_given=row.approvals,
        approvals_needed=row.approvals_needed,
        decided_by=decider(row.decided_by),
        decision_reason=row.decision_reason,
        paid_on=row.paid_on,
        payment_reference=row.payment_reference,
    )


def decider(decided_by: str | None) -> Literal["rule", "person"] | None:
    if decided_by is None:
        return None
    return "rule" if decided_by == RULES_ID else "person"
