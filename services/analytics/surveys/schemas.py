"""Survey answers, as they come in and go out."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.analytics.operations.facts import MAX_COMMENT
from services.analytics.operations.schemas import ProcessName, TeamName, Text
from shared.schemas import Instant, RequestModel, ResponseModel


class AnswerIn(RequestModel):
    """One answer to "how satisfied are you", 1 (not at all) to 5 (very). `answered_at` is now unless delivered later."""

    score: Annotated[int, Field(ge=1, le=5)]
    team: TeamName
    process: ProcessName
    comment: Annotated[str, Text(MAX_COMMENT, 0)] | None = None
    answered_at: Instant | None = None


class AnswerOut(ResponseModel):
    id: UUID
    score: int
    team: str
    process: str
    comment: str | None
    answered_at: datetime
