"""Use cases of drafts; the only writer of their table."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
from pydantic import ValidationError
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.decisions.models import Occasion
from services.billing.decisions.service import decide_invoices
from services.billing.drafts import parties, queries
from services.billing.drafts.completing import completed, invoice_of
from services.billing.drafts.errors import DocumentOnFile, DraftIncomplete, DraftSettled
from services.billing.drafts.models import DraftState, InvoiceDraft
from services.billing.drafts.schemas import DraftChangeIn, DraftRepeatIn
from services.billing.drafts.shapes import FIELDS, Reading
from services.billing.duplicates.errors import UnknownRepeated
from services.billing.duplicates.queries import is_on_file
from services.billing.duplicates.service import Override
from services.billing.identifiers import normalise_tax_id
from services.billing.intake.originals import Original
from services.billing.invoices.models import Origin, SupplierInvoice
from services.billing.invoices.schemas import InvoiceIn
from services.billing.invoices.service import PROCESS, Source, register_invoice
from services.billing.parties.queries import find_owner, get_supplier
from services.billing.parties.rules import due_on, normalise_account
from services.billing.work_queue.turns import check_claim, end_turn, take_turn
from shared import clock, outbox
from shared.auth import Principal
from shared.contracts import billing as events
from shared.events import Actor, Outcome
from shared.ids import uuid7
from shared.work import Effort

READER = Actor(kind="automation", id="billing.drafts")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A PDF and what its text says. `begun_at` is when it began to arrive."""

    content: bytes
    reading: Reading
    begun_at: datetime

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


async def receive_draft(session: AsyncSession, arrived: Arrived, original: Original, by: Principal) -> InvoiceDraft:
    """Keep a document and what could be read of it. Raises DocumentOnFile, also between concurrent requests.

    Automation did this piece of work, whoever handed the file in.
    """
    reading = arrived.reading
    known = await queries.find_known(session, reading)
    fields = reading.fields | parties.read_supplier(reading, known)
    fields |= {"purchase_order": parties.read_order(reading, known)}
    effort = Effort(READER, arrived.begun_at, clock.now(), estimated=False)
    values = {
        "id": uuid7(),
        "version": 1,
        "state": DraftState.OPEN,
        **{name: getattr(reading, name) for name in ("pages", "pages_read", "has_text", "language")},
        "reading": msgspec.to_builtins({name: fields[name] for name in FIELDS}),
        "given": {},
        "object_key": original.object_key,
        "size": len(arrived.content),
        "sha256": arrived.sha256,
        "received_by": by.id,
        "received_at": effort.finished_at,
    }
    draft = await _insert(session, values)
    certain = {name: field.certainty for name, field in fields.items()}
    event = events.DraftReceived(
        draft_id=draft.id,
        has_text=draft.has_text,
        found=[name for name in FIELDS if certain[name] == "found"],
        ambiguous=[name for name in FIELDS if certain[name] == "ambiguous"],
        not_found=[name for name in FIELDS if certain[name] == "not-found"],
    )
    outbox.record(session, event, subject=draft.id, work=effort.on(PROCESS, "read-document", draft.id))
    return draft


async def _insert(session: AsyncSession, values: dict[str, Any]) -> InvoiceDraft:
    statement = insert(InvoiceDraft).values(values).on_conflict_do_nothing().returning(InvoiceDraft)
    while (draft := (await session.scalars(statement)).one_or_none()) is None:
        if (existing := await queries.find_by_file(session, values["sha256"])) is not None:
            raise DocumentOnFile(**_told(existing))
    return draft  # perhaps at the second try: what was in its way has just been discarded


def _told(draft: InvoiceDraft) -> dict[str, Any]:
    invoice_id = None if draft.invoice_id is None else str(draft.invoice_id)
    return {"state": draft.state, "draft_id": str(draft.id), "invoice_id": invoice_id}


async def change_draft(session: AsyncSession, draft: InvoiceDraft, wanted: DraftChangeIn, by: Principal) -> None:
    """Take down what a person says. Raises DraftSettled, ClaimedByAnother.

    The work counts when the draft is registered, so no event.
    """
    _require_open(draft)
    await check_claim(session, draft, by)
    changes = wanted.changes()
    draft.given = draft.given | changes
    if "account" in changes:
        draft.account_by = by.id
    if by.id not in draft.authors:
        draft.authors = [*draft.authors, by.id]


async def register_draft(
    session: AsyncSession, draft: InvoiceDraft, by: Principal, effort: Effort, override: Override | None = None
) -> SupplierInvoice:
    """Let the draft become an invoice, as if it had been keyed; it waited for this since it arrived.

    Raises DraftSettled, ClaimedByAnother, DraftIncomplete, and what registering an invoice raises, with or without an
    `override`: then the draft stays open. A claim ends here: the invoice is another item, which anybody may take.
    """
    _require_open(draft)
    turn = await take_turn(session, draft, by, effort)
    said = completed(draft.reading, draft.given)
    if said.obstacles:
        raise DraftIncomplete(obstacles=[{"field": name, "obstacle": what} for name, what in said.obstacles])
    due = said.values.get("due_date") or await _due_by_terms(session, said.values)
    received = _as_keyed(invoice_of({**said.values, "due_date": due}))
    account = normalise_account(said.values.get("account") or "")
    brought_by = draft.account_by or draft.received_by
    accounts = [account] if account else []
    source = Source(draft.id, Origin.DOCUMENT, draft.received_at, accounts, brought_by, draft.authors)
    invoice = await register_invoice(session, received, by, turn, override=override, source=source)
    _settle(draft, DraftState.REGISTERED, by, turn)
    await end_turn(session, turn, draft, by)
    draft.invoice_id = invoice.id
    await decide_invoices(session, [invoice], Occasion.INTAKE)
    return invoice


async def repeat_draft(
    session: AsyncSession, draft: InvoiceDraft, repeated: DraftRepeatIn, by: Principal, effort: Effort
) -> SupplierInvoice:
    """Register the draft though its number is on file as another invoice. Raises UnknownRepeated, and as `register_draft`."""
    if not await is_on_file(session, repeated.repeats_id):
        raise UnknownRepeated(repeats_id=str(repeated.repeats_id))
    override = Override(repeated.repeats_id, repeated.reason, by)
    return await register_draft(session, draft, by, effort, override)


def _as_keyed(values: dict[str, Any]) -> InvoiceIn:
    """Return what was read and given as what could have been keyed. Raises DraftIncomplete where it could not."""
    try:
        return InvoiceIn.model_validate(values)
    except ValidationError as error:
        found = [(".".join(map(str, each["loc"])) or "invoice", each["type"]) for each in error.errors()]
        raise DraftIncomplete(obstacles=[{"field": at, "obstacle": what} for at, what in found]) from None


async def _due_by_terms(session: AsyncSession, values: Any) -> str:
    """Return the day by the supplier's terms, else by law, as for an electronic invoice that names none."""
    owner = await find_owner(session, normalise_tax_id(values["supplier_tax_id"]))
    terms = None if owner is None else (await get_supplier(session, owner)).terms_days
    return due_on(date.fromisoformat(values["issue_date"]), terms).isoformat()


async def discard_draft(session: AsyncSession, draft: InvoiceDraft, reason: str, by: Principal, effort: Effort) -> None:
    """Put a document aside that is no invoice to be paid; its bytes stay with it. Raises DraftSettled, ClaimedByAnother."""
    _require_open(draft)
    turn = await take_turn(session, draft, by, effort)
    _settle(draft, DraftState.DISCARDED, by, turn)
    await end_turn(session, turn, draft, by)
    draft.reason = reason
    work = turn.on(PROCESS, "discard-draft", draft.id, outcome=Outcome.CANCELLED, requested_at=draft.received_at)
    outbox.record(session, events.DraftDiscarded(draft_id=draft.id), subject=draft.id, work=work)


def _settle(draft: InvoiceDraft, state: DraftState, by: Principal, effort: Effort) -> None:
    draft.state, draft.settled_by, draft.settled_at = state, by.id, effort.finished_at


def _require_open(draft: InvoiceDraft) -> None:
    if draft.state != DraftState.OPEN:
        raise DraftSettled(**_told(draft))
