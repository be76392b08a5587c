"""GET /analytics/kpis/{id}/explanation."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from services.analytics.calendars.errors import CalendarMisplaced, UnknownCalendar
from services.analytics.explanations.comparing import NoSuchParts
from services.analytics.explanations.request import ExplanationQuery
from services.analytics.explanations.schemas import ExplanationOut
from services.analytics.explanations.service import explain_kpi
from services.analytics.indicators.as_of import AsOfInFuture
from services.analytics.indicators.definitions import KpiId
from services.analytics.indicators.service import BadPeriod, TooManyGroups
from services.analytics.language import CallerLanguage
from shared.auth import Principal, requires
from shared.db import ReadSession
from shared.errors import problems
from shared.pagination import InvalidCursor
from shared.routing import ServiceRoute

router = APIRouter(prefix="/analytics/kpis", tags=["indicators"], route_class=ServiceRoute)

_REFUSALS = (
    BadPeriod,
    AsOfInFuture,
    TooManyGroups,
    NoSuchParts,
    InvalidCursor,
    UnknownCalendar,
    CalendarMisplaced,
)
CanRead = Annotated[Principal, requires("analytics.kpis:read")]


@router.get("/{id}/explanation", responses=problems(*_REFUSALS))
async def get_explanation(
    kpi: Annotated[KpiId, Path(alias="id")],
    asked: Annotated[ExplanationQuery, Query()],
    session: ReadSession,
    _by: CanRead,
    language: CallerLanguage,
) -> ExplanationOut:
    """Return how the value came: formula, inputs, band, what was left out, the items themselves, and what moved it."""
    return await explain_kpi(session, kpi, asked, language)
