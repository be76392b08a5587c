"""A seeded stream of operations with duplicates, for runs that must end with the same bytes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from shared.contracts.analytics import EventWithdrawn, ObservationRecorded, OperationRecorded, SurveyAnswered
from shared.eventlog import Message
from shared.events import Actor, EventData, Outcome, Work, to_message
from shared.money import Money

_BEGIN = datetime(2026, 1, 5, 8, tzinfo=UTC)
_AWAY = (
    128  # places from a withdrawal to the one event that it withdraws, before or behind; or the other tenant's: to none
)
_CASE = 5  # operations of a case, on the average


def stream(topic: str, count: int, seed: int, duplicated: float = 0.1) -> list[Message]:
    """Return `count` events and, at random places behind the original, a second copy of a share of them.

    Two tenants, twelve activities, and what makes order matter: corrections and withdrawals of earlier and of later events.
    """
    random = Random(seed)
    ids = [UUID(int=random.getrandbits(128), version=4) for _ in range(count)]
    placed = [(float(n), replace(_event(random, ids, n), topic=topic)) for n in range(count)]
    copies = random.sample(placed, int(count * duplicated))
    placed += [(random.uniform(place, count), message) for place, message in copies]
    placed.sort(key=lambda each: each[0])
    return [message for _, message in placed]


def _event(random: Random, ids: Sequence[UUID], n: int) -> Message:
    tenant, case = f"tenant-{n // _CASE % 2}", f"case-{n // _CASE}"
    at = _BEGIN + timedelta(seconds=random.randrange(60 * 86_400), microseconds=random.randrange(10**6))
    data: EventData = OperationRecorded(source="faults")
    work = None
    kind = random.random()
    if kind < 0.04:
        data = ObservationRecorded(process="purchasing", case=case, at=at)
    elif kind < 0.06:
        data = SurveyAnswered(score=random.randint(1, 5), team="", process="purchasing", answered_at=at)
    elif kind < 0.08 and (other := n ^ _AWAY) < len(ids):
        data = EventWithdrawn(event=ids[other], reason="faults")
    else:
        work = _work(random, case, at, _corrected(random, ids, n))
    return to_message(ids[n], data, subject=case, tenant=tenant, at=at, work=work)


def _work(random: Random, case: str, at: datetime, corrects: UUID | None) -> Work:
    started = at + timedelta(seconds=random.randrange(7_200))
    return Work(
        process="purchasing",
        activity=f"activity-{random.randrange(12)}",
        case=case,
        actor=Actor(
            kind=random.choice(("automation", "person")),
            id=f"a{random.randrange(50)}",
            team=random.choice((None, "one", "two", "three")),
        ),
        requested_at=random.choice((None, at)),
        started_at=started,
        finished_at=started + timedelta(seconds=random.lognormvariate(5, 1)),
        outcome=random.choices(list(Outcome), (88, 5, 5, 2))[0],
        corrects=corrects,
        cost=Money(amount=_amount(random), currency="EUR") if random.random() < 0.5 else None,
        estimated=random.random() < 0.1,
    )


def _amount(random: Random) -> Decimal:
    """Return an amount with up to four decimals: sums must not depend on the order."""
    return Decimal(random.randrange(10**6)).scaleb(-random.randrange(5))


def _corrected(random: Random, ids: Sequence[UUID], n: int) -> UUID | None:
    """Return, now and then, another event within a few hundred, before or behind; some are of the other tenant."""
    other = n + random.randint(-300, 300)
    return ids[other] if random.random() < 0.03 and other != n and 0 <= other < len(ids) else None
