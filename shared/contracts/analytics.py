"""Events that analytics publishes: work of systems without Kafka, imported logs, what was withdrawn, answers, targets."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from shared.events import EventData


class OperationRecorded(EventData, frozen=True, kw_only=True):
    """An operation reported or imported; everything is in its work block."""

    type: ClassVar[str] = "analytics.operation.recorded.v1"
    topic: ClassVar[str] = "analytics.operations"

    source: str


class ObservationRecorded(EventData, frozen=True, kw_only=True):
    """Something happened to a case at a moment, without being a finished operation.

    `activity` and `transition` say what, as an event log does (start, suspend); empty where that is not told.
    """

    type: ClassVar[str] = "analytics.observation.recorded.v1"
    topic: ClassVar[str] = "analytics.operations"

    process: str
    case: str
    at: datetime
    activity: str = ""
    transition: str = ""


class EventWithdrawn(EventData, frozen=True, kw_only=True):
    """An earlier event should never have counted: sent in error, imported twice, deleted where it came from.

    `event` is its id. Whatever that event measures (an operation, an observation, an answer) counts nowhere from here on,
    as if it had never arrived, whichever of the two comes first. Nothing takes it back: what counts after all is sent
    again under another id. `reason` is for people, and holds no personal data.
    """

    type: ClassVar[str] = "analytics.event.withdrawn.v1"
    topic: ClassVar[str] = "analytics.operations"

    event: UUID
    reason: str


class SurveyAnswered(EventData, frozen=True, kw_only=True):
    """An internal customer's score from 1 to 5; the comment stays in analytics' own database."""

    type: ClassVar[str] = "analytics.survey.answered.v1"
    topic: ClassVar[str] = "analytics.survey-answers"

    score: int
    team: str
    process: str
    answered_at: datetime


class _TargetEvent(EventData, frozen=True, kw_only=True):
    """A target's state changed, as its evaluation over `period_from` to `period_to` found.

    `direction` is at-most or at-least; `target` and `value` are in `unit` (s, ratio or a currency); `owner_id` is a
    team, or a person's pseudonym.
    """

    topic: ClassVar[str] = "analytics.targets"

    target_id: UUID
    process: str
    kpi: str
    definition: str
    definition_version: int
    activity: str | None
    team: str | None
    direction: str
    target: Decimal
    value: Decimal
    unit: str
    n: int
    period_from: datetime
    period_to: datetime
    owner_kind: str
    owner_id: str


class TargetBreached(_TargetEvent, frozen=True, kw_only=True):
    """An indicator misses its target, for the first time or after having met it."""

    type: ClassVar[str] = "analytics.target.breached.v1"


class TargetRecovered(_TargetEvent, frozen=True, kw_only=True):
    """An indicator meets a target that it had missed."""

    type: ClassVar[str] = "analytics.target.recovered.v1"
