"""GET /analytics/what-if."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.analytics.indicators.service import BadPeriod, TooManyGroups
from services.analytics.language import CallerLanguage
from services.analytics.what_if.schemas import WhatIfOut, WhatIfQuery
from services.analytics.what_if.service import MissingInputs, answer_what_if
from shared.auth import Principal, requires
from shared.db import ReadSession
from shared.errors import problems
from shared.routing import ServiceRoute

router = APIRouter(prefix="/analytics/what-if", tags=["what-if"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("analytics.what-if:read")]


@router.get("", responses=problems(MissingInputs, BadPeriod, TooManyGroups))
async def get_what_if(
    asked: Annotated[WhatIfQuery, Query()], session: ReadSession, _by: CanRead, language: CallerLanguage
) -> WhatIfOut:
    """Return what a month costs now, as planned and outsourced, the five indicators of both, and what to do.

    Everything is in the query: the address is the scenario.
    """
    return await answer_what_if(session, asked, language)
