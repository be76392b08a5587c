"""From a calendar's row to what is answered."""

from collections.abc import Sequence
from datetime import date

from services.analytics.calendars.holidays import read_holidays
from services.analytics.calendars.rules import instant, open_on
from services.analytics.calendars.schemas import (
    CalendarIn,
    CalendarOut,
    DayOut,
    HolidaysOut,
    IntervalOut,
    OpenDayOut,
    Reason,
    hours_of,
)
from services.analytics.indicators.schemas import CalendarRefOut
from services.analytics.tables import WorkCalendar
from shared.errors import Language


def present_calendar(row: WorkCalendar) -> CalendarOut:
    document = CalendarIn.model_validate(row.document)
    return CalendarOut(
        name=row.name,
        version=row.version,
        time_zone=document.time_zone,
        weekly_hours=document.weekly_hours,
        holidays=_holidays(document, row.holidays),
        closed_days=sorted(set(document.closed_days)),
        open_days=[OpenDayOut(day=each.day, hours=each.hours) for each in document.open_days],
    )


def _holidays(document: CalendarIn, days: Sequence[date]) -> HolidaysOut | None:
    of = document.holidays
    if of is None:
        return None
    first, last = (days[0], days[-1]) if days else (None, None)
    return HolidaysOut(country=of.country, region=of.region, n=len(days), first=first, last=last)


def present_days(row: WorkCalendar, days: Sequence[date]) -> list[DayOut]:
    document = CalendarIn.model_validate(row.document)
    hours, holidays = hours_of(document, row.holidays), frozenset(row.holidays)
    opened = {each.day for each in document.open_days}

    def reason(day: date) -> Reason:
        if day in opened:
            return "open-day"
        return "closed-day" if day in document.closed_days else "holiday" if day in holidays else "weekly-hours"

    return [_day(day, reason(day), open_on(hours, day)) for day in days]


_CLOSED: dict[Language, str] = {"en": "closed", "es": "cerrado"}


def closed_days(row: WorkCalendar, first: date, last: date, language: Language) -> dict[date, str]:
    """Return the days from first to last that the calendar closes whatever their weekday, each with its name."""
    document = CalendarIn.model_validate(row.document)
    of = document.holidays
    names = read_holidays(of.country, of.region, first, last, language) if of else {}
    closed = {*row.holidays, *document.closed_days} - {each.day for each in document.open_days}
    return {day: names.get(day, _CLOSED[language]) for day in sorted(closed) if first <= day <= last}


def refer_to(row: WorkCalendar) -> CalendarRefOut:
    return CalendarRefOut(name=row.name, version=row.version, time_zone=row.document["time_zone"])


def _day(day: date, reason: Reason, spans: Sequence[tuple[int, int]]) -> DayOut:
    return DayOut(
        day=day,
        reason=reason,
        seconds=sum(end - begin for begin, end in spans),
        open=[IntervalOut(begin=instant(begin), end=instant(end)) for begin, end in spans],
    )
