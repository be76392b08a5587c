"""What comes in about repeats, and what goes out."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints

from services.billing.duplicates.models import DuplicateOverride
from shared.schemas import ResponseModel

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class RepeatOut(ResponseModel):
    """Which invoice on file has the same number, who registered it again, and why."""

    repeats_id: UUID
    reason: str
    overridden_by: str
    overridden_at: datetime


def present_repeat(override: DuplicateOverride | None) -> RepeatOut | None:
    return None if override is None else RepeatOut.model_validate(override)
