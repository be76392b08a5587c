"""Control charts, as they are asked for and answered."""

from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from services.analytics.control_charts.buckets import Bucket
from services.analytics.control_charts.rules import DEFAULT_RULES, Chart, Rule, Side
from services.analytics.filters import OperationQuery
from services.analytics.indicators.request import Moment, ProcessFilter
from services.analytics.indicators.schemas import DefinitionOut, FiltersOut, PeriodOut
from services.analytics.indicators.selection import Selection
from shared.money import CurrencyCode
from shared.schemas import ResponseModel

LeftOut = Literal["incomplete", "nothing-measured", "too-few-answers"]


class ChartQuery(OperationQuery):
    dates: ClassVar[tuple[str, ...]] = (*OperationQuery.dates, "baseline_from")

    process: ProcessFilter = None
    currency: CurrencyCode | None = Field(default=None, description="Of cost_per_operation, where there are several")
    bucket: Bucket = Field(default="day", description="Of time_zone; weeks begin on Monday")
    baseline_from: Moment = Field(
        default=None,
        description="ISO date or instant: limits come from the buckets that begin then or later, and only they are judged",
    )
    rules: list[Rule] = Field(
        default=list(DEFAULT_RULES), min_length=1, description="Which run rules to look for; repeat it for several"
    )

    @field_validator("rules", mode="before")
    @classmethod
    def _each_once(cls, value: Any) -> Any:
        return list(dict.fromkeys(value)) if isinstance(value, list) else value

    def selection(self) -> Selection:
        return Selection(
            process=self.process,
            activity=self.activity,
            team=self.team,
            actor_kind=self.actor_kind,
            begin=self.begin,
            end=self.end,
            group_by=(self.bucket,),
            details=False,
            zone=self.time_zone,
        )


class PointOut(ResponseModel):
    """`bucket` is its first day. Before the baseline there are neither limits nor a distance (in sigma) from the centre."""

    bucket: str
    value: float
    n: int
    lower: float | None
    upper: float | None
    sigmas: float | None


class PointLeftOutOut(ResponseModel):
    """A bucket without a point, and why.

    `incomplete`: it is not over, or the period holds a part of it only. `nothing-measured`: there is no value.
    `too-few-answers`: showing its answers could tell who gave which.
    """

    bucket: str
    n: int
    reason: LeftOut


class SignalOut(ResponseModel):
    """Buckets that are no chance, by a rule of `rules`."""

    rule: Rule
    side: Side
    buckets: list[str]


class RuleOut(ResponseModel):
    rule: Rule
    definition: DefinitionOut


class BaselineOut(ResponseModel):
    """What the limits come from; `from` null is every bucket."""

    begin: datetime | None = Field(serialization_alias="from")
    buckets: int
    centre: float


class ControlChartOut(ResponseModel):
    """Values in `unit`, as the indicator's own; buckets without any data are not there, and break no run."""

    id: str
    unit: str | None
    definition: DefinitionOut
    period: PeriodOut
    time_zone: str
    filters: FiltersOut
    bucket: Bucket
    chart: Chart
    limits: DefinitionOut
    baseline: BaselineOut
    points: list[PointOut]
    left_out: list[PointLeftOutOut]
    rules: list[RuleOut]
    signals: list[SignalOut]
