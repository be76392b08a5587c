"""The present day where the employees are: at 23:30 UTC in summer, Madrid is a day ahead."""

from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request

from services.hr.settings import HrSettings
from shared import clock


async def _today(request: Request) -> date:
    settings: HrSettings = request.app.state.runtime.settings
    return clock.now().astimezone(ZoneInfo(settings.time_zone)).date()


Today = Annotated[date, Depends(_today)]
