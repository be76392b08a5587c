"""Open cases and the queues they stand in. Which cases are open is the process's setting, or a guess that says so."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.indicators.cases import holding
from services.analytics.indicators.selection import Selection
from services.analytics.indicators.sequences import of_case
from services.analytics.processes.queries import MICROSECONDS

MAX_QUEUES = 200


@dataclass(frozen=True, slots=True)
class Openness:
    """With `terminal` activities a case is open until one of them is finished; else while it was seen since `idle_since`."""

    terminal: tuple[str, ...]
    idle_days: int
    now: datetime

    @property
    def condition(self) -> str:
        if not self.terminal:
            return "c.last_at >= :idle_since"
        return "NOT c.activities && cast(:terminal AS text[])"

    @property
    def parameters(self) -> dict[str, Any]:
        if self.terminal:
            return {"terminal": list(self.terminal), "now": self.now}
        return {"idle_since": self.now - timedelta(days=self.idle_days), "now": self.now}


_LAST = f"""
    LEFT JOIN LATERAL (
        SELECT activity, team FROM {of_case("activity, team, finished_at, seq")} AS o
        ORDER BY finished_at DESC, seq DESC LIMIT 1
    ) AS last ON true"""  # noqa: S608 - as above
_IDLE = f"greatest({MICROSECONDS.format(span='cast(:now AS timestamptz) - c.last_at')}, 0)"


async def read_open_cases(
    session: AsyncSession, selection: Selection, openness: Openness, after: tuple[datetime, str] | None, limit: int
) -> list[Row[Any]]:
    """Return open cases, those that began first first, after a place in this order."""
    place = {"first_at": after[0], "case_id": after[1]} if after else {}
    statement = text(f"""
        SELECT c.case_id, c.first_at, c.last_at, c.operations, last.activity, last.team,
               greatest({MICROSECONDS.format(span="cast(:now AS timestamptz) - c.first_at")}, 0) AS age_us, {_IDLE} AS idle_us
        FROM (
            SELECT * FROM case_state AS c
            WHERE process = :process AND {openness.condition}{selection.within("last_at")}{holding(selection)}
            {"AND (first_at, case_id) > (:first_at, :case_id)" if after else ""}
            ORDER BY first_at, case_id LIMIT :limit
        ) AS c {_LAST}
        ORDER BY c.first_at, c.case_id""")  # noqa: S608 - as above
    parameters = {**selection.parameters, **openness.parameters, **place, "limit": limit}
    return list((await session.execute(statement, parameters)).all())


async def read_queues(session: AsyncSession, selection: Selection, openness: Openness) -> list[Row[Any]]:
    """Return open cases by their last finished activity, most time idle in all first."""
    statement = text(f"""
        SELECT last.activity, count(*) AS cases, min(c.first_at) AS oldest, sum({_IDLE}) AS idle_us,
               max({_IDLE}) AS longest_us, sum(count(*)) OVER () AS every
        FROM case_state AS c {_LAST}
        WHERE process = :process AND {openness.condition}{selection.within("last_at")}{holding(selection)}
        GROUP BY last.activity
        ORDER BY idle_us DESC, last.activity COLLATE "C" LIMIT {MAX_QUEUES}""")  # noqa: S608 - as above
    return list((await session.execute(statement, {**selection.parameters, **openness.parameters})).all())
