"""GET /analytics/forecasts."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.analytics.calendars.errors import UnknownCalendar
from services.analytics.calendars.holidays import UnknownCountry, UnknownRegion
from services.analytics.forecasts.schemas import ForecastOut, ForecastQuery
from services.analytics.forecasts.service import TooLittleHistory, answer_forecast
from services.analytics.language import CallerLanguage
from shared.auth import Principal, requires
from shared.db import ReadSession
from shared.errors import problems
from shared.routing import ServiceRoute

router = APIRouter(prefix="/analytics/forecasts", tags=["forecasts"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("analytics.forecasts:read")]


@router.get("", responses=problems(TooLittleHistory, UnknownCountry, UnknownRegion, UnknownCalendar))
async def get_forecast(
    asked: Annotated[ForecastQuery, Query()], session: ReadSession, _by: CanRead, language: CallerLanguage
) -> ForecastOut:
    """Return what is expected to arrive on each of the coming days, how much work it is, and how many people it takes."""
    return await answer_forecast(session, asked, language)
