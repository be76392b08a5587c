"""What comes in and goes out of bulk decisions."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from services.billing.bulk.models import Became, BulkOutcome
from services.billing.holds.models import HoldKind
from services.billing.invoices.models import InvoiceStatus
from services.billing.reasons import Reason
from services.billing.refusals import RefusalOut, present_refusal
from shared.errors import Language
from shared.schemas import Id, RequestModel, ResponseModel
from shared.validation import value_error

MOST_INVOICES = 1_000


class ChosenIn(RequestModel):
    """One invoice; with `version`, the step is refused where the invoice has changed since."""

    id: Id
    version: Annotated[int, Field(ge=1)] | None = None


class BulkIn(RequestModel):
    """The invoices, in the order in which they are dealt with."""

    invoices: Annotated[list[ChosenIn], Field(min_length=1, max_length=MOST_INVOICES)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({each.id for each in self.invoices}) < len(self.invoices):
            raise value_error("invoice_twice", "invoices repeats an id", "invoices repite un id")
        return self


class BulkRejectionIn(BulkIn):
    reason: Reason


class BulkReleaseIn(BulkIn):
    """The kind of hold that the invoices are let go from; for these invoices alone, whatever comes later."""

    hold: Annotated[HoldKind, Field(strict=False)]
    reason: Reason


class BulkAccepted(ResponseModel):
    """The job that takes the step; Location is its address. `outcomes` tells what became of each, from the first on."""

    id: UUID
    kind: str
    status: str
    outcomes: str


class BulkOutcomeOut(ResponseModel):
    """One invoice, by its place in the list. `status` is the invoice's afterwards; null where there is no such invoice."""

    position: int
    invoice_id: UUID
    outcome: Became
    status: InvoiceStatus | None
    refusal: RefusalOut | None
    told_at: datetime


def present_outcome(row: BulkOutcome, language: Language) -> BulkOutcomeOut:
    told = {name: getattr(row, name) for name in ("position", "invoice_id", "outcome", "status", "told_at")}
    return BulkOutcomeOut.model_validate(told | {"refusal": present_refusal(row.refusal, language)})
