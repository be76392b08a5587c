"""The filters and the period that many questions have in common with GET /analytics/kpis."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from services.analytics.indicators.request import Filter, Moment


def absent(value: Any) -> Any:
    """Take an empty value for none, so that `?team=&from=` filters nothing."""
    return None if value == "" else value


class OperationQuery(BaseModel):
    """Which operations, cases and answers are meant, as for the indicators; an empty value is no value."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    activity: Filter = None
    team: Filter = None
    actor_kind: Annotated[Literal["person", "automation"] | None, BeforeValidator(absent)] = None
    begin: Moment = Field(default=None, alias="from", description="ISO date or instant; included")
    end: Moment = Field(default=None, alias="to", description="ISO date or instant; excluded")
