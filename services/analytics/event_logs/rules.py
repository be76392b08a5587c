"""How raw events become work: pairing of starts and completions, rework, identity. Pure.

Definitions: https://www.xes-standard.org/ (lifecycle:transition) and docs/kpi.md. Starts and completions of one
activity in one case are paired first in, first out; a completion without a start is work of unknown duration;
every other event only tells when something was seen of its case.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from services.analytics.event_logs.raw import COMPLETE, START, RawEvent
from services.analytics.event_logs.told import Told
from shared.events import Outcome
from shared.ids import stable_id

MAX_OPEN_STARTS = 10_000  # of one case; beyond them the oldest counts as never closed
MAX_ALIKE = 10_000  # different events that are told apart in one case at one moment; beyond them all are numbered on

_OVERFLOW = ("", "", None)  # no event is like this: an activity is never empty


class Observation(NamedTuple):
    """An event that is no completion and belongs to none: a start never closed, a suspension, an assignment."""

    case: str
    activity: str
    transition: str
    at: datetime
    resource: str | None
    cost: Decimal | None
    occurrence: int


class Operation(NamedTuple):
    """A completion, with the start it was paired with (None: touch time unknown). `occurrence` counts equal events.

    `start` is that start as the event it was, unless one row told both.
    """

    case: str
    activity: str
    started_at: datetime | None
    finished_at: datetime
    resource: str | None
    team: str | None
    cost: Decimal | None
    outcome: Outcome
    occurrence: int
    orphan: bool
    told: Told | None = None
    start: Observation | None = None


@dataclass(slots=True)
class Counts:
    """What came out of a log, or of a part of it."""

    cases: int = 0
    operations: int = 0
    observations: int = 0
    paired: int = 0
    unpaired_starts: int = 0
    orphan_completes: int = 0
    rework: int = 0
    rework_cases: int = 0
    cost: Decimal = Decimal(0)
    unassigned_cost: Decimal = Decimal(0)  # stands at events that are part of no operation

    def add(self, item: Operation | Observation, times: int = 1) -> None:
        """Count an item; -1 times takes it back."""
        if isinstance(item, Operation):
            self.operations += times
            self.paired += times * (item.started_at is not None)
            self.orphan_completes += times * item.orphan
            self.rework += times * (item.outcome is Outcome.REWORK)
            self.cost += times * (item.cost or 0)
        else:
            self.observations += times
            self.unpaired_starts += times * (item.transition == START)
            self.unassigned_cost += times * (item.cost or 0)

    def close_case(self, rework_before: int) -> None:
        """Count a case that has ended; `rework_before` is what `rework` was when it began."""
        self.cases += 1
        self.rework_cases += self.rework > rework_before


@dataclass(slots=True)
class _Open:
    event: RawEvent
    occurrence: int
    number: int


@dataclass(slots=True)
class CasePairing:
    """One case: `add` its events in order of time (the file's order for equal times), then `close`.

    `started` holds the activities that have a start anywhere in the log: only there a completion without
    one is an orphan. Memory grows with the activities and the open starts (MAX_OPEN_STARTS), not with the events.
    """

    started: Collection[str]
    _open: dict[str, deque[_Open]] = field(default_factory=dict)
    _oldest: OrderedDict[int, str] = field(default_factory=OrderedDict)  # open starts' numbers, and their queues
    _starts: int = 0
    _done: set[str] = field(default_factory=set)
    _alike: Counter[tuple[str, str, str | None]] = field(default_factory=Counter)
    _alike_at: datetime | None = None

    def add(self, event: RawEvent) -> Operation | Observation | None:
        """Return what the event makes. A start waits for its completion: None, or the start that it displaces."""
        occurrence = self._count_alike(event)
        if event.transition == COMPLETE:
            return self._complete(event, occurrence)
        if event.transition == START:
            return self._wait(event, occurrence)
        return self._charge(_observe(event, occurrence), _queue_of(event))

    def close(self) -> list[Observation]:
        """Return the starts that were never closed, in the order they began."""
        left = [_observe(each.event, each.occurrence) for queue in self._open.values() for each in queue]
        return sorted(left, key=lambda observation: observation.at)

    def _wait(self, event: RawEvent, occurrence: int) -> Observation | None:
        self._starts += 1
        queue = _queue_of(event)
        self._open.setdefault(queue, deque()).append(_Open(event, occurrence, self._starts))
        self._oldest[self._starts] = queue
        if len(self._oldest) <= MAX_OPEN_STARTS:
            return None
        oldest = self._take_open(next(iter(self._oldest.values())))
        return None if oldest is None else _observe(oldest.event, oldest.occurrence)

    def _charge(self, seen: Observation, queue: str) -> Observation:
        """Move what a suspension or the like cost to the work under way that it belongs to, as its completion costs."""
        if seen.cost is None or queue not in self._open:
            return seen
        begun = self._open[queue][0]
        begun.event = begun.event._replace(cost=_add_costs(begun.event.cost, seen.cost))
        return seen._replace(cost=None)

    def _take_open(self, name: str) -> _Open | None:
        """Remove and return the oldest open start of a queue."""
        queue = self._open.get(name)
        if queue is None:
            return None
        start = queue.popleft()
        del self._oldest[start.number]
        if not queue:
            del self._open[name]
        return start

    def _count_alike(self, event: RawEvent) -> int:
        """Return the number of this event among those that only their place in the file tells apart."""
        if event.at != self._alike_at:
            self._alike.clear()
            self._alike_at = event.at
        key: tuple[str, str, str | None] = (event.activity, event.transition, event.resource)
        if len(self._alike) >= MAX_ALIKE and key not in self._alike:
            key = _OVERFLOW
        self._alike[key] += 1
        return self._alike[key]

    def _complete(self, event: RawEvent, occurrence: int) -> Operation:
        started_at, cost, start = event.started_at, event.cost, None
        if started_at is None and (taken := self._take_open(_queue_of(event))):
            start = _observe(taken.event, taken.occurrence)
            started_at, cost = start.at, _add_costs(start.cost, cost)
        outcome = Outcome.REWORK if event.activity in self._done else Outcome.DONE
        if event.told is not None and event.told.outcome is not None:
            outcome = event.told.outcome
        self._done.add(event.activity)
        return Operation(
            event.case,
            event.activity,
            started_at,
            event.at,
            event.resource,
            event.team,
            cost,
            outcome,
            occurrence,
            orphan=started_at is None and event.told is None and event.activity in self.started,
            told=event.told,
            start=start,
        )


def _queue_of(event: RawEvent) -> str:
    """Return where a start waits: with its activity, or by its instance where the log is ours and says which.

    Of an operation that we exported all is said: it takes no start that is not its own.
    """
    return event.activity if event.told is None else f"\0{event.told.instance or ''}"


def _observe(event: RawEvent, occurrence: int) -> Observation:
    return Observation(event.case, event.activity, event.transition, event.at, event.resource, event.cost, occurrence)


def _add_costs(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


def pair_case(events: Iterable[RawEvent], started: Collection[str]) -> list[Operation | Observation]:
    """Return what the events of one case make, in whatever order they come."""
    pairing = CasePairing(started)
    made = [pairing.add(event) for event in sorted(events, key=lambda event: (event.at, event.ordinal))]
    return [item for item in made if item is not None] + list(pairing.close())


@dataclass(slots=True)
class LogPairing:
    """A whole log: `add` its events in order of case, time and file, then `close`. Counts what comes out.

    `finished_case` is the last case of which nothing more can come.
    """

    started: Collection[str]
    counts: Counts = field(default_factory=Counts)
    finished_case: str | None = None
    _case: str | None = None
    _pairing: CasePairing | None = None
    _rework_before: int = 0

    def add(self, event: RawEvent) -> list[Operation | Observation]:
        made = self.close() if event.case != self._case else []
        if self._pairing is None:
            self._pairing, self._case = CasePairing(self.started), event.case
            self._rework_before = self.counts.rework
        item = self._pairing.add(event)
        if item is not None:
            self.counts.add(item)
            made.append(item)
        return made

    def close(self) -> list[Operation | Observation]:
        """End the open case, if any; return what was left of it."""
        if self._pairing is None:
            return []
        left: list[Operation | Observation] = list(self._pairing.close())
        for item in left:
            self.counts.add(item)
        self.counts.close_case(self._rework_before)
        self.finished_case, self._pairing = self._case, None
        return left


def identify(tenant: str, process: str, item: Operation | Observation, actor: str, revision: int = 0) -> UUID:
    """Return the id that the same event of the same log has in every import of a revision, whatever the file's format.

    `actor` is the resource's pseudonym: a hash of its name itself could be guessed back from the id.
    """
    if isinstance(item, Operation):
        transition, at = COMPLETE, item.finished_at
    else:
        transition, at = item.transition, item.at
    what = (item.case, item.activity, transition, at.isoformat(), actor, item.occurrence)
    return stable_id("event-log", tenant, process, *what, *((revision,) if revision else ()))
