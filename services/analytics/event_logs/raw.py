"""What a reader takes out of a log, whatever its format: raw events, and the account of what it could not use."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import NamedTuple

from services.analytics.event_logs.told import Told, tell
from services.analytics.event_logs.values import parse_amount, parse_stamp
from services.analytics.operations.fields import Plausible
from shared.events import MAX_ACTIVITY, MAX_ACTOR, MAX_CASE, MAX_TEAM

COMPLETE, START = "complete", "start"
ANY_TIME = Plausible(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
_SAMPLES = 5
_SAMPLE_LENGTH = 80


class RawEvent(NamedTuple):
    """One event of a log, its moments in UTC.

    `transition` is in lower case; `started_at` is set only where one row of a table holds both stamps;
    `ordinal` is the event's place in the file, from 1; `told` is what only a log that we exported says.
    """

    case: str
    activity: str
    transition: str
    at: datetime
    started_at: datetime | None
    resource: str | None
    team: str | None
    cost: Decimal | None
    ordinal: int
    told: Told | None = None


class Field(IntEnum):
    """Where a reader puts the texts of an event; TEAM wins over ROLE. From INSTANCE on, what only our exports have."""

    CASE = 0
    ACTIVITY = 1
    TRANSITION = 2
    STAMP = 3
    STARTED = 4
    RESOURCE = 5
    TEAM = 6
    ROLE = 7
    COST = 8
    INSTANCE = 9
    ACTOR_KIND = 10
    OUTCOME = 11
    REQUESTED = 12
    ESTIMATED_START = 13
    CURRENCY = 14
    CORRECTED = 15


# As the file has them, in the order of Field; None or empty where it has none. Other people's logs end with COST.
Texts = Sequence[str | None]


class Rejection(StrEnum):
    """Why an event was not used."""

    NO_CASE = "no-case"
    NO_ACTIVITY = "no-activity"
    NO_STAMP = "no-stamp"
    UNREADABLE_STAMP = "unreadable-stamp"
    IMPLAUSIBLE_STAMP = "implausible-stamp"
    TEXT_TOO_LONG = "text-too-long"
    UNREADABLE_TEXT = "unreadable-text"
    EXTRA_FIELDS = "extra-fields"
    UNUSABLE = "unusable"


class Remark(StrEnum):
    """What was odd about an event or trace that was used without the part in question."""

    UNREADABLE_COST = "unreadable-cost"
    UNREADABLE_START = "unreadable-start"
    START_AFTER_END = "start-after-end"
    EMPTY_TRACE = "empty-trace"
    NOT_UTF8 = "not-utf8"


@dataclass(frozen=True, slots=True)
class Sample:
    """One of the first occurrences of a reason: where it stands, and the text in question, cut."""

    reason: str
    position: str
    text: str


@dataclass(slots=True)
class Tally:
    """The account of a reading: `events` is every event seen = those used + the sum of `rejected`."""

    events: int = 0
    naive_stamps: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    remarks: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)

    @property
    def used(self) -> int:
        return self.events - self.rejected.total()

    def reject(self, reason: Rejection, position: str, text: str | None = None) -> None:
        self._count(self.rejected, reason, position, text)

    def remark(self, reason: Remark, position: str, text: str | None = None) -> None:
        self._count(self.remarks, reason, position, text)

    def _count(self, counter: Counter[str], reason: StrEnum, position: str, text: str | None) -> None:
        counter[reason.value] += 1
        if counter[reason.value] <= _SAMPLES:
            self.samples.append(Sample(reason.value, position, show_text((text or "")[:_SAMPLE_LENGTH])))


def show_text(text: str) -> str:
    """Return a text of the file as a job's result may hold it: PostgreSQL keeps no NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


class Intake:
    """Makes raw events out of texts, or counts why it cannot. `place` is what the file is numbered by: "line", "event"."""

    def __init__(self, place: str, stamp_pattern: str | None = None, plausible: Plausible = ANY_TIME) -> None:
        self.tally = Tally()
        self._place = place
        self._pattern = stamp_pattern
        self._earliest, self._latest = plausible.earliest, plausible.latest
        self._transitions: dict[str | None, str] = {COMPLETE: COMPLETE, START: START, None: COMPLETE, "": COMPLETE}

    def admit(self, texts: Texts, number: int) -> RawEvent | None:
        """Return the event found at `number`, or None when it is rejected."""
        tally = self.tally
        tally.events += 1
        case, activity, transition, stamp, started, resource, team, role, cost = texts[: Field.INSTANCE]
        moment = parse_stamp(stamp, self._pattern) if stamp else None
        if moment is None or not case or not activity or not _fits(case, activity, resource, team or role, transition):
            self._reject(texts, number)
            return None
        at, naive = moment
        if not self._earliest <= at <= self._latest:
            tally.reject(Rejection.IMPLAUSIBLE_STAMP, f"{self._place} {number}", stamp)
            return None
        if naive:
            tally.naive_stamps += 1
        return RawEvent(
            case,
            activity,
            self._transitions.get(transition) or (transition or "").strip().lower() or COMPLETE,
            at,
            self._read_start(started, at, number) if started else None,
            resource or None,
            team or role or None,
            self._read_cost(cost, number) if cost else None,
            tally.events,
            tell(*texts[Field.INSTANCE :]) if len(texts) > Field.INSTANCE else None,
        )

    def refuse(self, reason: Rejection, number: int, text: str) -> None:
        """Count an event whose texts cannot be told apart."""
        self.tally.events += 1
        self.tally.reject(reason, f"{self._place} {number}", text)

    def _reject(self, texts: Texts, number: int) -> None:
        case, activity, stamp = texts[Field.CASE], texts[Field.ACTIVITY], texts[Field.STAMP]
        reason, text = Rejection.UNREADABLE_STAMP, stamp
        if not case or case.isspace():
            reason, text = Rejection.NO_CASE, activity
        elif not activity or activity.isspace():
            reason, text = Rejection.NO_ACTIVITY, case
        elif not stamp or stamp.isspace():
            reason, text = Rejection.NO_STAMP, case
        elif parse_stamp(stamp, self._pattern) is not None:
            reason, text = Rejection.TEXT_TOO_LONG, case
        self.tally.reject(reason, f"{self._place} {number}", text)

    def _read_start(self, text: str, at: datetime, number: int) -> datetime | None:
        if text.isspace():
            return None
        moment = parse_stamp(text, self._pattern)
        if moment is None or moment[0] < self._earliest:
            self.tally.remark(Remark.UNREADABLE_START, f"{self._place} {number}", text)
            return None
        started, naive = moment
        if naive:
            self.tally.naive_stamps += 1
        if started > at:
            self.tally.remark(Remark.START_AFTER_END, f"{self._place} {number}", text)
            return None
        return started

    def _read_cost(self, text: str, number: int) -> Decimal | None:
        cost = parse_amount(text)
        if cost is None and not text.isspace():
            self.tally.remark(Remark.UNREADABLE_COST, f"{self._place} {number}", text)
        return cost


def _fits(case: str, activity: str, resource: str | None, team: str | None, transition: str | None) -> bool:
    """Tell whether case and activity say something, and nothing is longer than an operation may hold."""
    return not (
        len(case) > MAX_CASE
        or len(activity) > MAX_ACTIVITY
        or case.isspace()
        or activity.isspace()
        or (resource and len(resource) > MAX_ACTOR)
        or (team and len(team) > MAX_TEAM)
        or (transition and len(transition) > MAX_ACTIVITY)
    )
