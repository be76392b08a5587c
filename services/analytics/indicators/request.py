"""What GET /analytics/kpis can be asked. An empty value is no value, so `?process=&team=` filters nothing."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from services.analytics.indicators.selection import GroupBy, Selection
from services.analytics.indicators.zones import begin_of, check_zone, zone_names
from services.analytics.operations.schemas import Text
from shared.events import MAX_ACTIVITY, MAX_PROCESS, MAX_TEAM
from shared.schemas import Slug

MAX_GROUPINGS = 2
_EARLIEST_YEAR, _LATEST_YEAR = 1800, 3000
_DAY_LENGTH = len("2026-01-31")


def _absent(value: Any) -> Any:
    return None if value == "" else value


def _date(value: Any) -> date | None:
    try:
        day = date.fromisoformat(value)
    except (ValueError, TypeError):
        return None
    return day if _EARLIEST_YEAR <= day.year <= _LATEST_YEAR else None


def _moment(value: Any) -> Any:
    """Take an ISO date (its first moment, UTC) or an instant with its offset."""
    if not isinstance(value, str) or not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise PydanticCustomError("datetime_parsing", "an ISO 8601 date or instant is expected") from error
    if not _EARLIEST_YEAR <= moment.year <= _LATEST_YEAR:
        raise PydanticCustomError("datetime_parsing", "a year from 1800 to 3000 is expected")
    if len(value) <= _DAY_LENGTH:
        return moment.replace(tzinfo=UTC)
    if moment.tzinfo is None:
        raise PydanticCustomError("timezone_aware", "the offset from UTC is missing (write + as %2B in an address)")
    return moment


def _zone(value: Any) -> Any:
    return check_zone(value) if value else "UTC"


_Absent = BeforeValidator(_absent)
ProcessFilter = Annotated[Annotated[str, Text(MAX_PROCESS)] | None, _Absent]
ActivityFilter = Annotated[Annotated[str, Text(MAX_ACTIVITY)] | None, _Absent]
TeamFilter = Annotated[Annotated[str, Text(MAX_TEAM)] | None, _Absent]
CalendarFilter = Annotated[
    Slug | None,
    _Absent,
    Field(description="Name of a calendar: waits, lead times and the time of cases are measured in working time"),
]
Moment = Annotated[datetime | None, BeforeValidator(_moment)]
AsOf = Annotated[
    Moment,
    Field(description="ISO date or instant that has passed: answer what was known then; costs and bands are today's"),
]


TimeZone = Annotated[
    str,
    BeforeValidator(_zone),
    Field(
        description="IANA name: whose hours, days, weeks and months are meant, also where a moment is given as a date"
    ),
]


def begin_dates(values: Any, *names: str) -> Any:
    """Make instants of dates; what is none, or of no known zone, is left to be refused by its own field."""
    if not isinstance(values, dict) or (zone := values.get("time_zone")) not in zone_names():
        return values
    dates = {name: day for name in names if (day := _date(values.get(name)))}
    return values | {name: begin_of(day, zone).isoformat() for name, day in dates.items()}


class KpiQuery(BaseModel):
    """Filters select operations, cases that hold such operations, and answers of that process and team."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    process: ProcessFilter = None
    activity: ActivityFilter = None
    team: TeamFilter = None
    actor_kind: Annotated[Literal["person", "automation"] | None, _Absent] = None
    begin: Moment = Field(default=None, alias="from", description="ISO date or instant; included")
    end: Moment = Field(default=None, alias="to", description="ISO date or instant; excluded")
    group_by: list[GroupBy] = Field(
        default=[], max_length=MAX_GROUPINGS, description="Repeat it for two; times are those of time_zone"
    )
    time_zone: TimeZone = "UTC"
    calendar: CalendarFilter = None
    currency: Annotated[
        Annotated[str, Text(3, pattern="^[A-Z]{3}$")] | None,
        _Absent,
        Field(description="Which currency cost_per_operation answers in, where there are several"),
    ] = None
    as_of: AsOf = None
    format: Annotated[Literal["json", "csv", "xlsx"], BeforeValidator(lambda value: value or "json")] = Field(
        default="json", description="csv and xlsx have one row per group and indicator"
    )
    exact: bool = Field(
        default=False,
        description="true reads percentiles from every fact, not from roll-ups within 1 %, and counts variants",
    )
    details: bool = Field(default=True, description="false leaves out percentiles and variants, whatever `exact` says")

    @model_validator(mode="before")
    @classmethod
    def _begin_dates_in_the_zone(cls, values: Any) -> Any:
        return begin_dates(values, "from", "to", "as_of")

    @field_validator("group_by", mode="before")
    @classmethod
    def _each_once(cls, value: Any) -> Any:
        return list(dict.fromkeys(name for name in value if name)) if isinstance(value, list) else value

    def selection(self) -> Selection:
        return Selection(
            process=self.process,
            activity=self.activity,
            team=self.team,
            actor_kind=self.actor_kind,
            begin=self.begin,
            end=self.end,
            group_by=tuple(self.group_by),
            details=self.details,
            exact=self.exact,
            zone=self.time_zone,
            as_of=self.as_of,
        )
