"""Reads of what is drawn. Row-level security keeps them to the caller's tenant."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Text, cast, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.drafts.models import InvoiceDraft
from services.billing.einvoices.verdicts import Finding, Judged, Stage
from services.billing.holds.queries import open_holds
from services.billing.holds.texts import told_kind
from services.billing.intake.models import ElectronicInvoice
from services.billing.invoices.models import HELD_WHILE, Origin, SupplierInvoice
from services.billing.invoices.queries import get_invoice
from services.billing.rendering.messages import Order, RenderingFormat
from services.billing.rendering.rules import keyed_invoice
from services.billing.rendering.standing import About, Judgement, OriginalFile
from shared.errors import Language


async def order_invoice(session: AsyncSession, invoice_id: UUID, form: RenderingFormat, language: Language) -> Order:
    """Return all that is drawn of an invoice on file. Raises NotFound."""
    invoice = await get_invoice(session, invoice_id)
    holds = await open_holds(session, invoice_id) if invoice.status == HELD_WHILE else ()
    about = About(
        origin=Origin(invoice.origin).value,
        is_credit_note=invoice.is_credit_note,
        invoice_id=str(invoice.id),
        status=invoice.status,
        status_since=invoice.status_since.date(),
        holds=tuple(told_kind(hold.kind, language)["text"] for hold in holds),
    )
    if invoice.origin == Origin.ELECTRONIC:
        said, judgement, original = await _electronic(session, invoice_id)
        about = msgspec.structs.replace(about, judgement=judgement, original=original)
    else:
        said = _keyed(invoice)
        if invoice.origin == Origin.DOCUMENT:
            about = msgspec.structs.replace(about, original=await _document(session, invoice_id))
    return Order(format=form, language=language, invoice=said, about=about)


def _keyed(invoice: SupplierInvoice) -> bytes:
    said = keyed_invoice(
        number=invoice.number,
        issue_date=invoice.issue_date,
        due_date=invoice.due_date,
        currency=invoice.currency,
        purchase_order=invoice.purchase_order,
        supplier_name=invoice.supplier_name,
        supplier_tax_id=invoice.supplier_tax_id,
        lines=invoice.lines,
        vat_breakdown=invoice.vat_breakdown,
        totals=(invoice.net, invoice.tax, invoice.gross),
    )
    return msgspec.json.encode(said)


async def _electronic(session: AsyncSession, invoice_id: UUID) -> tuple[bytes, Judgement, OriginalFile]:
    """Return the canonical form as text, which the renderer reads, with the verdict and the file."""
    columns = ("format", "attachment", "rule_sets", "findings", "media_type", "sha256", "received_at")
    query = select(
        cast(ElectronicInvoice.canonical, Text).label("canonical"),
        *(getattr(ElectronicInvoice, each) for each in columns),
    )
    row = (await session.execute(query.where(ElectronicInvoice.invoice_id == invoice_id))).one()
    original = OriginalFile(
        sha256=row.sha256,
        format=row.format,
        file_name=f"{invoice_id}.{row.media_type.rpartition('/')[2]}",
        attachment=row.attachment,
        received_on=row.received_at.date(),
    )
    return row.canonical.encode(), judgement_of(_judged(row.rule_sets, row.findings)), original


async def _document(session: AsyncSession, invoice_id: UUID) -> OriginalFile:
    """Return the file of the draft that the invoice was."""
    query = select(InvoiceDraft.sha256, InvoiceDraft.received_at).where(InvoiceDraft.id == invoice_id)
    row = (await session.execute(query)).one()
    return OriginalFile(
        sha256=row.sha256, format="pdf", file_name=f"{invoice_id}.pdf", received_on=row.received_at.date()
    )


def _judged(rule_sets: Sequence[Any], findings: Sequence[Any]) -> Judged:
    return Judged(
        stages=msgspec.convert(rule_sets, tuple[Stage, ...]), findings=msgspec.convert(findings, tuple[Finding, ...])
    )


def judgement_of(judged: Judged) -> Judgement:
    fatal = [finding.rule for finding in judged.findings if finding.severity == "fatal"]
    return Judgement(
        verdict=judged.verdict,
        fatal=len(fatal),
        warnings=len(judged.findings) - len(fatal),
        rules=tuple(dict.fromkeys(fatal)),
        rule_sets=tuple(f"{stage.rule_set} {stage.version}".strip() for stage in judged.stages if stage.ran),
    )
