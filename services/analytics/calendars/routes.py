"""Calendars over HTTP."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from services.analytics.calendars import service
from services.analytics.calendars.holidays import UnknownCountry, UnknownRegion
from services.analytics.calendars.presentation import present_calendar, present_days
from services.analytics.calendars.schemas import (
    CalendarIn,
    CalendarOut,
    CalendarsQuery,
    DaysOut,
    DaysQuery,
)
from services.analytics.cursors import Name, cut_page, decode_place
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import NotFound, problems
from shared.etag import IfMatch, PreconditionFailed, PreconditionRequired, set_etag
from shared.pagination import InvalidCursor, Page
from shared.routing import ServiceRoute
from shared.schemas import Slug

router = APIRouter(prefix="/analytics/calendars", tags=["calendars"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("analytics.calendars:read")]
CanManage = Annotated[Principal, requires("analytics.calendars:manage")]
CalendarName = Annotated[Slug, Path(description="Small letters, digits and hyphens: it stands in definition ids")]


@router.get("", responses=problems(InvalidCursor))
async def list_calendars(
    asked: Annotated[CalendarsQuery, Query()], session: ReadSession, _by: CanRead
) -> Page[CalendarOut]:
    """List the tenant's calendars by name."""
    (after,) = decode_place(asked.cursor, tuple[Name]) if asked.cursor else ("",)
    rows = await service.read_calendars(session, after, asked.limit + 1)
    shown, following = cut_page(rows, asked.limit, lambda row: (row.name,))
    return Page(items=[present_calendar(row) for row in shown], next_cursor=following)


@router.get("/{name}", responses=problems(NotFound))
async def get_calendar(name: CalendarName, response: Response, session: ReadSession, _by: CanRead) -> CalendarOut:
    """Return a calendar; its ETag is its version."""
    row = await service.find_calendar(session, name)
    set_etag(response, row.version)
    return present_calendar(row)


@router.put("/{name}", responses=problems(PreconditionRequired, PreconditionFailed, UnknownCountry, UnknownRegion))
async def put_calendar(
    name: CalendarName,
    body: CalendarIn,
    response: Response,
    session: Session,
    _by: CanManage,
    if_match: IfMatch = None,
) -> CalendarOut:
    """Set a calendar; If-Match "0" while there is none. Every edit is another version, with the holidays known by then."""
    row = await service.set_calendar(session, name, body, if_match)
    set_etag(response, row.version)
    return present_calendar(row)


@router.delete("/{name}", status_code=204, responses=problems(NotFound, PreconditionRequired, PreconditionFailed))
async def delete_calendar(name: CalendarName, session: Session, _by: CanManage, if_match: IfMatch = None) -> None:
    """Take a calendar away; its versions do not come again."""
    await service.drop_calendar(session, name, if_match)


@router.get("/{name}/days", responses=problems(NotFound))
async def list_days(
    name: CalendarName, asked: Annotated[DaysQuery, Query()], session: ReadSession, _by: CanRead
) -> DaysOut:
    """Return each day's open time, in UTC: what working time is computed from, to check it by hand."""
    row = await service.find_calendar(session, name)
    days = [asked.begin + timedelta(days=number) for number in range((asked.end - asked.begin).days)]
    return DaysOut(
        calendar=row.name,
        version=row.version,
        time_zone=row.document["time_zone"],
        days=present_days(row, days),
    )
