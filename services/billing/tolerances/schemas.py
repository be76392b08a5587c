"""What comes in and goes out of tolerances. Amounts are decimal strings."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.billing.parties.schemas import Percent, Tolerance
from services.billing.reasons import Reason
from services.billing.tolerances.models import DefaultTolerance
from shared.money import CurrencyCode
from shared.schemas import RequestModel, ResponseModel


class DefaultToleranceIn(RequestModel):
    """The whole tolerance as it is to be. Without `percent` and with no amount of a currency nothing may be off in it.

    `amounts` are per order line, by the invoice's currency; where there are both, both hold.
    """

    percent: Percent | None
    amounts: Annotated[dict[CurrencyCode, Tolerance], Field(max_length=200)]
    reason: Reason


class DefaultToleranceOut(ResponseModel):
    """What may be off; version 0 is that nothing was ever said: then nothing may be."""

    version: int
    percent: Decimal | None
    amounts: dict[str, Decimal]


class ToleranceVersionOut(DefaultToleranceOut):
    """A version with who made it, when and why."""

    id: UUID
    reason: str
    changed_by: str
    changed_at: datetime


def present_current(current: DefaultTolerance | None) -> DefaultToleranceOut:
    if current is None:
        return DefaultToleranceOut(version=0, percent=None, amounts={})
    return DefaultToleranceOut.model_validate(current)


def present_version(version: DefaultTolerance) -> ToleranceVersionOut:
    return ToleranceVersionOut.model_validate(version)
