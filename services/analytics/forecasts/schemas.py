"""What GET /analytics/forecasts takes and answers. Workload in seconds, counts and times unrounded."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from services.analytics.forecasts.rules import Basis
from services.analytics.indicators.request import ActivityFilter, CalendarFilter, ProcessFilter, TeamFilter
from services.analytics.indicators.schemas import CalendarRefOut, DefinitionOut
from services.analytics.indicators.zones import check_zone
from services.analytics.operations.schemas import Text
from services.analytics.questions import Digits, Question
from shared.schemas import PlausibleDay, ResponseModel
from shared.validation import value_error

MAX_DAYS = 60


class ForecastQuery(Question):
    """Filters select operations; the rest says how to look ahead and how people work."""

    process: ProcessFilter = None
    activity: ActivityFilter = None
    team: TeamFilter = None
    actor_kind: Literal["person", "automation"] | None = None
    begin: PlausibleDay | None = Field(
        default=None,
        alias="from",
        description="First day to forecast, from what was finished before it and before today; today by default",
    )
    days: Annotated[int, Field(ge=1, le=MAX_DAYS), Digits] = 14
    weeks: Annotated[
        int, Field(ge=1, le=26, description="Ordinary days of the same weekday that are averaged"), Digits
    ] = 4
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = Field(
        default=None, description="ISO 3166 code of the country whose holidays count; without, no day is a holiday"
    )
    region: Annotated[str, Text(10)] | None = Field(
        default=None, description="Its part by ISO 3166-2, without the country: MD is Madrid"
    )
    calendar: CalendarFilter = Field(
        default=None, description="Name of a calendar whose holidays and closed days count, instead of a country's"
    )
    time_zone: Annotated[str, AfterValidator(check_zone)] | None = Field(
        default=None, description="IANA name: whose days are meant; that of the calendar, or UTC, by default"
    )
    settling_days: Annotated[int, Field(le=MAX_DAYS), Digits] | None = Field(
        default=None, description="Latest days to leave out, as operations still open are missing; measured by default"
    )
    # A little is the least: with next to nothing of both, the number of people is none.
    hours_per_person: Annotated[float, Field(ge=0.1, le=24)] = 7.5
    utilisation: Annotated[
        float, Field(ge=0.01, le=1, description="Share of those hours that is work on operations")
    ] = 0.85

    @model_validator(mode="after")
    def _one_source_of_holidays(self) -> Self:
        if self.calendar and self.country:
            raise value_error(
                "calendar_and_country",
                "a calendar has holidays of its own: give it or a country",
                "un calendario tiene sus propios festivos: indique el calendario o un país",
            )
        if self.region and not self.country:
            raise value_error(
                "region_without_country", "a region needs its country", "una región necesita su país (country)"
            )
        return self


class ForecastInputsOut(ResponseModel):
    """Everything the forecast was made with, defaults and measured values included."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    process: str | None
    activity: str | None
    team: str | None
    actor_kind: str | None
    begin: date = Field(alias="from")
    days: int
    weeks: int
    time_zone: str
    country: str | None
    region: str | None
    calendar: CalendarRefOut | None
    settling_days: int
    settling_source: Literal["given", "measured"]
    hours_per_person: float
    utilisation: float


class HistoryOut(ResponseModel):
    """The days forecast from, both included. `holiday_ratio` is null until a holiday has passed."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    begin: date = Field(alias="from")
    end: date = Field(alias="to")
    last_arrival: date
    days: int
    arrivals: int
    holidays: int
    holiday_ratio: float | None


class TouchOut(ResponseModel):
    """Over what arrived in the last `weeks` weeks: mean touch times by kind of actor; `mean` is both by their share."""

    mean: float | None
    person_mean: float | None
    automation_mean: float | None
    person_share: float | None
    n: int
    unknown: int


class ScoreOut(ResponseModel):
    """The back-test of forecasts this many weeks ahead: all errors over the same n days.

    `mae` is the mean absolute error, `seasonal_naive_mae` that of repeating the last known same weekday;
    `coverage` is the share of `coverage_n` days that lay in an interval from earlier errors alone.
    """

    weeks_ahead: int
    n: int
    mae: float | None
    seasonal_naive_mae: float | None
    coverage: float | None
    coverage_n: int


class BacktestOut(ResponseModel):
    """`workload` is empty where the work of an arrival is unknown."""

    arrivals: list[ScoreOut]
    workload: list[ScoreOut]


class ExpectedOut(ResponseModel):
    """80 % of days are expected between low and high; null where there is no error to tell it from."""

    expected: float
    low: float | None
    high: float | None


class StaffingOut(ResponseModel):
    """People's work alone. `people` is hours / (hours_per_person x utilisation), `heads` that in whole people."""

    hours: float
    people: float
    heads: int


class ForecastDayOut(ResponseModel):
    """`n` ordinary days of the weekday were averaged. Workload and staffing are null while touch times are unknown."""

    day: date
    weeks_ahead: int
    holiday: str | None
    basis: Basis
    n: int
    arrivals: ExpectedOut
    workload: ExpectedOut | None
    staffing: StaffingOut | None


class ForecastOut(ResponseModel):
    definition: DefinitionOut
    inputs: ForecastInputsOut
    history: HistoryOut
    touch: TouchOut
    backtest: BacktestOut
    days: list[ForecastDayOut]
