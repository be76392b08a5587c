"""The rows of an export, in one snapshot, in an order that depends on the data alone, and never all at once."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.exports.schemas import ExportOrder

PAGE = 1_000

# The worker's role sees every tenant, so each statement names the one it is about.
_CHOSEN = """tenant_id = :tenant AND process = :process
AND (cast(:begin AS timestamptz) IS NULL OR finished_at >= :begin) AND (cast(:end AS timestamptz) IS NULL OR finished_at < :end)"""
_COLUMNS = (
    "case_id, activity, id, actor_kind, actor_id, team, requested_at, started_at, finished_at, estimated, outcome, "
    "corrected, cost, currency"
)
_SEEN = """tenant_id = :tenant AND process = :process
AND (cast(:begin AS timestamptz) IS NULL OR at >= :begin) AND (cast(:end AS timestamptz) IS NULL OR at < :end)"""
# An observation that says it completed something would come back as an operation.
_SAYS_WHAT = "activity <> '' AND lower(btrim(transition)) NOT IN ('', 'complete')"
_TOLD = f"{_SEEN} AND {_SAYS_WHAT}"
_OPERATIONS = f"SELECT {_COLUMNS}, false AS is_start, '' AS observed, finished_at AS moment, 1 AS place, seq FROM operation WHERE {_CHOSEN}"  # noqa: S608 - constants of this module; values are bound
_STARTS = f"""
SELECT {_COLUMNS}, true, '', started_at, 0, seq FROM operation WHERE {_CHOSEN} AND started_at IS NOT NULL AND NOT estimated"""  # noqa: S608 - as above
_OBSERVATIONS = f"""
SELECT case_id, activity, id, '', '', '', NULL, NULL, at, false, '', false, NULL, '', false, transition, at,
       CASE transition WHEN 'start' THEN 0 ELSE 2 END, 0 FROM observation WHERE {_TOLD}"""  # noqa: S608 - as above
_ORDERED = f"""
SELECT {_COLUMNS}, is_start, observed FROM ({{rows}}) AS row ORDER BY case_id, moment, place, seq, id"""  # noqa: S608 - as above
_ITEMS = text(_ORDERED.format(rows=f"{_OPERATIONS} UNION ALL {_OBSERVATIONS}"))
_EVENTS = text(_ORDERED.format(rows=f"{_OPERATIONS} UNION ALL {_STARTS} UNION ALL {_OBSERVATIONS}"))
_DISTINCT = f"""
SELECT {{column}} FROM operation WHERE {_CHOSEN} UNION SELECT {{column}} FROM observation WHERE {_TOLD} ORDER BY 1"""  # noqa: S608 - as above
_ACTIVITIES, _CASES = text(_DISTINCT.format(column="activity")), text(_DISTINCT.format(column="case_id"))
_COUNT = text(f"""
SELECT (SELECT count(*) FROM operation WHERE {_CHOSEN}) AS operations,
       (SELECT count(*) FROM ({_CASES.text}) AS chosen) AS cases,
       (SELECT count(*) FROM observation WHERE {_TOLD}) AS observations,
       (SELECT count(*) FROM observation WHERE {_SEEN} AND NOT ({_SAYS_WHAT})) AS untold""")  # noqa: S608 - as above


class Row(NamedTuple):
    """An operation; of an event log's two events, `is_start` tells which one it stands for.

    Or an observation: then `observed` is its transition, `finished_at` its moment, and the rest is empty.
    """

    case: str
    activity: str
    id: UUID
    actor_kind: str
    actor: str
    team: str
    requested_at: datetime | None
    started_at: datetime | None
    finished_at: datetime
    estimated: bool
    outcome: str
    corrected: bool
    cost: Decimal | None
    currency: str
    is_start: bool = False
    observed: str = ""

    @property
    def transition(self) -> str:
        return self.observed or ("start" if self.is_start else "complete")

    @property
    def known_start(self) -> datetime | None:
        return None if self.estimated else self.started_at


class Totals(NamedTuple):
    """What is in an export; `untold` are the observations of which only the moment is stored."""

    operations: int
    cases: int
    observations: int
    untold: int


class Source:
    """What a writer may ask for. Every method gives pages, in order of case and time; equal moments by arrival."""

    def __init__(self, session: AsyncSession, tenant: str, order: ExportOrder) -> None:
        self._session = session
        self.process = order.process
        self.read = 0  # operations so far
        self._values = {"tenant": tenant, "process": order.process, "begin": order.begin, "end": order.end}

    async def begin(self) -> Totals:
        """Take the snapshot that everything is read from; count what is in it."""
        await self._session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        await self._session.execute(text("SET LOCAL statement_timeout = 0"))  # sorting millions of rows takes its time
        return Totals(*(await self._session.execute(_COUNT, self._values)).one())

    def items(self) -> AsyncIterator[Sequence[Row]]:
        """Yield each operation, and each observation."""
        return self._rows(_ITEMS)

    def events(self) -> AsyncIterator[Sequence[Row]]:
        """Yield each operation as its completion, and as its start where one was observed; and each observation."""
        return self._rows(_EVENTS)

    async def _rows(self, statement: TextClause) -> AsyncIterator[Sequence[Row]]:
        async for page in self._pages(statement):
            self.read += sum(not (row.is_start or row.observed) for row in page)
            yield [Row(*row) for row in page]

    async def activities(self) -> AsyncIterator[Sequence[str]]:
        async for page in self._pages(_ACTIVITIES):
            yield [row[0] for row in page]

    async def cases(self) -> AsyncIterator[Sequence[str]]:
        async for page in self._pages(_CASES):
            yield [row[0] for row in page]

    async def _pages(self, statement: TextClause) -> AsyncIterator[Sequence[Any]]:
        result = await self._session.stream(statement, self._values)
        async for page in result.partitions(PAGE):  # without a size it would be everything at once
            yield page
