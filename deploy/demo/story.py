"""Six months of work: what was done when, by whom, how long it took, and what people thought of it.

Pure: the same seed and the same last month give the same operations, ids included.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from shared.ids import stable_id

MONTHS, AUTOMATED_FROM_MONTH = 6, 3
INVOICES_A_DAY, LEAVE_EVERY_DAYS, ANSWERS_A_MONTH = 8, 3, 24
PROCESS_AP, PROCESS_LEAVE = "accounts-payable", "leave-management"
_MADRID = ZoneInfo("Europe/Madrid")
_FRIDAY = 4

Operation = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """How an activity is done by people: median touch time, wait before it, share that goes wrong."""

    activity: str
    team: str
    touch_min: float
    wait_h: float
    error_share: float


_STEPS = (
    Step("register-invoice", "intake", 7, 5, 0.09),
    Step("validate-invoice", "intake", 4, 8, 0.05),
    Step("approve-invoice", "finance", 2, 20, 0.04),
    Step("pay-invoice", "finance", 3, 60, 0.01),
)
_AUTOMATED = {"register-invoice": 0.75, "validate-invoice": 0.85}


def first_day(until: date) -> date:
    """Return the first day of the story that ends before the month of `until`."""
    months = until.year * 12 + until.month - 1 - MONTHS
    return date(months // 12, months % 12 + 1, 1)


def last_morning(until: date) -> datetime:
    """Return when the office opened on the last working day before `until`."""
    day = until - timedelta(days=1)
    while day.weekday() > _FRIDAY:
        day -= timedelta(days=1)
    return datetime(day.year, day.month, day.day, 8, tzinfo=_MADRID).astimezone(UTC)


def operations(seed: int, until: date) -> Iterator[Operation]:
    """Yield every operation of the six whole months before `until`, as `POST /analytics/operations` takes them."""
    random = Random(seed)  # noqa: S311 - a reproducible story, not a secret
    start, end = first_day(until), until.replace(day=1)
    curtain = datetime(end.year, end.month, end.day, tzinfo=UTC).isoformat()
    yield from (work for work in _days(random, seed, start, end) if work["finished_at"] < curtain)


def _days(random: Random, seed: int, start: date, end: date) -> Iterator[Operation]:
    for day in (start + timedelta(days=n) for n in range((end - start).days)):
        if day.weekday() > _FRIDAY:
            continue
        automated = month_of(day, start) >= AUTOMATED_FROM_MONTH
        for number in range(random.randrange(INVOICES_A_DAY - 3, INVOICES_A_DAY + 4)):
            yield from _invoice(random, seed, day, number, automated=automated)
        if day.toordinal() % LEAVE_EVERY_DAYS == 0:
            yield from _leave(random, seed, day)


def month_of(day: date, start: date) -> int:
    return (day.year - start.year) * 12 + day.month - start.month


def _invoice(random: Random, seed: int, day: date, number: int, *, automated: bool) -> Iterator[Operation]:
    case = str(stable_id("demo", seed, "invoice", day, number))
    at = _office_time(random, day)
    for step in _STEPS:
        by_machine = automated and random.random() < _AUTOMATED.get(step.activity, 0)
        operation = _operation(random, PROCESS_AP, step, case, at, by_machine=by_machine)
        yield operation
        at = datetime.fromisoformat(operation["finished_at"])
        if operation["outcome"] == "error":  # done again by a person, half an hour later
            again = _operation(random, PROCESS_AP, step, case, at + timedelta(minutes=30), by_machine=False)
            yield again | {"outcome": "rework", "id": str(stable_id(operation["id"], "again"))}
            at = datetime.fromisoformat(again["finished_at"])


def _operation(
    random: Random, process: str, step: Step, case: str, requested: datetime, *, by_machine: bool
) -> Operation:
    if by_machine:
        started = requested + timedelta(seconds=random.uniform(1, 20))
        finished = started + timedelta(seconds=random.uniform(0.5, 4))
        error, actor = random.random() < step.error_share / 4, {"kind": "automation", "id": "intake-robot"}
    else:
        started = requested + timedelta(hours=random.expovariate(1 / step.wait_h))
        finished = started + timedelta(minutes=step.touch_min * random.lognormvariate(0, 0.5))
        error = random.random() < step.error_share
        actor = {"kind": "person", "id": f"{step.team}-{random.randrange(1, 5)}"}
    return {
        "id": str(stable_id(case, step.activity)),
        "process": process,
        "activity": step.activity,
        "case": case,
        "actor": actor | {"team": step.team},
        "requested_at": requested.isoformat(),
        "started_at": started.isoformat(),
        "finished_at": finished.isoformat(),
        "outcome": "error" if error else "done",
    }


def _leave(random: Random, seed: int, day: date) -> Iterator[Operation]:
    case = str(stable_id("demo", seed, "leave", day))
    at = _office_time(random, day)
    for step in (Step("request-leave", "staff", 2, 0.01, 0), Step("decide-leave", "hr", 1.5, 30, 0.02)):
        operation = _operation(random, PROCESS_LEAVE, step, case, at, by_machine=False)
        yield operation
        at = datetime.fromisoformat(operation["finished_at"])


def answers(seed: int, until: date) -> Iterator[dict[str, Any]]:
    """Yield the survey answers, as `POST /analytics/survey-answers` takes them; they improve with the automation."""
    random = Random(seed + 1)  # noqa: S311 - see operations
    start = first_day(until)
    for month in range(MONTHS):
        weights = (4, 10, 26, 40, 20) if month < AUTOMATED_FROM_MONTH else (1, 3, 12, 46, 38)
        for number in range(ANSWERS_A_MONTH):
            index = start.month - 1 + month
            day = date(start.year + index // 12, index % 12 + 1, 1 + number)
            yield {
                "score": random.choices((1, 2, 3, 4, 5), weights)[0],
                "team": random.choice(("intake", "finance")),
                "process": PROCESS_AP,
                "answered_at": _office_time(random, day).isoformat(),
            }


def _office_time(random: Random, day: date) -> datetime:
    local = datetime(day.year, day.month, day.day, 8, tzinfo=_MADRID) + timedelta(minutes=random.randrange(0, 420))
    return local.astimezone(UTC)
