"""Billing, as the kernel runs it."""

from pathlib import Path

from services.billing.batches.job import jobs as batch_jobs
from services.billing.batches.routes import router as batches
from services.billing.bulk.job import jobs as bulk_jobs
from services.billing.bulk.routes import router as bulk
from services.billing.decisions.routes import router as decisions
from services.billing.drafts.routes import router as drafts
from services.billing.duplicates.routes import router as repeats
from services.billing.einvoices.routes import router as validations
from services.billing.exports.routes import router as exports
from services.billing.holds.routes import router as holds
from services.billing.intake.originals import sweep
from services.billing.intake.routes import router as intake
from services.billing.invoices.routes import router as invoices
from services.billing.matching.job import jobs as match_jobs
from services.billing.matching.routes import router as matching
from services.billing.orders.routes import router as orders
from services.billing.parties.routes import router as suppliers
from services.billing.receipts.routes import router as receipts
from services.billing.rendering.routes import router as renderings
from services.billing.settings import BillingSettings
from services.billing.supplier_status.routes import router as supplier_status
from services.billing.tables import BillingTable
from services.billing.tolerances.routes import router as tolerances
from services.billing.work_queue.routes import router as work_queue
from shared.app import Service
from shared.contracts import billing as events

SERVICE = Service(
    name="billing",
    summary="Supplier invoices: taken in or registered, matched with orders and receipts, held when doubtful, validated, decided, paid; suppliers.",
    settings=BillingSettings,
    metadata=BillingTable.metadata,
    migrations=Path(__file__).with_name("migrations"),
    routers=[
        exports,
        invoices,
        intake,
        batches,
        drafts,
        holds,
        decisions,
        work_queue,
        repeats,
        bulk,
        matching,
        orders,
        receipts,
        suppliers,
        supplier_status,
        tolerances,
        validations,
        renderings,
    ],
    events=[
        events.InvoiceRegistered,
        events.InvoiceReleased,
        events.InvoiceClaimed,
        events.InvoiceReturned,
        events.InvoiceReassigned,
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
        events.GoodsReturned,
        events.ToleranceChanged,
        events.DraftReceived,
        events.DraftClaimed,
        events.DraftReturned,
        events.DraftReassigned,
        events.DraftDiscarded,
    ],
    jobs=lambda runtime: {**batch_jobs(runtime), **bulk_jobs(runtime), **match_jobs(runtime)},
    housekeeping=sweep,
)
