"""Billing, as the kernel runs it."""

from pathlib import Path

from services.billing.batches.job import jobs
from services.billing.batches.routes import router as batches
from services.billing.decisions.routes import router as decisions
from services.billing.einvoices.routes import router as validations
from services.billing.holds.routes import router as holds
from services.billing.intake.originals import sweep
from services.billing.intake.routes import router as intake
from services.billing.invoices.routes import router as invoices
from services.billing.matching.routes import router as matching
from services.billing.orders.routes import router as orders
from services.billing.parties.routes import router as suppliers
from services.billing.receipts.routes import router as receipts
from services.billing.rendering.routes import router as renderings
from services.billing.settings import BillingSettings
from services.billing.tables import BillingTable
from shared.app import Service
from shared.contracts import billing as events

SERVICE = Service(
    name="billing",
    summary="Supplier invoices: taken in or registered, matched with orders and receipts, held when doubtful, validated, decided, paid; suppliers.",
    settings=BillingSettings,
    metadata=BillingTable.metadata,
    migrations=Path(__file__).with_name("migrations"),
    routers=[
        invoices,
        intake,
        batches,
        holds,
        decisions,
        matching,
        orders,
        receipts,
        suppliers,
        validations,
        renderings,
    ],
    events=[
        events.InvoiceRegistered,
        events.InvoiceReleased,
        events.InvoiceValidated,
        events.InvoiceApprovalGiven,
        events.InvoiceApproved,
        events.InvoiceRejected,
        events.InvoicePaid,
        events.SupplierAccountVerified,
        events.InvoiceMatched,
        events.PurchaseOrderPlaced,
        events.PurchaseOrderChanged,
        events.PurchaseOrderClosed,
        events.PurchaseOrderCancelled,
        events.GoodsReceived,
        events.GoodsReceiptReversed,
    ],
    jobs=jobs,
    housekeeping=sweep,
)
