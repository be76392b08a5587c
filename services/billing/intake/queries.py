"""Reads of electronic invoices on file. Row-level security keeps them to the caller's tenant."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.drafts.models import InvoiceDraft
from services.billing.duplicates.models import DuplicateOverride
from services.billing.holds.queries import holds_of
from services.billing.intake.errors import NoOriginal
from services.billing.intake.models import ElectronicInvoice
from services.billing.intake.schemas import InvoiceDetailOut, present_invoice_detail
from services.billing.intake.sending import StoredFile
from services.billing.invoices.models import Origin, SupplierInvoice
from services.billing.invoices.queries import approvals_of, get_invoice
from services.billing.matching.queries import get_match
from shared.errors import Language


async def tell_invoice(session: AsyncSession, invoice: SupplierInvoice, language: Language) -> InvoiceDetailOut:
    """Return all that is known of an invoice."""
    electronic = await session.get(ElectronicInvoice, invoice.id)
    draft = await session.get(InvoiceDraft, invoice.id) if invoice.origin == Origin.DOCUMENT else None
    holds, approvals = await holds_of(session, invoice.id), await approvals_of(session, invoice.id)
    match = await get_match(session, invoice.id)
    repeat = await session.get(DuplicateOverride, invoice.id)
    return present_invoice_detail(invoice, holds, approvals, match, repeat, electronic, draft, language)


async def get_stored(session: AsyncSession, invoice_id: UUID) -> StoredFile:
    """Return the file an invoice came in. Raises NotFound, NoOriginal."""
    if (file := await session.get(ElectronicInvoice, invoice_id)) is not None:
        return StoredFile(invoice_id, file.object_key, file.media_type, file.size, file.sha256)
    invoice = await get_invoice(session, invoice_id)
    draft = await session.get(InvoiceDraft, invoice.id) if invoice.origin == Origin.DOCUMENT else None
    if draft is None:
        raise NoOriginal
    return StoredFile(invoice_id, draft.object_key, "application/pdf", draft.size, draft.sha256)
