"""GET /analytics/kpis/{kpi}/control-chart."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.analytics.control_charts.schemas import ChartQuery, ControlChartOut
from services.analytics.control_charts.service import SeveralCurrencies, TooFewBuckets, answer_chart
from services.analytics.indicators.definitions import KpiId
from services.analytics.indicators.service import BadPeriod, TooManyGroups
from services.analytics.language import CallerLanguage
from shared.auth import Principal, requires
from shared.db import ReadSession
from shared.errors import problems
from shared.routing import ServiceRoute

router = APIRouter(prefix="/analytics/kpis", tags=["control charts"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("analytics.kpis:read")]


@router.get("/{kpi}/control-chart", responses=problems(BadPeriod, TooManyGroups, SeveralCurrencies, TooFewBuckets))
async def get_control_chart(
    kpi: KpiId, asked: Annotated[ChartQuery, Query()], session: ReadSession, _by: CanRead, language: CallerLanguage
) -> ControlChartOut:
    """Return an indicator by day or week with its 3-sigma limits, and the changes that are no chance."""
    return await answer_chart(session, kpi, asked, language)
