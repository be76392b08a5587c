"""What goes out about batches."""

from typing import Any
from uuid import UUID

from services.billing.batches.models import BatchFile
from services.billing.batches.outcomes import EntryTooLarge, UnreadableEntry
from services.billing.einvoices.errors import AT_THE_DOOR
from services.billing.einvoices.verdicts import Verdict
from services.billing.holds.models import HoldKind
from services.billing.intake.errors import IntakeExpired, UnreadInvoice, UnusableInvoice
from services.billing.invoices.errors import DuplicateInvoice
from shared.errors import Language
from shared.schemas import ResponseModel

_OWN = (EntryTooLarge, UnreadableEntry, UnreadInvoice, UnusableInvoice, IntakeExpired, DuplicateInvoice)
REFUSALS = AT_THE_DOOR | {refusal.code: refusal for refusal in _OWN}


class BatchAccepted(ResponseModel):
    """The job that takes the files in; Location is its address. `files` tells what became of each, from the first on."""

    id: UUID
    kind: str
    status: str
    files: str


class RefusalOut(ResponseModel):
    """Why a file is not on file, as the refusal of a single file says it; `values` are its members."""

    code: str
    detail: str
    hint: str
    values: dict[str, Any]


class BatchFileOut(ResponseModel):
    """One file, by its place in the archive: on file with its invoice, or refused."""

    position: int
    name: str
    invoice_id: UUID | None
    verdict: Verdict | None
    holds: list[HoldKind]
    refusal: RefusalOut | None


def present_file(file: BatchFile, language: Language) -> BatchFileOut:
    told = {name: getattr(file, name) for name in ("position", "name", "invoice_id", "verdict", "holds")}
    return BatchFileOut.model_validate(told | {"refusal": file.refusal and _told_refusal(file.refusal, language)})


def _told_refusal(kept: dict[str, Any], language: Language) -> RefusalOut:
    refusal = REFUSALS[kept["code"]](**kept["values"])
    return RefusalOut(
        code=kept["code"],
        detail=refusal.detail(language),
        hint=refusal.hint(language),
        values=kept["values"],
    )
