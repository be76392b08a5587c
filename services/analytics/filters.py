"""The filters and the period that many questions have in common with GET /analytics/kpis."""

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from services.analytics.indicators.request import ActivityFilter, Moment, TeamFilter, TimeZone, begin_dates
from services.analytics.questions import Question


class OperationQuery(Question):
    """Which operations, cases and answers are meant, as for the indicators."""

    dates: ClassVar[tuple[str, ...]] = ("from", "to")  # parameters that may be dates, of `time_zone`

    activity: ActivityFilter = None
    team: TeamFilter = None
    actor_kind: Literal["person", "automation"] | None = None
    begin: Moment = Field(default=None, alias="from", description="ISO date or instant; included")
    end: Moment = Field(default=None, alias="to", description="ISO date or instant; excluded")
    time_zone: TimeZone = "UTC"

    @model_validator(mode="before")
    @classmethod
    def _begin_dates_in_the_zone(cls, values: Any) -> Any:
        return begin_dates(values, *cls.dates)
