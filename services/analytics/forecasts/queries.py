"""What arrived per day, in one statement over the facts: roll-ups are by the moment of finishing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.forecasts.rules import Arrivals
from services.analytics.indicators.selection import Selection

# The day on which nearly all (95 %) of what arrived is finished, and so known.
_SETTLED = 0.95


@dataclass(frozen=True, slots=True)
class Arrived:
    """What arrived by day; days without arrivals are missing. `settling_days` is None when nothing arrived."""

    by_day: Mapping[date, Arrivals]
    settling_days: int | None


async def read_arrivals(session: AsyncSession, selection: Selection) -> Arrived:
    """Return the arrivals on the days (of its zone) from `begin` on, of operations finished within the selection's period."""
    assert selection.begin is not None
    statement = text(f"""
        SELECT day, grouping(day) = 1 AS whole, count(*) AS n, count(touch_us) AS touch_n, sum(touch_us) AS touch_us,
               count(*) FILTER (WHERE person) AS person_n, count(touch_us) FILTER (WHERE person) AS person_touch_n,
               sum(touch_us) FILTER (WHERE person) AS person_touch_us,
               percentile_disc({_SETTLED}) WITHIN GROUP (ORDER BY finished_day - day) AS settled
        FROM (SELECT (coalesce(requested_at, started_at, finished_at) AT TIME ZONE :zone)::date AS day,
                     (finished_at AT TIME ZONE :zone)::date AS finished_day,
                     touch_us, actor_kind = 'person' AS person
              FROM operation
              WHERE true{selection.conditions("process", "activity", "team", "actor_kind")}
              {selection.within("finished_at")}) AS arrived
        WHERE day >= :first
        GROUP BY GROUPING SETS ((day), ())""")  # noqa: S608 - names of columns; values are bound
    parameters = {**selection.parameters, "first": selection.begin.astimezone(ZoneInfo(selection.zone)).date()}
    by_day, settling_days = {}, None
    for row in await session.execute(statement, parameters):
        if row.whole:
            settling_days = row.settled
        else:
            by_day[row.day] = _arrivals(row)
    return Arrived(by_day, settling_days)


def _arrivals(row: Any) -> Arrivals:
    return Arrivals(
        n=row.n,
        touch_n=row.touch_n,
        touch_us=int(row.touch_us or 0),
        person_n=row.person_n,
        person_touch_n=row.person_touch_n,
        person_touch_us=int(row.person_touch_us or 0),
    )
