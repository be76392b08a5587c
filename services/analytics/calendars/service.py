"""Setting calendars, and measuring by them. A calendar's row is locked while it is edited, also before it exists."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import TextClause, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.calendars.errors import UnknownCalendar
from services.analytics.calendars.holidays import check_place, public_days
from services.analytics.calendars.rules import FIRST_YEAR, LAST_YEAR, WorkingTime, work_out
from services.analytics.calendars.schemas import CalendarIn, HolidaysIn, hours_of
from services.analytics.indicators.selection import Selection
from services.analytics.tables import WorkCalendar
from shared.errors import NotFound
from shared.etag import check_version


async def read_calendars(session: AsyncSession, after: str, limit: int) -> Sequence[WorkCalendar]:
    """Return up to `limit` calendars by name, from behind `after` on."""
    name = WorkCalendar.name.collate("C")
    rows = select(WorkCalendar).where(WorkCalendar.version > 0, name > after).order_by(name).limit(limit)
    return (await session.scalars(rows)).all()


async def find_calendar(session: AsyncSession, name: str) -> WorkCalendar:
    """Return a calendar of the session's tenant. Raises NotFound."""
    row = (await session.scalars(select(WorkCalendar).filter_by(name=name))).one_or_none()
    if row is None or row.version <= 0:
        raise NotFound
    return row


async def set_calendar(session: AsyncSession, name: str, given: CalendarIn, if_match: str | None) -> WorkCalendar:
    """Create or replace a calendar. Raises PreconditionFailed, UnknownCountry, UnknownRegion.

    Holidays are kept as they are known now: with another release of the library they may be others, and then the same
    version would measure something else.
    """
    holidays = await _holidays(given.holidays)
    document = given.model_dump(mode="json", by_alias=True)
    # Version 0 is a calendar that is not there: inserting it first keeps two edits apart, also the very first two.
    values = {"name": name, "document": document, "holidays": holidays, "version": 0}
    await session.execute(insert(WorkCalendar).values(values).on_conflict_do_nothing())
    row = (await session.scalars(select(WorkCalendar).filter_by(name=name).with_for_update())).one()
    check_version(if_match, max(row.version, 0))
    row.document, row.holidays, row.version = document, holidays, abs(row.version) + 1
    await session.flush()
    return row


async def _holidays(of: HolidaysIn | None) -> list[date]:
    if of is None:
        return []
    check_place(of.country, of.region)
    return await asyncio.to_thread(public_days, of.country, of.region, FIRST_YEAR, LAST_YEAR)  # up to 0.2 s


async def drop_calendar(session: AsyncSession, name: str, if_match: str | None) -> None:
    """Take a calendar away. Raises NotFound, PreconditionFailed.

    The row stays to remember its version: another calendar of this name must not measure under an id that was answered.
    """
    row = (await session.scalars(select(WorkCalendar).filter_by(name=name).with_for_update())).one_or_none()
    if row is None or row.version <= 0:
        raise NotFound
    check_version(if_match, row.version)
    row.version = -row.version
    await session.flush()


async def find_named(session: AsyncSession, name: str) -> WorkCalendar:
    """Return the calendar that a question names. Raises UnknownCalendar."""
    try:
        return await find_calendar(session, name)
    except NotFound:
        raise UnknownCalendar(calendar=name) from None


async def read_working_time(session: AsyncSession, name: str | None, *selections: Selection) -> WorkingTime | None:
    """Return the working time that measures what these selections hold, None without a calendar. Raises UnknownCalendar."""
    if name is None:
        return None
    row = await find_named(session, name)
    hours = hours_of(CalendarIn.model_validate(row.document), row.holidays)
    begin, end = await _covered(session, selections)
    # The first time, a year takes some 3 ms, and there may be many.
    return await asyncio.to_thread(work_out, name, row.version, hours, begin, end)


async def _covered(session: AsyncSession, selections: Sequence[Selection]) -> tuple[datetime, datetime]:
    """Return a range that holds every stamp of the cases and operations of the selections.

    A case's first and last moments span the stamps of its operations, so that cases tell it in a tenth of the time.
    """
    spans = [(await session.execute(_span_of(each), each.parameters)).one() for each in selections]
    firsts, lasts = ([moment for moment in of if moment is not None] for of in zip(*spans, strict=True))
    anywhere = datetime.fromisoformat("2000-01-01T00:00Z")  # of nothing, any range will do
    return min(firsts, default=anywhere), max(lasts, default=anywhere)


def _span_of(selection: Selection) -> TextClause:
    return text(
        "SELECT min(first_at), max(last_at) FROM case_state WHERE true"  # noqa: S608 - names of columns; values are bound
        f"{selection.conditions('process')}"
        f"{' AND last_at >= :begin' if selection.begin else ''}{' AND first_at < :end' if selection.end else ''}"
    )
