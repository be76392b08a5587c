"""What comes in about repeats, and what goes out."""

from datetime import datetime
from uuid import UUID

from services.billing.duplicates.models import DuplicateOverride
from shared.schemas import ResponseModel


class RepeatOut(ResponseModel):
    """Which invoice on file has the same number, who registered it again, and why."""

    repeats_id: UUID
    reason: str
    overridden_by: str
    overridden_at: datetime


def present_repeat(override: DuplicateOverride | None) -> RepeatOut | None:
    return None if override is None else RepeatOut.model_validate(override)
