"""Use case of intake; the only writer of its tables."""

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.decisions.models import Occasion
from services.billing.decisions.service import decide_invoices
from services.billing.duplicates.service import Override
from services.billing.einvoices.model import Invoice, Seller
from services.billing.einvoices.verdicts import Judged
from services.billing.holds.models import HoldKind
from services.billing.holds.service import Found
from services.billing.intake import rules
from services.billing.intake.errors import UnreadInvoice, UnusableInvoice
from services.billing.intake.models import ElectronicInvoice
from services.billing.intake.originals import Original
from services.billing.invoices.models import Origin, SupplierInvoice
from services.billing.invoices.service import announce_invoice, file_invoice
from services.billing.parties.rules import due_on
from services.billing.parties.service import Recognised, account_doubts, lock_supplier, recognise_supplier
from shared import clock
from shared.auth import Principal
from shared.events import Actor
from shared.work import Effort

_AUTOMATION = Actor(kind="automation", id="billing.intake")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file, what was found in it and what it says. `begun_at` is when it began to arrive."""

    content: bytes
    judged: Judged
    invoice: Invoice
    begun_at: datetime

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def media_type(self) -> str:
        is_pdf = self.content[:1024].lstrip().startswith(b"%PDF-")
        return "application/pdf" if is_pdf else "application/xml"


def read_judged(content: bytes, judged: Judged, begun_at: datetime) -> Arrived:
    """Return what a judged file says. Raises UnreadInvoice, UnusableInvoice before anything is stored."""
    if judged.canonical is None:
        stage = next((stage for stage in judged.stages if not stage.ran), None)
        raise UnreadInvoice(obstacle=stage and stage.obstacle, reason=stage and stage.detail)
    invoice = msgspec.json.decode(judged.canonical, type=Invoice)
    if obstacles := [asdict(each) for each in rules.find_obstacles(invoice)]:
        raise UnusableInvoice(obstacles=obstacles)
    return Arrived(content, judged, invoice, begun_at)


async def register_electronic(
    session: AsyncSession, arrived: Arrived, original: Original, by: Principal, override: Override | None = None
) -> SupplierInvoice:
    """Put an electronic invoice on file as it is, whatever the verdict. Raises DuplicateInvoice.

    With an `override` it is the exact duplicate of another one; raises NotFound, NotARepeat, OverriderNotAPerson.

    Automation did this piece of work, whoever handed the file in.
    """
    effort = Effort(_AUTOMATION, arrived.begun_at, clock.now(), estimated=False)
    invoice, at = arrived.invoice, effort.finished_at
    seller = invoice.seller or Seller()
    recognised = await recognise_supplier(session, rules.tax_id_of(seller), rules.name_of(seller), at)
    facts = rules.facts_of(invoice)
    due = invoice.due_date or due_on(facts["issue_date"], recognised.supplier.terms_days)
    values = facts | _about(recognised, seller, by, at) | {"due_date": due}
    registered = await file_invoice(session, values, override)
    session.add(_electronic(registered, arrived, original, at))
    await session.flush()
    await lock_supplier(session, recognised, rules.names_of(seller))
    accounts = rules.accounts_of(invoice)
    found = _doubts(arrived.judged) + await account_doubts(session, recognised, registered.id, accounts, by.id, at)
    await announce_invoice(session, registered, found, effort, arrived.judged.verdict, override=override)
    await decide_invoices(session, [registered], Occasion.INTAKE)
    return registered


def _about(recognised: Recognised, seller: Seller, by: Principal, at: datetime) -> dict[str, Any]:
    return {
        "origin": Origin.ELECTRONIC,
        "supplier_id": recognised.supplier.id,
        "supplier_tax_id": rules.tax_id_of(seller),
        "status_since": at,
        "registered_by": by.id,
        "registered_at": at,
    }


def _electronic(registered: SupplierInvoice, arrived: Arrived, original: Original, at: datetime) -> ElectronicInvoice:
    judged = arrived.judged
    return ElectronicInvoice(
        invoice_id=registered.id,
        format=judged.format,
        attachment=judged.attachment,
        verdict=judged.verdict,
        rule_sets=msgspec.to_builtins(judged.stages),
        findings=msgspec.to_builtins(judged.findings),
        omitted_findings=judged.omitted,
        canonical=msgspec.json.decode(judged.canonical or b"{}"),
        buyer_tax_id=rules.buyer_tax_id_of(arrived.invoice),
        due_date_source="document" if arrived.invoice.due_date else "terms",
        object_key=original.object_key,
        media_type=arrived.media_type,
        size=len(arrived.content),
        sha256=arrived.sha256,
        received_at=at,
    )


def _doubts(judged: Judged) -> Found:
    """Return what the verdict holds the invoice for."""
    if judged.verdict == "valid":
        return []
    if judged.verdict == "invalid":
        broken = sorted({finding.rule for finding in judged.findings if finding.severity == "fatal"})
        return [(HoldKind.INVALID, {"rules": broken})]
    missing = [stage.rule_set for stage in judged.stages if not stage.ran]
    return [(HoldKind.NOT_VALIDATED, {"rule_sets": missing})]
