"""Billing, as the kernel runs it."""

from pathlib import Path

from services.billing.einvoices.routes import router as validations
from services.billing.invoices.routes import router as invoices
from services.billing.settings import BillingSettings
from services.billing.tables import BillingTable
from shared.app import Service
from shared.contracts import billing as events

SERVICE = Service(
    name="billing",
    summary="Supplier invoices: registered, validated, decided, paid.",
    settings=BillingSettings,
    metadata=BillingTable.metadata,
    migrations=Path(__file__).with_name("migrations"),
    routers=[invoices, validations],
    events=[
        events.InvoiceRegistered,
        events.InvoiceValidated,
        events.InvoiceApproved,
        events.InvoiceRejected,
        events.InvoicePaid,
    ],
)
