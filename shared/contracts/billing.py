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

    `origin` is `keyed` or `electronic`; an electronic one has the `verdict` valid, invalid or not-validated. While it has
    `holds`, a person has to look at it.
    """

    type: ClassVar[str] = "billing.invoice.registered.v1"

    number: str
    gross: Decimal
    currency: str
    due_date: date
    origin: str = "keyed"
    verdict: str | None = None
    holds: list[str] | None = None


class InvoiceReleased(_InvoiceEvent, frozen=True, kw_only=True):
    """Someone let the invoice go on in spite of what it was held for; the reason's text stays in billing."""

    type: ClassVar[str] = "billing.invoice.released.v1"

    hold: str
    scope: str


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
