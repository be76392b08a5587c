"""The filters and the period that many questions have in common with GET /analytics/kpis."""

from typing import Literal

from pydantic import Field

from services.analytics.indicators.request import ActivityFilter, Moment, TeamFilter
from services.analytics.questions import Question


class OperationQuery(Question):
    """Which operations, cases and answers are meant, as for the indicators."""

    activity: ActivityFilter = None
    team: TeamFilter = None
    actor_kind: Literal["person", "automation"] | None = None
    begin: Moment = Field(default=None, alias="from", description="ISO date or instant; included")
    end: Moment = Field(default=None, alias="to", description="ISO date or instant; excluded")
