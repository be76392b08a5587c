"""Work reported over HTTP."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from shared.events import MAX_ACTIVITY, MAX_ACTOR, MAX_CASE, MAX_PROCESS, MAX_TEAM
from shared.money import CurrencyCode, DecimalString
from shared.schemas import Id, Instant, RequestModel, ResponseModel

MAX_BATCH = 1_000


def Text(longest: int, shortest: int = 1, pattern: str | None = None) -> StringConstraints:  # noqa: N802 - reads as a type
    """Return what a stored text must be; lengths in characters."""
    return StringConstraints(min_length=shortest, max_length=longest, pattern=pattern)


ProcessName = Annotated[str, Text(MAX_PROCESS)]
ActivityName = Annotated[str, Text(MAX_ACTIVITY)]
TeamName = Annotated[str, Text(MAX_TEAM)]


class ActorIn(RequestModel):
    """Who worked. A person's id is replaced by a pseudonym before it is stored or published."""

    kind: Literal["person", "automation"]
    id: Annotated[str, Text(MAX_ACTOR, 0)] | None = None
    team: TeamName | None = None


class CostIn(RequestModel):
    amount: DecimalString
    currency: CurrencyCode


class OperationIn(RequestModel):
    """One work block. With an own `id`, sending it again changes nothing; without, every sending is a new operation."""

    id: Id | None = None
    process: ProcessName
    activity: ActivityName
    case: Annotated[str, Text(MAX_CASE)]
    actor: ActorIn
    requested_at: Instant | None = None
    started_at: Instant | None = None
    finished_at: Instant
    outcome: Literal["done", "error", "rework", "cancelled"] = "done"
    corrects: Id | None = None
    cost: CostIn | None = None
    estimated: bool = False


class OperationsIn(RequestModel):
    operations: Annotated[list[OperationIn], Field(min_length=1, max_length=MAX_BATCH)]


class OperationsAccepted(ResponseModel):
    """Accepted for publication; `ids` in the order of the request, to be named in `corrects` later."""

    ids: list[UUID]
