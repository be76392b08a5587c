"""The semantic model of EN 16931-1: what an invoice says, whatever syntax says it.

Nothing is required here: what a document leaves out is the rules' business, not the reader's. Amounts are as the
document has them and are never computed. Shapes used in several places (address, contact, period, allowance or charge)
are numbered where they are used.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated

import msgspec

from services.billing.einvoices.terms import Term


class Shape(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A group of terms."""


class Identifier(Shape, frozen=True):
    """An identifier; `scheme` says who gave it (ISO 6523, UNTDID 1153 or 7143 by the term), `-1` and `-2` of its number."""

    value: str
    scheme: str | None = None
    version: str | None = None


class Address(Shape, frozen=True):
    line_1: str | None = None
    line_2: str | None = None
    line_3: str | None = None
    city: str | None = None
    post_code: str | None = None
    subdivision: str | None = None
    country: str | None = None


class Contact(Shape, frozen=True):
    name: str | None = None
    telephone: str | None = None
    email: str | None = None


class Period(Shape, frozen=True):
    start: date | None = None
    end: date | None = None


class Adjustment(Shape, frozen=True):
    """An allowance or a charge; the VAT of one on a line is the line's."""

    amount: Decimal | None = None
    base_amount: Decimal | None = None
    percentage: Decimal | None = None
    vat_category: str | None = None
    vat_rate: Decimal | None = None
    reason: str | None = None
    reason_code: str | None = None


class LineAdjustment(Shape, frozen=True):
    amount: Decimal | None = None
    base_amount: Decimal | None = None
    percentage: Decimal | None = None
    reason: str | None = None
    reason_code: str | None = None


class Note(Shape, frozen=True):
    subject_code: Annotated[str | None, Term("BT-21")] = None
    text: Annotated[str | None, Term("BT-22")] = None


class PrecedingInvoice(Shape, frozen=True):
    number: Annotated[str | None, Term("BT-25")] = None
    issue_date: Annotated[date | None, Term("BT-26")] = None


class Seller(Shape, frozen=True):
    name: Annotated[str | None, Term("BT-27")] = None
    trading_name: Annotated[str | None, Term("BT-28")] = None
    identifiers: Annotated[tuple[Identifier, ...], Term("BT-29")] = ()
    legal_registration: Annotated[Identifier | None, Term("BT-30")] = None
    vat_identifier: Annotated[str | None, Term("BT-31")] = None
    tax_registration: Annotated[str | None, Term("BT-32")] = None
    legal_information: Annotated[str | None, Term("BT-33")] = None
    electronic_address: Annotated[Identifier | None, Term("BT-34")] = None
    address: Annotated[Address | None, Term("BG-5", "BT-35 BT-36 BT-162 BT-37 BT-38 BT-39 BT-40")] = None
    contact: Annotated[Contact | None, Term("BG-6", "BT-41 BT-42 BT-43")] = None


class Buyer(Shape, frozen=True):
    name: Annotated[str | None, Term("BT-44")] = None
    trading_name: Annotated[str | None, Term("BT-45")] = None
    identifier: Annotated[Identifier | None, Term("BT-46")] = None
    legal_registration: Annotated[Identifier | None, Term("BT-47")] = None
    vat_identifier: Annotated[str | None, Term("BT-48")] = None
    electronic_address: Annotated[Identifier | None, Term("BT-49")] = None
    address: Annotated[Address | None, Term("BG-8", "BT-50 BT-51 BT-163 BT-52 BT-53 BT-54 BT-55")] = None
    contact: Annotated[Contact | None, Term("BG-9", "BT-56 BT-57 BT-58")] = None


class Payee(Shape, frozen=True):
    name: Annotated[str | None, Term("BT-59")] = None
    identifier: Annotated[Identifier | None, Term("BT-60")] = None
    legal_registration: Annotated[Identifier | None, Term("BT-61")] = None


class TaxRepresentative(Shape, frozen=True):
    name: Annotated[str | None, Term("BT-62")] = None
    vat_identifier: Annotated[str | None, Term("BT-63")] = None
    address: Annotated[Address | None, Term("BG-12", "BT-64 BT-65 BT-164 BT-66 BT-67 BT-68 BT-69")] = None


class Delivery(Shape, frozen=True):
    name: Annotated[str | None, Term("BT-70")] = None
    location: Annotated[Identifier | None, Term("BT-71")] = None
    delivered_on: Annotated[date | None, Term("BT-72")] = None
    address: Annotated[Address | None, Term("BG-15", "BT-75 BT-76 BT-165 BT-77 BT-78 BT-79 BT-80")] = None


class CreditTransfer(Shape, frozen=True):
    account: Annotated[str | None, Term("BT-84")] = None
    account_name: Annotated[str | None, Term("BT-85")] = None
    provider: Annotated[str | None, Term("BT-86")] = None


class Card(Shape, frozen=True):
    number: Annotated[str | None, Term("BT-87")] = None
    holder: Annotated[str | None, Term("BT-88")] = None


class PaymentMeans(Shape, frozen=True):
    """One way to pay. Both syntaxes repeat it for each account."""

    code: Annotated[str | None, Term("BT-81")] = None
    text: Annotated[str | None, Term("BT-82")] = None
    credit_transfer: Annotated[CreditTransfer | None, Term("BG-17")] = None
    card: Annotated[Card | None, Term("BG-18")] = None
    debited_account: Annotated[str | None, Term("BT-91")] = None


class Totals(Shape, frozen=True):
    lines: Annotated[Decimal | None, Term("BT-106")] = None
    allowances: Annotated[Decimal | None, Term("BT-107")] = None
    charges: Annotated[Decimal | None, Term("BT-108")] = None
    without_vat: Annotated[Decimal | None, Term("BT-109")] = None
    vat: Annotated[Decimal | None, Term("BT-110")] = None
    vat_in_tax_currency: Annotated[Decimal | None, Term("BT-111")] = None
    with_vat: Annotated[Decimal | None, Term("BT-112")] = None
    paid: Annotated[Decimal | None, Term("BT-113")] = None
    rounding: Annotated[Decimal | None, Term("BT-114")] = None
    due: Annotated[Decimal | None, Term("BT-115")] = None


class VatPart(Shape, frozen=True):
    base: Annotated[Decimal | None, Term("BT-116")] = None
    tax: Annotated[Decimal | None, Term("BT-117")] = None
    category: Annotated[str | None, Term("BT-118")] = None
    rate: Annotated[Decimal | None, Term("BT-119")] = None
    exemption_reason: Annotated[str | None, Term("BT-120")] = None
    exemption_code: Annotated[str | None, Term("BT-121")] = None


class Attachment(Shape, frozen=True):
    content: bytes = b""
    mime_code: Annotated[str | None, Term("BT-125-1")] = None
    filename: Annotated[str | None, Term("BT-125-2")] = None


class SupportingDocument(Shape, frozen=True):
    reference: Annotated[str | None, Term("BT-122")] = None
    description: Annotated[str | None, Term("BT-123")] = None
    location: Annotated[str | None, Term("BT-124")] = None
    attachment: Annotated[Attachment | None, Term("BT-125")] = None


class Price(Shape, frozen=True):
    net: Annotated[Decimal | None, Term("BT-146")] = None
    discount: Annotated[Decimal | None, Term("BT-147")] = None
    gross: Annotated[Decimal | None, Term("BT-148")] = None
    base_quantity: Annotated[Decimal | None, Term("BT-149")] = None
    base_unit: Annotated[str | None, Term("BT-150")] = None


class Attribute(Shape, frozen=True):
    name: Annotated[str | None, Term("BT-160")] = None
    value: Annotated[str | None, Term("BT-161")] = None


class Item(Shape, frozen=True):
    name: Annotated[str | None, Term("BT-153")] = None
    description: Annotated[str | None, Term("BT-154")] = None
    seller_identifier: Annotated[str | None, Term("BT-155")] = None
    buyer_identifier: Annotated[str | None, Term("BT-156")] = None
    standard_identifier: Annotated[Identifier | None, Term("BT-157")] = None
    classifications: Annotated[tuple[Identifier, ...], Term("BT-158")] = ()
    origin_country: Annotated[str | None, Term("BT-159")] = None
    attributes: Annotated[tuple[Attribute, ...], Term("BG-32")] = ()


_LINE_ALLOWANCE = Term("BG-27", "BT-136 BT-137 BT-138 BT-139 BT-140")
_LINE_CHARGE = Term("BG-28", "BT-141 BT-142 BT-143 BT-144 BT-145")


class Line(Shape, frozen=True):
    id: Annotated[str | None, Term("BT-126")] = None
    note: Annotated[str | None, Term("BT-127")] = None
    object: Annotated[Identifier | None, Term("BT-128")] = None
    quantity: Annotated[Decimal | None, Term("BT-129")] = None
    unit: Annotated[str | None, Term("BT-130")] = None
    net: Annotated[Decimal | None, Term("BT-131")] = None
    order_line: Annotated[str | None, Term("BT-132")] = None
    accounting_reference: Annotated[str | None, Term("BT-133")] = None
    period: Annotated[Period | None, Term("BG-26", "BT-134 BT-135")] = None
    allowances: Annotated[tuple[LineAdjustment, ...], _LINE_ALLOWANCE] = ()
    charges: Annotated[tuple[LineAdjustment, ...], _LINE_CHARGE] = ()
    price: Annotated[Price | None, Term("BG-29")] = None
    vat_category: Annotated[str | None, Term("BT-151")] = None
    vat_rate: Annotated[Decimal | None, Term("BT-152")] = None
    item: Annotated[Item | None, Term("BG-31")] = None


class WithheldTax(Shape, frozen=True):
    """What the buyer keeps back and pays to the tax office; `kind` is Facturae's TaxTypeCode (04: personal income tax)."""

    kind: str | None = None
    rate: Decimal | None = None
    base: Decimal | None = None
    tax: Decimal | None = None


class Reimbursement(Shape, frozen=True):
    """What the seller paid in the buyer's name (suplido), and the invoice it was paid by."""

    amount: Decimal | None = None
    number: str | None = None
    issue_date: date | None = None


class Installment(Shape, frozen=True):
    due_date: date | None = None
    amount: Decimal | None = None


class Correction(Shape, frozen=True):
    """Why and how an invoice corrects another, by the codes and words of Facturae."""

    reason_code: str | None = None
    reason: str | None = None
    method: str | None = None
    explanation: str | None = None
    period: Period | None = None


class Beyond(Shape, frozen=True):
    """What Facturae says that EN 16931 has no term for and that changes what is paid, to whom, or why.

    `invoice_total` is there where withheld taxes are taken off it; BT-112 has them.
    """

    invoice_total: Decimal | None = None
    withheld: tuple[WithheldTax, ...] = ()
    withheld_total: Decimal | None = None
    subsidies: tuple[Decimal, ...] = ()
    outstanding: Decimal | None = None
    kept_back: Decimal | None = None
    in_kind: Decimal | None = None
    reimbursements: tuple[Reimbursement, ...] = ()
    reimbursed_total: Decimal | None = None
    financial_expenses: Decimal | None = None
    installments: tuple[Installment, ...] = ()
    exchange_rate: Decimal | None = None
    exchange_date: date | None = None
    correction: Correction | None = None


_ALLOWANCE = Term("BG-20", "BT-92 BT-93 BT-94 BT-95 BT-96 BT-97 BT-98")
_CHARGE = Term("BG-21", "BT-99 BT-100 BT-101 BT-102 BT-103 BT-104 BT-105")


class Invoice(Shape, frozen=True):
    number: Annotated[str | None, Term("BT-1")] = None
    issue_date: Annotated[date | None, Term("BT-2")] = None
    type_code: Annotated[str | None, Term("BT-3")] = None
    currency: Annotated[str | None, Term("BT-5")] = None
    tax_currency: Annotated[str | None, Term("BT-6")] = None
    tax_point_date: Annotated[date | None, Term("BT-7")] = None
    tax_point_code: Annotated[str | None, Term("BT-8")] = None
    due_date: Annotated[date | None, Term("BT-9")] = None
    buyer_reference: Annotated[str | None, Term("BT-10")] = None
    project: Annotated[str | None, Term("BT-11")] = None
    contract: Annotated[str | None, Term("BT-12")] = None
    purchase_order: Annotated[str | None, Term("BT-13")] = None
    sales_order: Annotated[str | None, Term("BT-14")] = None
    receiving_advice: Annotated[str | None, Term("BT-15")] = None
    despatch_advice: Annotated[str | None, Term("BT-16")] = None
    tender: Annotated[str | None, Term("BT-17")] = None
    invoiced_object: Annotated[Identifier | None, Term("BT-18")] = None
    buyer_accounting_reference: Annotated[str | None, Term("BT-19")] = None
    payment_terms: Annotated[str | None, Term("BT-20")] = None
    notes: Annotated[tuple[Note, ...], Term("BG-1")] = ()
    business_process: Annotated[str | None, Term("BT-23")] = None
    specification: Annotated[str | None, Term("BT-24")] = None
    preceding_invoices: Annotated[tuple[PrecedingInvoice, ...], Term("BG-3")] = ()
    seller: Annotated[Seller | None, Term("BG-4")] = None
    buyer: Annotated[Buyer | None, Term("BG-7")] = None
    payee: Annotated[Payee | None, Term("BG-10")] = None
    tax_representative: Annotated[TaxRepresentative | None, Term("BG-11")] = None
    delivery: Annotated[Delivery | None, Term("BG-13")] = None
    period: Annotated[Period | None, Term("BG-14", "BT-73 BT-74")] = None
    payment_means: Annotated[tuple[PaymentMeans, ...], Term("BG-16")] = ()
    remittance_information: Annotated[str | None, Term("BT-83")] = None
    mandate: Annotated[str | None, Term("BT-89")] = None
    creditor_identifier: Annotated[str | None, Term("BT-90")] = None
    allowances: Annotated[tuple[Adjustment, ...], _ALLOWANCE] = ()
    charges: Annotated[tuple[Adjustment, ...], _CHARGE] = ()
    totals: Annotated[Totals | None, Term("BG-22")] = None
    vat_breakdown: Annotated[tuple[VatPart, ...], Term("BG-23")] = ()
    supporting_documents: Annotated[tuple[SupportingDocument, ...], Term("BG-24")] = ()
    lines: Annotated[tuple[Line, ...], Term("BG-25")] = ()
    beyond: Beyond | None = None
