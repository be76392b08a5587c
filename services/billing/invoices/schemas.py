"""What comes in and goes out of supplier invoices. Amounts are decimal strings."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from services.billing.identifiers import OrderNumber, Reference, TaxId, Unit
from services.billing.invoices.models import InvoiceStatus, Origin, SupplierInvoice
from services.billing.invoices.rules import Line, Totals, VatAmount
from services.billing.reasons import Reason
from shared.money import CurrencyCode, DecimalString
from shared.schemas import Name, PlausibleDay, RequestModel, ResponseModel
from shared.validation import value_error

Rate = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,2}(\.[0-9]{1,3})?$")]


class SupplierIn(RequestModel):
    tax_id: TaxId
    name: Name


class LineIn(RequestModel):
    """One line. `order_line`, the items and `unit` (UN/ECE Rec 20) tell what it bills of the invoice's order."""

    description: Name
    quantity: DecimalString
    unit_price: DecimalString
    net: DecimalString
    vat_rate: Rate
    unit: Unit | None = None
    order_line: Reference | None = None
    buyer_item: Reference | None = None
    seller_item: Reference | None = None
    standard_item: Reference | None = None

    def as_line(self) -> Line:
        return Line(Decimal(self.quantity), Decimal(self.unit_price), Decimal(self.net), Decimal(self.vat_rate))


class VatIn(RequestModel):
    rate: Rate
    base: DecimalString
    tax: DecimalString

    def as_vat(self) -> VatAmount:
        return VatAmount(Decimal(self.rate), Decimal(self.base), Decimal(self.tax))


class TotalsIn(RequestModel):
    net: DecimalString
    tax: DecimalString
    gross: DecimalString

    def as_totals(self) -> Totals:
        return Totals(Decimal(self.net), Decimal(self.tax), Decimal(self.gross))


class InvoiceIn(RequestModel):
    """An invoice as received: its own figures, which must add up exactly."""

    supplier: SupplierIn
    number: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"[A-Za-z0-9]")
    ]
    issue_date: PlausibleDay
    due_date: PlausibleDay
    currency: CurrencyCode
    purchase_order: OrderNumber | None = None
    lines: Annotated[list[LineIn], Field(min_length=1, max_length=1000)]
    vat_breakdown: Annotated[list[VatIn], Field(min_length=1, max_length=20)]
    totals: TotalsIn

    @model_validator(mode="after")
    def _due_after_issue(self) -> Self:
        if self.due_date < self.issue_date:
            raise value_error(
                "due_before_issue", "due_date lies before issue_date", "due_date es anterior a issue_date"
            )
        if len({Decimal(vat.rate) for vat in self.vat_breakdown}) < len(self.vat_breakdown):
            raise value_error("rate_twice", "vat_breakdown names a rate twice", "vat_breakdown repite un tipo")
        return self


class RejectionIn(RequestModel):
    reason: Reason


class PaymentIn(RequestModel):
    paid_on: PlausibleDay
    reference: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=140)]


class InvoicingSupplierOut(ResponseModel):
    """The supplier as the invoice names it; `id` is the supplier on file."""

    id: UUID
    tax_id: str
    name: str


class TotalsOut(ResponseModel):
    net: Decimal
    tax: Decimal
    gross: Decimal


class InvoiceOut(ResponseModel):
    """An invoice on file. A credit note's amounts are as the document has them: what is given back is positive.

    `approvals_needed` is known from the first person's approval on. `prepared_by` are all who completed or changed the draft
    that it was.
    """

    id: UUID
    version: int
    status: InvoiceStatus
    origin: Origin
    is_credit_note: bool
    supplier: InvoicingSupplierOut
    number: str
    issue_date: date
    due_date: date
    currency: str
    purchase_order: str | None
    lines: list[dict[str, Any]]
    vat_breakdown: list[dict[str, Any]]
    totals: TotalsOut
    registered_at: datetime
    prepared_by: list[str]
    decision_reason: str | None
    approvals_given: int
    approvals_needed: int | None
    paid_on: date | None
    payment_reference: str | None


def present_invoice(invoice: SupplierInvoice) -> InvoiceOut:
    return InvoiceOut(
        id=invoice.id,
        version=invoice.version,
        status=InvoiceStatus(invoice.status),
        origin=Origin(invoice.origin),
        is_credit_note=invoice.is_credit_note,
        supplier=InvoicingSupplierOut(
            id=invoice.supplier_id, tax_id=invoice.supplier_tax_id, name=invoice.supplier_name
        ),
        number=invoice.number,
        issue_date=invoice.issue_date,
        due_date=invoice.due_date,
        currency=invoice.currency,
        purchase_order=invoice.purchase_order,
        lines=invoice.lines,
        vat_breakdown=invoice.vat_breakdown,
        totals=TotalsOut.model_validate(Totals(invoice.net, invoice.tax, invoice.gross).rounded(invoice.currency)),
        registered_at=invoice.registered_at,
        prepared_by=invoice.prepared_by,
        decision_reason=invoice.decision_reason,
        approvals_given=invoice.approvals,
        approvals_needed=invoice.approvals_needed,
        paid_on=invoice.paid_on,
        payment_reference=invoice.payment_reference,
    )
