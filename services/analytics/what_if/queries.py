"""When the work of a process began."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.tables import RollupHour


async def read_first_hour(session: AsyncSession, process: str | None) -> datetime | None:
    """Return the hour in which the first operation of the process (None: of any) was finished, if one was."""
    first = select(func.min(RollupHour.hour))
    if process is not None:
        first = first.where(RollupHour.process == process)
    found: datetime | None = (await session.execute(first)).scalar_one()
    return found
