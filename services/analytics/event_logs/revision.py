"""A longer version of a log revises what a shorter one said: what becomes of each event, given what is known of its case.

Nothing is kept of which import brought what. An event has one id in every import, so an earlier version left its facts
under ids of this one's events. What it said otherwise is withdrawn, and said anew under the event's next id. A case is
revised only by a log that holds all that is known of it: else the log is an older version, or a part, and only adds.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from math import inf
from typing import Any, NamedTuple
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.event_logs.raw import START
from services.analytics.event_logs.rules import Observation, Operation
from shared.db import Database
from shared.events import EventData, Work
from shared.ids import stable_id
from shared.money import Money

_IDS = "tenant_id = :tenant AND id = ANY(cast(:ids AS uuid[]))"
_WITHDRAWN = text(f"SELECT id, event_id, known_at FROM withdrawal WHERE {_IDS}")  # noqa: S608 - constants of this module
_FACTS = text(f"""
SELECT id, known_at, case_id, activity, started_at, estimated, outcome, cost, currency, seq, corrected
FROM operation WHERE {_IDS}
UNION ALL SELECT id, known_at, case_id, activity, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM observation WHERE {_IDS}""")  # noqa: S608 - as above
_TAKEN = text("""
SELECT case_id, activity, started_at FROM operation
WHERE tenant_id = :tenant AND process = :process AND case_id = ANY(:cases)
  AND started_at = ANY(cast(:starts AS timestamptz[]))""")
_ARRIVED = text(
    " UNION ".join(
        f"SELECT id FROM {table} WHERE {_IDS}"  # noqa: S608 - as above
        for table in ("operation", "observation", "withdrawn_operation", "withdrawn_observation")
    )
)


def _beside(columns: str) -> TextClause:
    """Return the statement for what is known of cases beside what the log tells."""
    of_cases = (
        "tenant_id = :tenant AND process = :process AND case_id = ANY(:cases) AND id <> ALL(cast(:ids AS uuid[]))"
    )
    return text(
        " UNION ALL ".join(f"SELECT {columns} FROM {table} WHERE {of_cases}" for table in ("operation", "observation"))  # noqa: S608 - as above
    )


_CASES_BESIDE, _IDS_BESIDE = _beside("DISTINCT case_id"), _beside("case_id, id")


class Change(StrEnum):
    """What an import did with an operation or observation."""

    NEW = "new"
    SAME = "same"
    REVISED = "revised"
    WITHDRAWN = "withdrawn"  # a start that is part of an operation now, or what the log lacks
    KEPT = "kept"  # the log says otherwise, but lacks some of what is known of the case


class Said(NamedTuple):
    """An item of a log as it is published, and the ids of its event and of the start that is a part of it."""

    item: Operation | Observation
    event: UUID
    start: UUID | None
    data: EventData
    work: Work | None


class _Start(NamedTuple):
    case: str
    activity: str
    at: datetime


class Place(NamedTuple):
    """The id in force of an event: since when, if it took the place of another; whether it is withdrawn by somebody."""

    id: UUID
    since: datetime | None
    withdrawn: bool


@dataclass(slots=True)
class Plan:
    """What an import has to publish: items under ids, and the ids (with their cases) of what counts no more."""

    publish: list[tuple[Said, UUID]] = field(default_factory=list)
    withdraw: list[tuple[UUID, str]] = field(default_factory=list)
    changes: Counter[Change] = field(default_factory=Counter)
    withheld: int = 0


def revision_of(tenant: str, event: UUID) -> UUID:
    """Return the id of the event by which a later version of a log withdraws `event`: this tells it from others."""
    return stable_id("revised-log", tenant, event)


@dataclass(frozen=True, slots=True)
class Revision:
    """Compares what one import says with what is known.

    `asked_at` tells what this very import changed before it was interrupted, so that it is counted all the same.
    With `lacking`, what is known of a case and not in the log is withdrawn.
    """

    database: Database
    tenant: str
    process: str
    asked_at: datetime
    lacking: bool
    has_costs: bool

    async def plan(self, cases: Mapping[str, Sequence[Said]], *, whole: bool) -> Plan:
        """Return what is to be done about cases; of those that are not `whole` here, nothing is revised."""
        async with self._snapshot() as known:
            return await self._compare(known, cases, whole=whole)

    async def take_back(self, cases: Mapping[str, Sequence[Said]]) -> Plan:
        """Return the withdrawals of all that a log says, or that a shorter version of it said; `withheld` have arrived."""
        async with self._snapshot() as known:
            places = await self._places(known, _ids_of(cases))
            ids = [place.id for place in places.values()]
            arrived = {row.id for row in await self._rows(known, _ARRIVED, ids=ids)}
        plan = Plan(withheld=len(arrived))
        for case, said in cases.items():
            plan.withdraw += [(places[each.event].id, case) for each in said]
            starts = (places[each.start].id for each in said if each.start)
            plan.withdraw += [(start, case) for start in starts if start in arrived]
        return plan

    @asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[AsyncSession]:
        """Open a session in which nothing arrives between two readings, as what a former attempt published may."""
        async with self.database.session(None) as session:
            await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    async def _compare(self, session: AsyncSession, cases: Mapping[str, Sequence[Said]], *, whole: bool) -> Plan:
        plan, places = Plan(), await self._places(session, _ids_of(cases))
        ids = [place.id for place in places.values()]
        # An attempt before this one may have said something anew of which the withdrawal has not arrived.
        ours = [*ids, *map(_next, ids)]
        facts = {row.id: row for row in await self._rows(session, _FACTS, ids=ours)}
        known = {"ids": ours, "process": self.process, "cases": list(cases)}
        revised, taken = set(cases) if whole else set(), set[_Start]()
        if whole and self.lacking:
            plan.withdraw += [(row.id, row.case_id) for row in await self._rows(session, _IDS_BESIDE, **known)]
            plan.changes[Change.WITHDRAWN] += len(plan.withdraw)
        elif whole:
            revised -= {row.case_id for row in await self._rows(session, _CASES_BESIDE, **known)}
            revised -= {fact.case_id for fact in facts.values() if fact.corrected}  # from outside the case
            told = {start for said in cases.values() for start in map(_start_of, said)}
            revised -= {fact.case_id for fact in facts.values() if fact.started_at and _start_in(fact) not in told}
            taken = await self._taken(session, {case: said for case, said in cases.items() if case not in revised})
        for case, said in cases.items():
            misplaced = self._misplaced(said, places, facts) if case in revised else set[UUID]()
            for each in said:
                if each.work is None and _start_of(each) in taken:
                    plan.changes[Change.KEPT] += 1
                else:
                    other = each.event in misplaced or not self._is_same(each, facts.get(places[each.event].id))
                    self._plan(each, places, facts, plan, revises=case in revised, other=other)
        return plan

    async def _taken(self, session: AsyncSession, cases: Mapping[str, Sequence[Said]]) -> set["_Start"]:
        """Return which open starts of an older version are part of an operation that only a later one tells."""
        open_starts = [
            start for said in cases.values() for each in said if not each.work and (start := _start_of(each))
        ]
        if not open_starts:
            return set()
        known = {"process": self.process, "cases": list(cases), "starts": [start.at for start in open_starts]}
        return {_Start(*row) for row in await self._rows(session, _TAKEN, **known)}

    async def _places(self, session: AsyncSession, events: Iterable[UUID]) -> dict[UUID, Place]:
        """Return the place of each event: its own id, or the last of those that revisions gave it."""
        places = {event: Place(event, None, withdrawn=False) for event in events}
        looked_at = {event: event for event in places}
        while looked_at:
            revised: dict[UUID, UUID] = {}
            for row in await self._rows(session, _WITHDRAWN, ids=list(looked_at)):
                event = looked_at[row.id]
                if row.event_id == revision_of(self.tenant, row.id):
                    places[event] = Place(_next(row.id), row.known_at, withdrawn=False)
                    revised[places[event].id] = event
                else:
                    places[event] = places[event]._replace(withdrawn=True)
            looked_at = revised
        return places

    def _plan(
        self,
        said: Said,
        places: Mapping[UUID, Place],
        facts: Mapping[UUID, Any],
        plan: Plan,
        *,
        revises: bool,
        other: bool,
    ) -> None:
        place, fact = places[said.event], facts.get(places[said.event].id)
        plan.withheld += place.withdrawn
        if fact is None:
            plan.publish.append((said, place.id))
        if not place.withdrawn:
            plan.changes[self._change(place, fact, revises=revises, other=other)] += 1
        if fact is not None and revises and other:
            plan.withdraw.append((place.id, said.item.case))
            plan.publish.append((self._with_known_cost(said, fact), _next(place.id)))
        start = places[said.start] if said.start and revises else None
        if start and (start.id in facts or start.since == self.asked_at):
            plan.withdraw += [(start.id, said.item.case)] if start.id in facts else []
            plan.changes[Change.WITHDRAWN] += 1

    def _misplaced(self, said: Sequence[Said], places: Mapping[UUID, Place], facts: Mapping[UUID, Any]) -> set[UUID]:
        """Return the operations of a case that are known in another order than the log has them at one moment.

        Of equal moments the order of arrival is that of the case: so what follows something said anew is said anew, too.
        """
        misplaced, moment, last = set[UUID](), None, 0.0
        for each in said:
            if each.work is None or places[each.event].withdrawn:
                continue
            if each.work.finished_at != moment:
                moment, last = each.work.finished_at, -inf
            place = places[each.event].id
            fact, anew = facts.get(place), facts.get(_next(place))
            if fact is not None and (anew or fact.seq < last or not self._is_same(each, fact)):
                misplaced.add(each.event)
                fact = anew
            last = inf if fact is None else fact.seq
        return misplaced

    def _change(self, place: Place, fact: Any, *, revises: bool, other: bool) -> Change:
        if fact is not None and other:
            return Change.REVISED if revises else Change.KEPT
        if place.since == self.asked_at:
            return Change.REVISED
        return Change.NEW if fact is None or fact.known_at == self.asked_at else Change.SAME

    def _with_known_cost(self, said: Said, fact: Any) -> Said:
        """Return what is said anew with the cost that is known, where this import was not told where costs stand."""
        if self.has_costs or said.work is None or fact.cost is None:
            return said
        return said._replace(work=replace(said.work, cost=Money(amount=fact.cost, currency=fact.currency)))

    def _is_same(self, said: Said, fact: Any) -> bool:
        work = said.work
        if work is None or fact is None:
            return work is None
        cost = work.cost.amount if work.cost and self.has_costs else None
        known = fact.cost if self.has_costs else None
        says = (work.started_at, work.estimated, work.outcome.value, cost)
        return says == (fact.started_at, fact.estimated, fact.outcome, known)

    async def _rows(self, session: AsyncSession, statement: TextClause, **values: Any) -> Sequence[Any]:
        return (await session.execute(statement, {"tenant": self.tenant, **values})).all()


def _ids_of(cases: Mapping[str, Sequence[Said]]) -> list[UUID]:
    return [
        event for said in cases.values() for each in said for event in (each.event, each.start) if event is not None
    ]


def _start_of(said: Said) -> _Start | None:
    """Return the start that an item is, or includes, if any."""
    item = said.item
    if isinstance(item, Observation):
        at = item.at if item.transition == START else None
    else:
        at = said.work.started_at if said.work else None
    return None if at is None else _Start(item.case, item.activity, at)


def _start_in(fact: Any) -> _Start:
    return _Start(fact.case_id, fact.activity, fact.started_at)


def _next(event: UUID) -> UUID:
    """Return the id that takes the place of a revised one."""
    return stable_id("revision", event)
