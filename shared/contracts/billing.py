"""Events that billing publishes."""

from datetime import date
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from shared.events import EventData


class _InvoiceEvent(EventData, frozen=True, kw_only=True):
    topic: ClassVar[str] = "billing.invoices"

    invoice_id: UUID


class InvoiceRegistered(_InvoiceEvent, frozen=True, kw_only=True):
    """A supplier's invoice is on file and no exact duplicate; what was keyed adds up.

    `origin` is `keyed`, `electronic` or `document` (a plain PDF that a person completed); an electronic one has the `verdict`
    valid, invalid or not-validated. While it has `holds`, a person has to look at it. `repeats` is the invoice that had its
    number before, where a person said that this is another one.
    """

    type: ClassVar[str] = "billing.invoice.registered.v1"

    number: str
    gross: Decimal
    currency: str
    due_date: date
    origin: str = "keyed"
    verdict: str | None = None
    holds: list[str] | None = None
    repeats: UUID | None = None


class InvoiceReleased(_InvoiceEvent, frozen=True, kw_only=True):
    """Someone let the invoice go on in spite of what it was held for; the reason's text stays in billing."""

    type: ClassVar[str] = "billing.invoice.released.v1"

    hold: str
    scope: str


class InvoiceClaimed(_InvoiceEvent, frozen=True, kw_only=True):
    """A person began work on an invoice that waits; no operation of its own.

    `reason` is exception, to-validate, to-approve or second-approval.
    """

    type: ClassVar[str] = "billing.invoice.claimed.v1"

    reason: str


class InvoiceReturned(_InvoiceEvent, frozen=True, kw_only=True):
    """A person gave the invoice back to the queue; the note's text stays in billing. Work only if it was begun."""

    type: ClassVar[str] = "billing.invoice.returned.v1"


class InvoiceReassigned(_InvoiceEvent, frozen=True, kw_only=True):
    """An invoice that waits is with another person; the reason's text stays in billing.

    Work if whoever had begun it handed it over; `taken_over` if the next one took it.
    """

    type: ClassVar[str] = "billing.invoice.reassigned.v1"

    taken_over: bool


class InvoiceValidated(_InvoiceEvent, frozen=True, kw_only=True):
    """Someone found the invoice to be right; it waits for a decision."""

    type: ClassVar[str] = "billing.invoice.validated.v1"


class InvoiceApprovalGiven(_InvoiceEvent, frozen=True, kw_only=True):
    """A person approved the invoice, which needs the approval of more people before it may be paid."""

    type: ClassVar[str] = "billing.invoice.approval-given.v1"

    given: int
    needed: int


class InvoiceApproved(_InvoiceEvent, frozen=True, kw_only=True):
    """The invoice may be paid."""

    type: ClassVar[str] = "billing.invoice.approved.v1"


class InvoiceRejected(_InvoiceEvent, frozen=True, kw_only=True):
    """The invoice will not be paid; the reason's text stays in billing."""

    type: ClassVar[str] = "billing.invoice.rejected.v1"


class InvoicePaid(_InvoiceEvent, frozen=True, kw_only=True):
    """The payment is marked as made."""

    type: ClassVar[str] = "billing.invoice.paid.v1"

    paid_on: date


class SupplierAccountVerified(EventData, frozen=True, kw_only=True):
    """A person has verified where a supplier is paid; the account itself stays in billing."""

    type: ClassVar[str] = "billing.supplier-account.verified.v1"
    topic: ClassVar[str] = "billing.suppliers"

    supplier_id: UUID
    account_id: UUID


class InvoiceMatched(_InvoiceEvent, frozen=True, kw_only=True):
    """An invoice that names an order was compared with orders and receipts, for the first time or with another result.

    `verdict` is matched-3way, matched-2way, within-tolerance or exception; `reasons` say why it is an exception.
    """

    type: ClassVar[str] = "billing.invoice.matched.v1"

    verdict: str
    reasons: list[str]


class _OrderEvent(EventData, frozen=True, kw_only=True):
    topic: ClassVar[str] = "billing.orders"

    order_id: UUID


class PurchaseOrderPlaced(_OrderEvent, frozen=True, kw_only=True):
    """Something was ordered from a supplier."""

    type: ClassVar[str] = "billing.purchase-order.placed.v1"

    number: str
    currency: str


class PurchaseOrderChanged(_OrderEvent, frozen=True, kw_only=True):
    """The lines of an order are others."""

    type: ClassVar[str] = "billing.purchase-order.changed.v1"


class PurchaseOrderClosed(_OrderEvent, frozen=True, kw_only=True):
    """Nothing more is expected of an order; the reason's text stays in billing."""

    type: ClassVar[str] = "billing.purchase-order.closed.v1"


class PurchaseOrderCancelled(_OrderEvent, frozen=True, kw_only=True):
    """An order was taken back before anything came of it; the reason's text stays in billing."""

    type: ClassVar[str] = "billing.purchase-order.cancelled.v1"


class _ReceiptEvent(EventData, frozen=True, kw_only=True):
    topic: ClassVar[str] = "billing.receipts"

    receipt_id: UUID
    order_id: UUID


class GoodsReceived(_ReceiptEvent, frozen=True, kw_only=True):
    """Goods of an order came."""

    type: ClassVar[str] = "billing.goods-receipt.recorded.v1"

    received_on: date


class GoodsReceiptReversed(_ReceiptEvent, frozen=True, kw_only=True):
    """A receipt counts no more; the reason's text stays in billing."""

    type: ClassVar[str] = "billing.goods-receipt.reversed.v1"


class GoodsReturned(_ReceiptEvent, frozen=True, kw_only=True):
    """A part of what came went back; the reason's text stays in billing."""

    type: ClassVar[str] = "billing.goods-receipt.returned.v1"

    return_id: UUID
    returned_on: date


class ToleranceChanged(EventData, frozen=True, kw_only=True):
    """How far invoices may be off where nothing was agreed with the supplier; `amounts` are by currency.

    The reason's text stays in billing.
    """

    type: ClassVar[str] = "billing.tolerance.changed.v1"
    topic: ClassVar[str] = "billing.tolerances"

    version: int
    percent: Decimal | None
    amounts: dict[str, Decimal]


class _DraftEvent(EventData, frozen=True, kw_only=True):
    topic: ClassVar[str] = "billing.drafts"

    draft_id: UUID


class DraftReceived(_DraftEvent, frozen=True, kw_only=True):
    """A plain PDF came in and its text was read; a person has to complete it. The invoice it becomes has its id.

    The lists name fields, by how sure the reading is. Without `has_text` it is a picture.
    """

    type: ClassVar[str] = "billing.draft.received.v1"

    has_text: bool
    found: list[str]
    ambiguous: list[str]
    not_found: list[str]


class DraftClaimed(_DraftEvent, frozen=True, kw_only=True):
    """A person began to complete an open draft; no operation of its own."""

    type: ClassVar[str] = "billing.draft.claimed.v1"


class DraftReturned(_DraftEvent, frozen=True, kw_only=True):
    """A person gave the draft back to the queue; the note's text stays in billing. Work only if it was begun."""

    type: ClassVar[str] = "billing.draft.returned.v1"


class DraftReassigned(_DraftEvent, frozen=True, kw_only=True):
    """An open draft is with another person; the reason's text stays in billing.

    Work if whoever had begun it handed it over; `taken_over` if the next one took it.
    """

    type: ClassVar[str] = "billing.draft.reassigned.v1"

    taken_over: bool


class DraftDiscarded(_DraftEvent, frozen=True, kw_only=True):
    """A person put the document aside; the reason's text stays in billing."""

    type: ClassVar[str] = "billing.draft.discarded.v1"
