"""The answer of GET /analytics/forecasts. It reads alone."""

from collections.abc import Mapping
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.calendars.holidays import read_holidays
from services.analytics.calendars.presentation import closed_days, refer_to
from services.analytics.calendars.service import find_named
from services.analytics.forecasts.backtest import Score
from services.analytics.forecasts.definition import FORECAST
from services.analytics.forecasts.prediction import Interval, Predicted, Prediction
from services.analytics.forecasts.queries import Arrived, read_arrivals
from services.analytics.forecasts.rules import (
    FEWEST_DAYS,
    SECONDS_PER_HOUR,
    Arrivals,
    people_needed,
    weeks_ahead,
    whole_people,
)
from services.analytics.forecasts.schemas import (
    BacktestOut,
    ExpectedOut,
    ForecastDayOut,
    ForecastInputsOut,
    ForecastOut,
    ForecastQuery,
    HistoryOut,
    ScoreOut,
    StaffingOut,
    TouchOut,
)
from services.analytics.indicators.selection import Selection
from services.analytics.indicators.zones import begin_of
from services.analytics.tables import WorkCalendar
from shared import clock
from shared.errors import DomainError, Language

DEFAULT_ZONE = "UTC"  # as of the indicators
HISTORY_DAYS = 2 * 365  # two of each holiday
MOST_SETTLING_DAYS = 28  # a process that takes longer is forecast from what is known


class TooLittleHistory(DomainError):
    code, status = "too-little-history", 422
    en = "There are {days} day(s) of arrivals to forecast from; {needed} are needed."
    es = "Hay {days} día(s) de llegadas en que basar la previsión; hacen falta {needed}."
    hint_en = (
        "They are counted from the first arrival to {settling_days} day(s) before `from`, or before today if that is "
        "earlier; widen the filters or wait."
    )
    hint_es = (
        "Se cuentan desde la primera llegada hasta {settling_days} día(s) antes de `from`, o de hoy si es anterior; "
        "amplíe los filtros o espere."
    )


async def answer_forecast(session: AsyncSession, asked: ForecastQuery, language: Language) -> ForecastOut:
    """Return the forecast. Raises TooLittleHistory, UnknownCountry, UnknownRegion, UnknownCalendar."""
    calendar = await find_named(session, asked.calendar) if asked.calendar else None
    zone = asked.time_zone or (calendar.document["time_zone"] if calendar else DEFAULT_ZONE)
    today = clock.now().astimezone(ZoneInfo(zone)).date()
    begin = asked.begin or today
    seen = min(begin, today)  # a day that has not happened is no day without arrivals
    first, last = seen - timedelta(days=HISTORY_DAYS), begin + timedelta(days=asked.days - 1)
    holidays = (
        closed_days(calendar, first, last, language)
        if calendar
        else read_holidays(asked.country, asked.region, first, last, language)
    )
    arrived = await read_arrivals(session, _selection(asked, first, seen, zone))
    settling = asked.settling_days
    if settling is None:
        settling = max(0, min(arrived.settling_days or 0, MOST_SETTLING_DAYS))
    past_begin, past = _past(arrived, seen - timedelta(days=settling), settling)
    holiday_numbers = frozenset((day - past_begin).days for day in holidays if day >= past_begin)
    prediction = Prediction(past, past_begin.weekday(), holiday_numbers, asked.weeks)
    ahead = range((begin - past_begin).days, (last - past_begin).days + 1)
    horizons = range(weeks_ahead(ahead[0] - len(past) + 1), weeks_ahead(ahead[-1] - len(past) + 1) + 1)
    return ForecastOut(
        definition=FORECAST.present(language),
        inputs=_inputs(asked, begin, settling, zone, calendar),
        history=_history(prediction, past_begin),
        touch=_touch(prediction.recent),
        backtest=_backtest(prediction, horizons),
        days=[_present(each, past_begin, holidays, asked) for each in map(prediction.day, ahead)],
    )


def _selection(asked: ForecastQuery, first: date, end: date, zone: str) -> Selection:
    return Selection(
        process=asked.process,
        activity=asked.activity,
        team=asked.team,
        actor_kind=asked.actor_kind,
        begin=begin_of(first, zone),
        end=begin_of(end, zone),
        zone=zone,
    )


def _past(arrived: Arrived, end: date, settling: int) -> tuple[date, list[Arrivals]]:
    """Return the first day and what arrived on each until the day before `end`. Raises TooLittleHistory."""
    begin = min((day for day in arrived.by_day if day < end), default=end)
    days = (end - begin).days
    if days < FEWEST_DAYS:
        raise TooLittleHistory(days=days, needed=FEWEST_DAYS, settling_days=settling)
    nothing = Arrivals()
    return begin, [arrived.by_day.get(begin + timedelta(days=number), nothing) for number in range(days)]


def _inputs(
    asked: ForecastQuery, begin: date, settling: int, zone: str, calendar: WorkCalendar | None
) -> ForecastInputsOut:
    return ForecastInputsOut(
        process=asked.process,
        activity=asked.activity,
        team=asked.team,
        actor_kind=asked.actor_kind,
        begin=begin,
        days=asked.days,
        weeks=asked.weeks,
        time_zone=zone,
        country=asked.country,
        region=asked.region,
        calendar=calendar and refer_to(calendar),
        settling_days=settling,
        settling_source="measured" if asked.settling_days is None else "given",
        hours_per_person=asked.hours_per_person,
        utilisation=asked.utilisation,
    )


def _history(prediction: Prediction, begin: date) -> HistoryOut:
    return HistoryOut(
        begin=begin,
        end=begin + timedelta(days=prediction.known - 1),
        last_arrival=begin + timedelta(days=max(number for number, day in enumerate(prediction.past) if day.n)),
        days=prediction.known,
        arrivals=sum(day.n for day in prediction.past),
        holidays=sum(day < prediction.known for day in prediction.history.holidays),
        holiday_ratio=prediction.history.holiday_ratio(prediction.known),
    )


def _touch(recent: Arrivals) -> TouchOut:
    return TouchOut(
        mean=recent.seconds_each,
        person_mean=recent.person_mean,
        automation_mean=recent.automation_mean,
        person_share=recent.person_share,
        n=recent.touch_n,
        unknown=recent.n - recent.touch_n,
    )


def _backtest(prediction: Prediction, horizons: range) -> BacktestOut:
    scores = [(weeks, *prediction.horizon(weeks).scores()) for weeks in horizons]
    return BacktestOut(
        arrivals=[_score(weeks, arrivals) for weeks, arrivals, _ in scores],
        workload=[_score(weeks, work) for weeks, _, work in scores if prediction.recent.workload is not None],
    )


def _score(weeks: int, score: Score) -> ScoreOut:
    return ScoreOut(
        weeks_ahead=weeks,
        n=score.n,
        mae=score.mae,
        seasonal_naive_mae=score.naive_mae,
        coverage=score.coverage,
        coverage_n=score.covered_n,
    )


def _present(predicted: Predicted, begin: date, holidays: Mapping[date, str], asked: ForecastQuery) -> ForecastDayOut:
    day = begin + timedelta(days=predicted.day)
    return ForecastDayOut(
        day=day,
        weeks_ahead=predicted.weeks_ahead,
        holiday=holidays.get(day),
        basis=predicted.level.basis,
        n=predicted.level.n,
        arrivals=_expected(predicted.arrivals),
        workload=_expected(predicted.workload) if predicted.workload else None,
        staffing=_staffing(predicted.person_seconds, asked),
    )


def _expected(interval: Interval) -> ExpectedOut:
    return ExpectedOut(expected=interval.expected, low=interval.low, high=interval.high)


def _staffing(person_seconds: float | None, asked: ForecastQuery) -> StaffingOut | None:
    if person_seconds is None:
        return None
    hours = person_seconds / SECONDS_PER_HOUR
    people = people_needed(hours, asked.hours_per_person, asked.utilisation)
    return StaffingOut(hours=hours, people=people, heads=whole_people(people))
