"""GET /analytics/kpis."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.analytics.indicators.request import KpiQuery
from services.analytics.indicators.schemas import KpisOut
from services.analytics.indicators.service import BadPeriod, TooManyGroups, answer_kpis
from services.analytics.language import CallerLanguage
from shared.auth import Principal, requires
from shared.db import ReadSession
from shared.errors import problems
from shared.routing import ServiceRoute

router = APIRouter(prefix="/analytics/kpis", tags=["indicators"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("analytics.kpis:read")]


@router.get("", responses=problems(BadPeriod, TooManyGroups))
async def get_kpis(
    asked: Annotated[KpiQuery, Query()], session: ReadSession, _by: CanRead, language: CallerLanguage
) -> KpisOut:
    """Return the five indicators and four by case, for what the filters select, and once per group with `group_by`."""
    return await answer_kpis(session, asked.selection(), asked.currency, language)
