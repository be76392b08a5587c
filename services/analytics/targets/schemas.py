"""Targets, as they come in and go out."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from services.analytics.cursors import Cursor, Limit
from services.analytics.indicators.definitions import KpiId
from services.analytics.indicators.request import ProcessFilter
from services.analytics.indicators.schemas import DefinitionOut, PeriodOut
from services.analytics.operations.schemas import ActivityName, ProcessName, TeamName, Text
from services.analytics.questions import Question
from services.analytics.targets.rules import Direction, State
from shared.events import MAX_ACTOR
from shared.money import CurrencyCode
from shared.pagination import DEFAULT_LIMIT
from shared.schemas import RequestModel, ResponseModel

DEFAULT_DAYS, MAX_DAYS = 30, 366

Value = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}(\.[0-9]{1,6})?$")]
Days = Annotated[int, Field(ge=1, le=MAX_DAYS)]


class OwnerIn(RequestModel):
    """Who answers for it. A person's id is replaced by a pseudonym before it is stored; a pseudonym stays as it is."""

    kind: Literal["person", "team"]
    id: Annotated[str, Text(MAX_ACTOR)]


class TargetChange(RequestModel):
    """What can be edited. `value` is a decimal string in the indicator's unit; `days` is how far back it looks."""

    value: Value
    days: Days = DEFAULT_DAYS
    owner: OwnerIn


class TargetIn(TargetChange):
    """`currency` belongs to cost_per_operation alone, and there it must be; `activity` and `team` narrow it down."""

    process: ProcessName
    kpi: KpiId
    currency: CurrencyCode | None = None
    activity: ActivityName | None = None
    team: TeamName | None = None


class TargetsQuery(Question):
    """Which targets are listed; all of them without a filter."""

    process: ProcessFilter = None
    kpi: KpiId | None = None
    state: State | None = None
    cursor: Cursor = None
    limit: Limit = DEFAULT_LIMIT


class OwnerOut(ResponseModel):
    kind: Literal["person", "team"]
    id: str


class TargetOut(ResponseModel):
    """`state`, `since`, `last_value` and `last_n` are as last evaluated, at most a minute or so before."""

    id: UUID
    process: str
    kpi: KpiId
    activity: str | None
    team: str | None
    value: str
    unit: str
    direction: Direction
    days: int
    owner: OwnerOut
    state: State
    since: datetime | None
    last_value: str | None
    last_n: int
    evaluated_at: datetime | None


class TargetStateOut(ResponseModel):
    """The target as it stands now; unknown below 5 things measured. `since` is null while the state is unknown."""

    id: UUID
    state: State
    since: datetime | None
    value: str | None
    n: int
    target: str
    unit: str
    direction: Direction
    period: PeriodOut
    definition: DefinitionOut
