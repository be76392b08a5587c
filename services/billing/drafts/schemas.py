"""What comes in and goes out of drafts. Amounts are decimal strings, days are dates."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, StringConstraints
from pydantic import Field as Limits

from services.billing.changes import ChangeModel
from services.billing.drafts.completing import Completed, completed
from services.billing.drafts.models import DraftState, InvoiceDraft
from services.billing.drafts.shapes import Certainty, Seen, Value
from services.billing.einvoices.check_digits import is_iban
from services.billing.identifiers import OrderNumber, TaxId
from services.billing.invoices.schemas import LineIn, VatIn
from services.billing.parties.rules import normalise_account
from services.billing.reasons import Reason
from shared.money import CurrencyCode, DecimalString
from shared.schemas import Id, Name, PlausibleDay, RequestModel, ResponseModel
from shared.validation import value_error

_LIKE_AN_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}")


def _checked(account: str) -> str:
    plain = normalise_account(account)
    if _LIKE_AN_IBAN.match(plain) and not is_iban(plain):
        raise value_error("iban", "its check digits are not an IBAN's", "sus dígitos de control no son los de un IBAN")
    return plain


Account = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ]{3,49}$"), AfterValidator(_checked)]
Number = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"[A-Za-z0-9]")]


class DraftChangeIn(ChangeModel):
    """What the document says, by a person. What is left out stays; null: the document does not say it.

    Without `lines` the invoice gets one for each rate.
    """

    supplier_tax_id: TaxId | None = None
    supplier_name: Name | None = None
    number: Number | None = None
    issue_date: PlausibleDay | None = None
    due_date: PlausibleDay | None = None
    currency: CurrencyCode | None = None
    purchase_order: OrderNumber | None = None
    account: Account | None = None
    net: DecimalString | None = None
    tax: DecimalString | None = None
    gross: DecimalString | None = None
    vat_breakdown: Annotated[list[VatIn], Limits(min_length=1, max_length=20)] | None = None
    lines: Annotated[list[LineIn], Limits(min_length=1, max_length=1000)] | None = None

    def changes(self) -> dict[str, Any]:
        """Return what was sent, as JSON keeps it."""
        changes = self.model_dump(mode="json", exclude_unset=True)
        for name in ("lines", "vat_breakdown"):
            if changes.get(name) is not None:
                changes[name] = [each.model_dump(mode="json", exclude_none=True) for each in getattr(self, name)]
        return changes


class DiscardIn(RequestModel):
    reason: Reason


class DraftRepeatIn(RequestModel):
    """The invoice on file that has the draft's number, and why the draft is another one."""

    repeats_id: Id
    reason: Reason


class SeenOut(ResponseModel):
    """A value, and where the document says it."""

    value: Value
    page: int
    snippet: str


class FieldOut(ResponseModel):
    """One field: what it is now and who says so; what was read, and where, stays beside it."""

    value: Value | None
    by: Literal["reading", "person"] | None
    certainty: Certainty
    seen: SeenOut | None
    alternatives: list[SeenOut]


class DraftOut(ResponseModel):
    """A draft. `has_text` is false for a scan: nothing could be read of it."""

    id: UUID
    version: int
    status: DraftState
    pages: int
    pages_read: int
    has_text: bool
    language: str | None
    original: str
    size: int
    sha256: str
    supplier_name: str | None
    number: str | None
    gross: str | None
    currency: str | None
    unsettled: list[str]
    received_at: datetime
    settled_at: datetime | None
    reason: str | None
    invoice_id: UUID | None


class DraftDetailOut(DraftOut):
    """A draft with its fields. `unsettled` names those without which it cannot be registered."""

    fields: dict[str, FieldOut]
    lines: list[dict[str, Any]] | None


def _present(draft: InvoiceDraft, said: Completed) -> dict[str, Any]:
    kept = ("id", "version", "pages", "pages_read", "has_text", "language", "size", "sha256")
    later = ("received_at", "settled_at", "reason", "invoice_id")
    return {
        **{name: getattr(draft, name) for name in (*kept, *later)},
        **{name: said.values.get(name) for name in ("supplier_name", "number", "gross", "currency")},
        "status": draft.state,
        "unsettled": [name for name, _ in said.obstacles] if draft.state == DraftState.OPEN else [],
        "original": f"/billing/drafts/{draft.id}/original",
    }


def present_draft(draft: InvoiceDraft) -> DraftOut:
    return DraftOut.model_validate(_present(draft, completed(draft.reading, draft.given)))


def present_draft_detail(draft: InvoiceDraft) -> DraftDetailOut:
    said = completed(draft.reading, draft.given)
    fields = {
        name: FieldOut(
            value=said.values.get(name),
            by="person" if name in draft.given else "reading" if field.seen else None,
            certainty=field.certainty,
            seen=_seen(field.seen),
            alternatives=[SeenOut.model_validate(each) for each in field.alternatives],
        )
        for name, field in said.fields.items()
    }
    return DraftDetailOut.model_validate(_present(draft, said) | {"fields": fields, "lines": draft.given.get("lines")})


def _seen(seen: Seen | None) -> SeenOut | None:
    return None if seen is None else SeenOut.model_validate(seen)
