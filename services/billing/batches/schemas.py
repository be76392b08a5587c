"""What goes out about batches."""

from uuid import UUID

from services.billing.batches.models import BatchFile
from services.billing.einvoices.verdicts import Verdict
from services.billing.holds.models import HoldKind
from services.billing.refusals import RefusalOut, present_refusal
from shared.errors import Language
from shared.schemas import ResponseModel


class BatchAccepted(ResponseModel):
    """The job that takes the files in; Location is its address. `files` tells what became of each, from the first on."""

    id: UUID
    kind: str
    status: str
    files: str


class BatchFileOut(ResponseModel):
    """One file, by its place in the archive: on file with its invoice, a draft that a person completes, or refused."""

    position: int
    name: str
    invoice_id: UUID | None
    draft_id: UUID | None
    verdict: Verdict | None
    holds: list[HoldKind]
    refusal: RefusalOut | None


def present_file(file: BatchFile, language: Language) -> BatchFileOut:
    names = ("position", "name", "invoice_id", "draft_id", "verdict", "holds")
    told = {name: getattr(file, name) for name in names}
    return BatchFileOut.model_validate(told | {"refusal": present_refusal(file.refusal, language)})
