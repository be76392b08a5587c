"""Operations as a live stream brings them, for benchmarks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from shared.contracts.analytics import OperationRecorded
from shared.eventlog import Message
from shared.events import Actor, Outcome, Work, to_message
from shared.ids import uuid7

TENANT, PROCESS = "bench", "accounts-payable"
ACTIVITIES, OPERATIONS_OF_A_CASE = 24, 5
_START = datetime(2026, 1, 1, tzinfo=UTC)
_LATE, _LATEST_DAYS = 0.05, 90
_GAP_S = 0.01  # between two events of the stream: 100 a second
_OPEN_CASES = 100  # that go on at the same time, a second apart from step to step


def operations(
    topic: str, count: int, seed: int, *, spread: bool = False, key: str = "case", begin: datetime = _START
) -> Iterator[Message]:
    """Give events as services publish them: 24 activities, cases of five operations, 5 % up to 90 days late.

    With `spread` they come in no order at all, from anywhere in 90 days, as when history is imported. The key of a
    message is its case, or its `activity`.
    """
    random = Random(seed)
    first = begin + timedelta(days=_LATEST_DAYS * (1 + seed))
    block = _OPEN_CASES * OPERATIONS_OF_A_CASE
    for index in range(count):
        requested = first + timedelta(seconds=_GAP_S * index)
        if spread or random.random() < _LATE:
            requested -= timedelta(days=random.uniform(0, _LATEST_DAYS))
        case = index // block * _OPEN_CASES + index % _OPEN_CASES
        step = index % block // _OPEN_CASES
        activity = (case * OPERATIONS_OF_A_CASE + step) % ACTIVITIES
        started = requested + timedelta(seconds=random.randrange(7_200))
        work = Work(
            process=PROCESS,
            activity=f"activity-{activity}",
            case=f"{seed}-{case}",
            actor=Actor(
                kind="automation" if activity % 3 else "person", id=f"a{index % 50}", team=f"team-{activity % 4}"
            ),
            requested_at=requested,
            started_at=started,
            finished_at=started + timedelta(seconds=random.lognormvariate(5, 1)),
            outcome=Outcome.ERROR if index % 20 == 0 else Outcome.DONE,
        )
        data = OperationRecorded(source="bench")
        subject = work.case if key == "case" else work.activity
        message = to_message(uuid7(), data, subject=subject, tenant=TENANT, at=requested, work=work)
        yield Message(topic, message.key, message.value, message.headers)
