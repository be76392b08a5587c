"""What comes in and goes out of holds."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, model_validator

from services.billing.duplicates.rules import Sign
from services.billing.holds.models import HoldKind, HoldScope, InvoiceHold
from services.billing.holds.texts import told_kind
from services.billing.reasons import Reason
from shared.errors import Language
from shared.schemas import RequestModel, ResponseModel
from shared.validation import value_error


class ReleaseIn(RequestModel):
    """Why an invoice may go on, and how far that goes.

    With scope `supplier` the named sign of a near duplicate says nothing about this supplier from now on.
    """

    reason: Reason
    scope: Annotated[HoldScope, Field(strict=False)]
    sign: Annotated[Sign, Field(strict=False)] | None = None

    @model_validator(mode="after")
    def _sign_with_its_scope(self) -> Self:
        if (self.scope is HoldScope.SUPPLIER) != (self.sign is not None):
            raise value_error(
                "sign_and_scope",
                "scope `supplier` needs a sign, and a sign needs scope `supplier`",
                "el alcance `supplier` requiere un indicio, y un indicio requiere el alcance `supplier`",
            )
        return self


class HoldOut(ResponseModel):
    """Why the invoice waits, or waited. `details` name what was found; `text` and `hint` are in the caller's language."""

    id: UUID
    kind: HoldKind
    text: str
    hint: str
    details: dict[str, Any]
    raised_at: datetime
    released_at: datetime | None
    released_by: str | None
    reason: str | None
    scope: HoldScope | None


def present_hold(hold: InvoiceHold, language: Language) -> HoldOut:
    fields = ("id", "kind", "details", "raised_at", "released_at", "released_by", "reason", "scope")
    told = {name: getattr(hold, name) for name in fields}
    return HoldOut.model_validate(told | told_kind(hold.kind, language))
