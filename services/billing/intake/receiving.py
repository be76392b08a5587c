"""How an original comes in with a request: stored, and settled in the transaction of what is made of it."""

import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.duplicates.service import Override
from services.billing.einvoices.arriving import FILE_REFUSALS, Body, validators_of
from services.billing.intake import originals
from services.billing.intake.errors import IntakeExpired, UnreadInvoice, UnusableInvoice
from services.billing.intake.originals import Original
from services.billing.intake.queries import tell_invoice
from services.billing.intake.schemas import InvoiceDetailOut
from services.billing.intake.service import read_judged, register_electronic
from services.billing.invoices.errors import DuplicateInvoice
from services.billing.invoices.models import SupplierInvoice
from shared.app import Runtime
from shared.auth import Principal
from shared.errors import Language, Unavailable, problems
from shared.etag import set_etag
from shared.idempotency import KeyInProgress, KeyReused, begin, fingerprint_of

INTAKE_REFUSALS = problems(
    *FILE_REFUSALS,
    *(UnreadInvoice, UnusableInvoice, DuplicateInvoice, IntakeExpired, KeyInProgress, KeyReused, Unavailable),
)


@asynccontextmanager
async def received(
    request: Request, session: AsyncSession, by: Principal, key: str | None, content: bytes
) -> AsyncGenerator[Original]:
    """Store the content for what is done with it; when that fails, it is discarded.

    An idempotency key covers the content. Raises IntakeExpired, KeyInProgress, KeyReused, StoreUnavailableError.
    """
    runtime: Runtime = request.app.state.runtime
    original = await originals.store_original(runtime, by.tenant, content)
    async with originals.or_discarded(runtime, by.tenant, session, original):
        if key is not None:
            digest = hashlib.sha256(content).hexdigest().encode()
            request.state.attempt = await begin(session, by, key, fingerprint_of(request, digest))
        await originals.settle(session, original)
        yield original
        await session.flush()


async def take_in_body(
    request: Request,
    response: Response,
    body: Body,
    session: AsyncSession,
    by: Principal,
    language: Language,
    key: str | None,
    override: Override | None = None,
) -> InvoiceDetailOut:
    """Put the body on file, and tell what came of it. Raises INTAKE_REFUSALS, and with an override what refuses that."""
    judged = await validators_of(request).judge(body.content, read=True)
    arrived = read_judged(body.content, judged, body.begun_at)
    async with received(request, session, by, key, arrived.content) as original:
        invoice = await register_electronic(session, arrived, original, by, override)
    tell_registered(response, invoice, language)
    return await tell_invoice(session, invoice, language)


def tell_registered(response: Response, invoice: SupplierInvoice, language: Language) -> None:
    """Give an answer the headers of an invoice that has just come on file."""
    set_etag(response, invoice.version)
    response.headers["Location"] = f"/billing/invoices/{invoice.id}"
    response.headers["Content-Language"] = language
