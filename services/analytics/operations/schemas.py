"""Work reported over HTTP."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from services.analytics.operations.fields import UNADDRESSABLE, is_addressable
from shared.events import MAX_ACTIVITY, MAX_ACTOR, MAX_CASE, MAX_PROCESS, MAX_TEAM
from shared.money import CurrencyCode, DecimalString
from shared.schemas import Id, Instant, RequestModel, ResponseModel
from shared.validation import value_error

MAX_BATCH = 1_000


def _telling(value: str) -> str:
    """Validate a text that has to say something."""
    if not value.strip():
        raise value_error("blank_text", "Input should not be blank", "no debe estar en blanco")
    return value


@dataclass(frozen=True, slots=True)
class Text:
    """What a stored text must be; lengths in characters. One that must be there must say something, too."""

    longest: int
    shortest: int = 1
    pattern: str | None = None

    def __get_pydantic_core_schema__(self, _source: type[str], _handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = core_schema.str_schema(min_length=self.shortest, max_length=self.longest, pattern=self.pattern)
        return core_schema.no_info_after_validator_function(_telling, schema) if self.shortest else schema


def _addressable(process: str) -> str:
    if not is_addressable(process):
        raise value_error("unaddressable_process", *UNADDRESSABLE)
    return process


ProcessName = Annotated[str, Text(MAX_PROCESS), AfterValidator(_addressable)]
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
