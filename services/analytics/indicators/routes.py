"""GET /analytics/kpis."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from services.analytics.calendars.errors import UnknownCalendar
from services.analytics.indicators.as_of import AsOfInFuture
from services.analytics.indicators.request import KpiQuery
from services.analytics.indicators.schemas import KpisOut
from services.analytics.indicators.service import BadPeriod, TooManyGroups, answer_kpis
from services.analytics.indicators.sheet import as_csv, as_workbook
from services.analytics.language import CallerLanguage
from services.analytics.workbook import MEDIA_TYPE
from shared.auth import Principal, requires
from shared.db import ReadSession
from shared.errors import problems
from shared.routing import ServiceRoute

router = APIRouter(prefix="/analytics/kpis", tags=["indicators"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("analytics.kpis:read")]


_TABLES = {
    "csv": (as_csv, "text/csv; charset=utf-8; header=present"),
    "xlsx": (as_workbook, MEDIA_TYPE),
}
_FILE = {"schema": {"type": "string", "format": "binary"}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Successful Response", "content": {"text/csv": _FILE, MEDIA_TYPE: _FILE}}
}


@router.get(
    "",
    responses=problems(BadPeriod, AsOfInFuture, TooManyGroups, UnknownCalendar, declared=_ANSWERS),
    response_model=KpisOut,
)
async def get_kpis(
    asked: Annotated[KpiQuery, Query()], session: ReadSession, _by: CanRead, language: CallerLanguage
) -> Any:
    """Return the five indicators and four by case, for what the filters select, and once per group with `group_by`.

    `format=csv` and `format=xlsx` give the same as a table, for spreadsheets. In CSV an apostrophe stands before a text
    that a spreadsheet would take for a formula.
    """
    answer = await answer_kpis(session, asked.selection(), asked.currency, asked.calendar, language)
    if asked.format == "json":
        return answer
    write, media_type = _TABLES[asked.format]
    content = await asyncio.to_thread(write, answer)
    return Response(
        content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="kpis.{asked.format}"'}
    )
