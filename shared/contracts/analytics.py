"""Events that analytics publishes: work reported by systems without Kafka, imported logs, survey answers."""

from datetime import datetime
from typing import ClassVar

from shared.events import EventData


class OperationRecorded(EventData, frozen=True, kw_only=True):
    """An operation reported or imported; everything is in its work block."""

    type: ClassVar[str] = "analytics.operation.recorded.v1"
    topic: ClassVar[str] = "analytics.operations"

    source: str


class ObservationRecorded(EventData, frozen=True, kw_only=True):
    """Something happened to a case at a moment, without being a finished operation."""

    type: ClassVar[str] = "analytics.observation.recorded.v1"
    topic: ClassVar[str] = "analytics.operations"

    process: str
    case: str
    at: datetime


class SurveyAnswered(EventData, frozen=True, kw_only=True):
    """An internal customer's score from 1 to 5; the comment stays in analytics' own database."""

    type: ClassVar[str] = "analytics.survey.answered.v1"
    topic: ClassVar[str] = "analytics.survey-answers"

    score: int
    team: str
    process: str
    answered_at: datetime
