"""What goes out about an electronic invoice on file."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from services.billing.drafts.models import InvoiceDraft
from services.billing.duplicates.models import DuplicateOverride
from services.billing.duplicates.schemas import RepeatOut, present_repeat
from services.billing.einvoices.schemas import FindingOut, RuleSetOut
from services.billing.einvoices.texts import told, told_stage
from services.billing.einvoices.verdicts import Finding, Stage, Verdict
from services.billing.holds.models import InvoiceHold
from services.billing.holds.schemas import HoldOut, present_hold
from services.billing.intake.models import ElectronicInvoice
from services.billing.invoices.models import InvoiceApproval, SupplierInvoice
from services.billing.invoices.schemas import InvoiceOut, present_invoice
from services.billing.matching.models import InvoiceMatch
from services.billing.matching.schemas import MatchOut, present_match
from shared.errors import Language
from shared.schemas import ResponseModel


class ElectronicOut(ResponseModel):
    """The file, the verdict on it when it came in, and what it says.

    `canonical` is the document by the terms of EN 16931, without the content of attachments, which the original has.
    `due_date_source` is `terms` where the document names no day. `original` is the path of the very bytes.
    """

    verdict: Verdict
    format: Literal["ubl-invoice", "ubl-credit-note", "cii"]
    attachment: str | None
    rule_sets: list[RuleSetOut]
    findings: list[FindingOut]
    omitted_findings: int
    canonical: dict[str, Any]
    due_date_source: Literal["document", "terms"]
    original: str
    media_type: str
    size: int
    sha256: str
    received_at: datetime


class DocumentOut(ResponseModel):
    """The plain PDF an invoice was read from and completed; `draft` tells what was read where."""

    draft: str
    original: str
    size: int
    sha256: str
    received_at: datetime


class ApprovalOut(ResponseModel):
    """One person's approval."""

    approved_by: str
    approved_at: datetime


class InvoiceDetailOut(InvoiceOut):
    """An invoice with what it is held for and who approved it. `electronic` or `document` is the file it came in, if any.

    `repeat` is there where its number was on file before, and a person said why it came again.
    """

    holds: list[HoldOut]
    approvals: list[ApprovalOut]
    match: MatchOut
    repeat: RepeatOut | None
    electronic: ElectronicOut | None
    document: DocumentOut | None


def present_electronic(electronic: ElectronicInvoice, language: Language) -> ElectronicOut:
    kept = ("verdict", "format", "attachment", "omitted_findings", "canonical", "due_date_source")
    file = ("media_type", "size", "sha256", "received_at")
    stages, findings = electronic.rule_sets, electronic.findings
    return ElectronicOut.model_validate(
        {
            **{name: getattr(electronic, name) for name in (*kept, *file)},
            "rule_sets": [told_stage(msgspec.convert(stage, Stage), language) for stage in stages],
            "findings": [told(msgspec.convert(finding, Finding), language) for finding in findings],
            "original": f"/billing/invoices/{electronic.invoice_id}/original",
        }
    )


def present_document(draft: InvoiceDraft) -> DocumentOut:
    return DocumentOut(
        draft=f"/billing/drafts/{draft.id}",
        original=f"/billing/invoices/{draft.invoice_id}/original",
        size=draft.size,
        sha256=draft.sha256,
        received_at=draft.received_at,
    )


def present_invoice_detail(
    invoice: SupplierInvoice,
    holds: Sequence[InvoiceHold],
    approvals: Sequence[InvoiceApproval],
    match: InvoiceMatch | None,
    repeat: DuplicateOverride | None,
    electronic: ElectronicInvoice | None,
    draft: InvoiceDraft | None,
    language: Language,
) -> InvoiceDetailOut:
    return InvoiceDetailOut(
        **dict(present_invoice(invoice)),
        holds=[present_hold(hold, language) for hold in holds],
        approvals=[ApprovalOut.model_validate(approval) for approval in approvals],
        match=present_match(match, language),
        repeat=present_repeat(repeat),
        electronic=None if electronic is None else present_electronic(electronic, language),
        document=None if draft is None else present_document(draft),
    )
