"""The rows of an export, in one snapshot, in an order that depends on the data alone, and never all at once."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
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
_COUNT = text(f"SELECT count(*) AS operations, count(DISTINCT case_id) AS cases FROM operation WHERE {_CHOSEN}")  # noqa: S608 - constants of this module; values are bound
_OBSERVATIONS = text("""
SELECT count(*) FROM observation WHERE tenant_id = :tenant AND process = :process
AND (cast(:begin AS timestamptz) IS NULL OR at >= :begin) AND (cast(:end AS timestamptz) IS NULL OR at < :end)""")
_OPERATIONS = text(f"SELECT {_COLUMNS} FROM operation WHERE {_CHOSEN} ORDER BY case_id, finished_at, seq")  # noqa: S608 - as above
_EVENTS = text(f"""
SELECT {_COLUMNS}, is_start FROM (
    SELECT {_COLUMNS}, seq, false AS is_start, finished_at AS at FROM operation WHERE {_CHOSEN}
    UNION ALL
    SELECT {_COLUMNS}, seq, true, started_at FROM operation
    WHERE {_CHOSEN} AND started_at IS NOT NULL AND NOT estimated) AS event
ORDER BY case_id, at, NOT is_start, seq""")  # noqa: S608 - as above
_ACTIVITIES = text(f"SELECT DISTINCT activity FROM operation WHERE {_CHOSEN} ORDER BY activity")  # noqa: S608 - as above
_CASES = text(f"SELECT DISTINCT case_id FROM operation WHERE {_CHOSEN} ORDER BY case_id")  # noqa: S608 - as above


class Row(NamedTuple):
    """An operation; of an event log's two events, `is_start` tells which one it stands for."""

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

    @property
    def known_start(self) -> datetime | None:
        return None if self.estimated else self.started_at


class Totals(NamedTuple):
    operations: int
    cases: int
    observations: int


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
        operations, cases = (await self._session.execute(_COUNT, self._values)).one()
        observations = (await self._session.execute(_OBSERVATIONS, self._values)).scalar_one()
        return Totals(operations, cases, observations)

    async def operations(self) -> AsyncIterator[Sequence[Row]]:
        async for page in self._pages(_OPERATIONS):
            self.read += len(page)
            yield [Row(*row) for row in page]

    async def events(self) -> AsyncIterator[Sequence[Row]]:
        """Yield each operation as its completion, and as its start where one was observed."""
        async for page in self._pages(_EVENTS):
            self.read += sum(not row.is_start for row in page)
            yield [Row(*row) for row in page]

    async def activities(self) -> AsyncIterator[Sequence[str]]:
        async for page in self._pages(_ACTIVITIES):
            yield [row[0] for row in page]

    async def cases(self) -> AsyncIterator[Sequence[str]]:
        async for page in self._pages(_CASES):
            yield [row[0] for row in page]

    async def _pages(self, statement: Any) -> AsyncIterator[Sequence[Any]]:
        result = await self._session.stream(statement, self._values)
        async for page in result.partitions(PAGE):  # without a size it would be everything at once
            yield page
