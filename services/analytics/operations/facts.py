"""From an event to the row that is kept of it. Pure: no IO, no clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.analytics.operations.fields import (
    EARLIEST,
    BadFieldError,
    Plausible,
    check_cost,
    check_process,
    check_stamp,
    check_text,
)
from services.analytics.operations.origin import check_origin
from shared.contracts.analytics import EventWithdrawn, ObservationRecorded, OperationRecorded, SurveyAnswered
from shared.events import (
    MAX_ACTIVITY,
    MAX_ACTOR,
    MAX_CASE,
    MAX_TEAM,
    Event,
    MalformedEventError,
    Work,
)

MAX_COMMENT = 2_000
MAX_REASON = 200
# An event's own time is its producer's clock, which may be anything; it is kept within what a question can name.
_KNOWN_LAST = datetime(3000, 1, 1, tzinfo=UTC)

_MICROSECOND = timedelta(microseconds=1)
_new = tuple.__new__


class OperationFact(NamedTuple):
    """A row of `operation`, without what only the database knows (seq, corrected)."""

    tenant_id: str
    id: UUID
    process: str
    activity: str
    case_id: str
    actor_kind: str
    actor_id: str
    team: str
    requested_at: datetime | None
    started_at: datetime | None
    finished_at: datetime
    touch_us: int | None
    wait_us: int | None
    lead_us: int | None
    estimated: bool
    outcome: str
    corrects: UUID | None
    cost: Decimal | None
    currency: str
    known_at: datetime


class ObservationFact(NamedTuple):
    """A row of `observation`."""

    tenant_id: str
    id: UUID
    process: str
    case_id: str
    at: datetime
    known_at: datetime
    activity: str
    transition: str


class SurveyFact(NamedTuple):
    """A row of `survey_response`."""

    tenant_id: str
    id: UUID
    score: int
    team: str
    process: str
    answered_at: datetime
    known_at: datetime


class WithdrawalFact(NamedTuple):
    """A row of `withdrawal`: the event `id` counts nowhere, says the event `event_id`."""

    tenant_id: str
    id: UUID
    event_id: UUID
    reason: str
    known_at: datetime


Fact = OperationFact | ObservationFact | SurveyFact | WithdrawalFact


@dataclass(slots=True)
class Arrivals:
    """What a batch of events brought. `ignored` counts events that carry nothing to measure."""

    operations: list[OperationFact] = field(default_factory=list)
    observations: list[ObservationFact] = field(default_factory=list)
    answers: list[SurveyFact] = field(default_factory=list)
    withdrawals: list[WithdrawalFact] = field(default_factory=list)
    ignored: int = 0

    def add(self, event: Event, plausible: Plausible) -> None:
        """Read one event. Raises MalformedEventError naming the field that is wrong."""
        self.keep(fact_of(event, plausible))

    def keep(self, fact: Fact | None) -> None:
        if isinstance(fact, OperationFact):
            self.operations.append(fact)
        elif isinstance(fact, ObservationFact):
            self.observations.append(fact)
        elif isinstance(fact, SurveyFact):
            self.answers.append(fact)
        elif fact is not None:
            self.withdrawals.append(fact)
        else:
            self.ignored += 1


class _Carrier(msgspec.Struct):
    work: Work | None = None


_carriers = msgspec.json.Decoder(_Carrier)
_observations = msgspec.json.Decoder(ObservationRecorded)
_answers = msgspec.json.Decoder(SurveyAnswered)
_withdrawals = msgspec.json.Decoder(EventWithdrawn)


def fact_of(event: Event, plausible: Plausible) -> Fact | None:
    """Return what an event measures, if anything. Raises MalformedEventError naming what is wrong."""
    check_origin(event.type, event.tenant)
    return measured_by(event, plausible)


def measured_by(event: Event, plausible: Plausible) -> Fact | None:
    """Return what an event of a known origin measures, if anything. Raises MalformedEventError naming the field."""
    if (read := _WITHOUT_WORK.get(event.type)) is not None:
        return read(event, plausible)
    work = _read(event, _carriers).work
    if work is None and event.type == OperationRecorded.type:
        raise MalformedEventError("bad-data", "Object missing required field `work`: this event is nothing else")
    return None if work is None else operation_of(event, work, plausible)


def operation_of(event: Event, work: Work, plausible: Plausible) -> OperationFact:
    """Return the fact of a work block. An estimated start measures nothing: touch and wait stay unknown."""
    check_work(event.id, work, plausible)
    actor, cost = work.actor, work.cost
    requested, started, finished = work.requested_at, work.started_at, work.finished_at
    observed = None if work.estimated else started
    touch = None if observed is None else (finished - observed) // _MICROSECOND
    wait = None if observed is None or requested is None else (observed - requested) // _MICROSECOND
    if touch is None or wait is None:
        lead = None if requested is None else (finished - requested) // _MICROSECOND
    else:
        lead = touch + wait
    row = (
        event.tenant,
        event.id,
        work.process,
        work.activity,
        work.case,
        actor.kind,
        actor.id or "",
        actor.team or "",
        requested,
        started,
        finished,
        touch,
        wait,
        lead,
        work.estimated,
        work.outcome._value_,  # `value` takes as long as six of the others
        work.corrects,
        None if cost is None else cost.amount,
        "" if cost is None else cost.currency,
        known_at(event),
    )
    return _new(OperationFact, row)  # in the order of the class; its own way takes half as long again


def known_at(event: Event) -> datetime:
    """Return when the event's producer recorded it: in the log for good, unlike the moment of its arrival."""
    at = event.time
    return at if EARLIEST <= at <= _KNOWN_LAST else min(max(at, EARLIEST), _KNOWN_LAST)


def check_work(event_id: UUID, work: Work, plausible: Plausible) -> None:
    """Raise BadFieldError for the first value of a work block that cannot be."""
    if not _is_usual(event_id, work, plausible):
        _check_texts(work)
        _check_stamps(work, plausible)
        if work.corrects == event_id:
            raise BadFieldError("bad-data", "work.corrects", *_SELF)
    if work.cost is not None:
        check_cost(work.cost.amount, work.cost.currency)


def _is_usual(event_id: UUID, work: Work, plausible: Plausible) -> bool:
    """Tell at little cost of nearly every work block that its texts and stamps are fine; of the others nothing is said."""
    begin = work.started_at if work.requested_at is None else work.requested_at
    middle, end, actor = work.started_at or begin, work.finished_at, work.actor
    if begin is None or middle is None:
        begin = middle = end
    case, person = work.case, actor.id or "-"
    try:
        _check_labels(work.process, work.activity, actor.team or "")
        return (
            plausible.earliest <= begin <= middle <= end <= plausible.latest
            # What can be printed holds no NUL.
            and (case.isprintable() and not case.isspace() and 0 < len(case) <= MAX_CASE)
            and (person.isprintable() and not person.isspace() and len(person) <= MAX_ACTOR)
            and (work.corrects is None or work.corrects != event_id)
        )
    except (BadFieldError, TypeError):  # of the moments some have an offset and some have none
        return False


@lru_cache(10_000)  # they come again and again; what is refused, which may be of any length, is not remembered
def _check_labels(process: str, activity: str, team: str) -> None:
    check_process("work.process", process)
    check_text("work.activity", activity, MAX_ACTIVITY)
    check_text("work.actor.team", team, MAX_TEAM, empty=True)


def observation_of(event: Event, plausible: Plausible) -> ObservationFact:
    data: ObservationRecorded = _read(event, _observations)
    check_observation(data, plausible)
    return ObservationFact(
        event.tenant, event.id, data.process, data.case, data.at, known_at(event), data.activity, data.transition
    )


def check_observation(data: ObservationRecorded, plausible: Plausible) -> None:
    """Raise BadFieldError for the first value of an observation that cannot be."""
    check_process("process", data.process)
    check_text("case", data.case, MAX_CASE)
    check_text("activity", data.activity, MAX_ACTIVITY, empty=True)
    check_text("transition", data.transition, MAX_ACTIVITY, empty=True)
    check_stamp("at", data.at, plausible)


def answer_of(event: Event, plausible: Plausible) -> SurveyFact:
    data: SurveyAnswered = _read(event, _answers)
    check_answer(data, plausible)
    return SurveyFact(event.tenant, event.id, data.score, data.team, data.process, data.answered_at, known_at(event))


def check_answer(data: SurveyAnswered, plausible: Plausible, comment: str = "") -> None:
    """Raise BadFieldError for the first value of an answer that cannot be."""
    if not 1 <= data.score <= 5:  # noqa: PLR2004 - the scale of the question
        raise BadFieldError("bad-data", "score", "1 to 5 is expected", "debe estar entre 1 y 5")
    check_text("team", data.team, MAX_TEAM, empty=True)
    check_process("process", data.process, empty=True)
    check_text("comment", comment, MAX_COMMENT, empty=True)
    check_stamp("answered_at", data.answered_at, plausible)


def withdrawal_of(event: Event, _plausible: Plausible) -> WithdrawalFact:
    data: EventWithdrawn = _read(event, _withdrawals)
    check_withdrawal(event.id, data)
    return WithdrawalFact(event.tenant, data.event, event.id, data.reason, known_at(event))


def check_withdrawal(event_id: UUID, data: EventWithdrawn) -> None:
    """Raise BadFieldError for the first value of a withdrawal that cannot be."""
    if data.event == event_id:
        raise BadFieldError("bad-data", "event", *_ITSELF)
    check_text("reason", data.reason, MAX_REASON)


_WITHOUT_WORK: dict[str, Callable[[Event, Plausible], Fact]] = {
    ObservationRecorded.type: observation_of,
    SurveyAnswered.type: answer_of,
    EventWithdrawn.type: withdrawal_of,
}


def _read(event: Event, decoder: msgspec.json.Decoder[Any]) -> Any:
    try:
        return decoder.decode(event.data)
    except msgspec.ValidationError as error:  # its text names the place: "... - at `$.work.finished_at`"
        raise MalformedEventError("bad-data", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedEventError("bad-json", f"data is not JSON: {error}") from error


def _check_texts(work: Work) -> None:
    check_process("work.process", work.process)
    check_text("work.activity", work.activity, MAX_ACTIVITY)
    check_text("work.case", work.case, MAX_CASE)
    check_text("work.actor.id", work.actor.id or "", MAX_ACTOR, empty=True)
    check_text("work.actor.team", work.actor.team or "", MAX_TEAM, empty=True)


def _check_stamps(work: Work, plausible: Plausible) -> None:
    """Refuse stamps without offset, implausible ones, and ones that run backwards."""
    last: tuple[str, datetime] | None = None
    for name in ("requested_at", "started_at", "finished_at"):
        at: datetime | None = getattr(work, name)
        if at is None:
            continue
        check_stamp(f"work.{name}", at, plausible)
        if last is not None and at < last[1]:
            english = f"{at.isoformat()} lies before {last[0]}"
            raise BadFieldError("backwards", f"work.{name}", english, f"{at.isoformat()} es anterior a {last[0]}")
        last = (name, at)


_SELF = ("an operation cannot correct itself", "una operación no puede corregirse a sí misma")
_ITSELF = ("an event cannot withdraw itself", "un evento no puede retirarse a sí mismo")
