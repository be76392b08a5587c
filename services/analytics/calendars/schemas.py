"""Calendars, as they come in and go out. Times are those of the wall clock in the calendar's time zone."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from services.analytics.calendars.rules import FIRST_YEAR, LAST_YEAR, Hours, Span
from services.analytics.cursors import Cursor, Limit
from services.analytics.indicators.zones import check_zone
from services.analytics.operations.schemas import Text
from services.analytics.questions import Question
from shared.pagination import DEFAULT_LIMIT
from shared.schemas import PlausibleDay, RequestModel, ResponseModel
from shared.validation import value_error

MAX_SPANS, MAX_DAYS, MAX_SHOWN = 5, 2_000, 366
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)

_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]"
CalendarDay = Annotated[PlausibleDay, Field(ge=date(FIRST_YEAR, 1, 1), le=date(LAST_YEAR, 12, 31))]


class HoursIn(RequestModel):
    """Open from `from` until before `to`, as HH:MM; `to` may be 24:00."""

    model_config = ConfigDict(serialize_by_alias=True)

    begin: Annotated[str, StringConstraints(pattern=f"^{_CLOCK}$")] = Field(alias="from")
    end: Annotated[str, StringConstraints(pattern=f"^({_CLOCK}|24:00)$")] = Field(alias="to")

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end <= self.begin:
            raise value_error(
                "hours_backwards",
                "`to` must be later than `from`; hours over midnight end at 24:00 and go on from 00:00 of the next day",
                "`to` debe ser posterior a `from`; las horas que pasan de medianoche acaban a las 24:00 y siguen desde las "
                "00:00 del día siguiente",
            )
        return self


def _in_order(hours: list[HoursIn]) -> list[HoursIn]:
    """Validate the hours of one day: in any order, but apart from each other."""
    ordered = sorted(hours, key=lambda each: each.begin)
    if any(later.begin < earlier.end for earlier, later in pairwise(ordered)):
        raise value_error(
            "hours_overlap", "hours of one day must not overlap", "las horas de un día no deben solaparse"
        )
    return ordered


DayHours = Annotated[list[HoursIn], Field(max_length=MAX_SPANS), AfterValidator(_in_order)]


class OpenDay(RequestModel):
    """A day with hours of its own, whatever its weekday, the holidays and other closed days say."""

    day: CalendarDay
    hours: Annotated[DayHours, Field(min_length=1)]


class HolidaysIn(RequestModel):
    """Whose public holidays are closed: a country by ISO 3166 and its part by ISO 3166-2, without the country."""

    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    region: Annotated[str, Text(10)] | None = None


class CalendarIn(RequestModel):
    """When it is open. A weekday that is not named is closed; `closed_days` are closed beside the holidays."""

    time_zone: Annotated[str, AfterValidator(check_zone)]
    weekly_hours: dict[Weekday, DayHours]
    holidays: HolidaysIn | None = None
    closed_days: Annotated[list[CalendarDay], Field(default_factory=list, max_length=MAX_DAYS)]
    open_days: Annotated[list[OpenDay], Field(default_factory=list, max_length=MAX_DAYS)]

    @model_validator(mode="after")
    def _opens_at_all(self) -> Self:
        if not any(self.weekly_hours.values()):
            raise value_error(
                "never_open",
                "some weekday must have hours: by a calendar that is never open everything takes 0 seconds",
                "algún día de la semana debe tener horas: con un calendario siempre cerrado todo dura 0 segundos",
            )
        return self

    @model_validator(mode="after")
    def _each_day_once(self) -> Self:
        named = Counter([*(each.day for each in self.open_days), *set(self.closed_days)])
        twice = sorted(day for day, times in named.items() if times > 1)
        if twice:
            days = ", ".join(str(day) for day in twice[:5])
            raise value_error(
                "day_twice",
                f"a day is open once, and not closed as well: {days}",
                f"un día se abre una sola vez y no puede estar también cerrado: {days}",
            )
        return self


class HolidaysOut(ResponseModel):
    """The holidays as they were known when this version was set: how many, the first and the last."""

    country: str
    region: str | None
    n: int
    first: date | None
    last: date | None


class OpenDayOut(ResponseModel):
    day: date
    hours: list[HoursIn]


class CalendarOut(ResponseModel):
    name: str
    version: int
    time_zone: str
    weekly_hours: dict[Weekday, list[HoursIn]]
    holidays: HolidaysOut | None
    closed_days: list[date]
    open_days: list[OpenDayOut]


class CalendarsQuery(Question):
    cursor: Cursor = None
    limit: Limit = DEFAULT_LIMIT


class DaysQuery(Question):
    begin: CalendarDay = Field(alias="from", description="First day, in the calendar's time zone")
    end: CalendarDay = Field(alias="to", description=f"Day after the last; {MAX_SHOWN} days at most")

    @model_validator(mode="after")
    def _not_too_many(self) -> Self:
        if not 0 <= (self.end - self.begin).days <= MAX_SHOWN:
            raise value_error(
                "days_out_of_range",
                f"`to` must be 0 to {MAX_SHOWN} days after `from`",
                f"`to` debe ser de 0 a {MAX_SHOWN} días posterior a `from`",
            )
        return self


Reason = Literal["weekly-hours", "holiday", "closed-day", "open-day"]


class IntervalOut(ResponseModel):
    """Half-open, in UTC."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    begin: datetime = Field(alias="from")
    end: datetime = Field(alias="to")


class DayOut(ResponseModel):
    """A day's open time: `seconds` is its sum, and `reason` says what decided."""

    day: date
    reason: Reason
    seconds: int
    open: list[IntervalOut]


class DaysOut(ResponseModel):
    calendar: str
    version: int
    time_zone: str
    days: list[DayOut]


def hours_of(document: CalendarIn, holidays: Sequence[date]) -> Hours:
    """Return the rules of a document."""
    return Hours(
        zone=document.time_zone,
        weekly=tuple(_spans(document.weekly_hours.get(day, [])) for day in WEEKDAYS),
        closed=frozenset([*holidays, *document.closed_days]),
        opened=frozenset((each.day, _spans(each.hours)) for each in document.open_days),
    )


def _spans(hours: Sequence[HoursIn]) -> tuple[Span, ...]:
    return tuple((_minutes(each.begin), _minutes(each.end)) for each in hours)


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])
