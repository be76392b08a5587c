"""Processes, as they are asked for and answered."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from services.analytics.cursors import Cursor, Limit
from services.analytics.filters import OperationQuery
from services.analytics.indicators.schemas import DefinitionOut, PeriodOut
from services.analytics.indicators.selection import Selection
from services.analytics.operations.schemas import ActivityName
from services.analytics.questions import Digits
from shared.money import CurrencyCode
from shared.pagination import DEFAULT_LIMIT, MAX_LIMIT
from shared.schemas import RequestModel, ResponseModel

MAX_TERMINAL = 50
MAX_SHOWN = 200  # activities of one variant that are listed; `length` says how many there are
DEFAULT_IDLE_DAYS = 30
MAX_IDLE_DAYS = 3_650
DEFAULT_TOP = 50

Amount = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?$")]
Share = Annotated[str, StringConstraints(pattern=r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$")]
Top = Annotated[int, Field(ge=1, le=MAX_LIMIT, description="How many are answered, the greatest first"), Digits]


class ProcessQuery(OperationQuery):
    """The process itself stands in the address."""

    def selection(self, process: str) -> Selection:
        return Selection(
            process=process,
            activity=self.activity,
            team=self.team,
            actor_kind=self.actor_kind,
            begin=self.begin,
            end=self.end,
        )


class EdgesQuery(ProcessQuery):
    top: Top = DEFAULT_TOP
    order: Literal["wait", "elapsed"] = Field(default="wait", description="Which total ranks the edges")


class VariantsQuery(ProcessQuery):
    cursor: Cursor = None
    limit: Limit = DEFAULT_LIMIT


class CandidatesQuery(ProcessQuery):
    top: Top = DEFAULT_TOP
    hourly_rate: Amount | None = Field(default=None, description="What an hour of manual work costs")
    currency: CurrencyCode | None = Field(default=None, description="Of hourly_rate and automated_cost")
    coverage: Share = Field(default="1", description="Share of the operations that automation takes over, 0 to 1")
    automated_cost: Amount = Field(default="0", description="What one automated operation costs")

    def manual_work(self, process: str) -> Selection:
        """Return the selection of what people did, by activity."""
        return replace(self.selection(process), actor_kind="person", group_by=("activity",), details=False)


class IdleQuery(ProcessQuery):
    idle: Annotated[int, Field(ge=1, le=MAX_IDLE_DAYS), Digits] = Field(
        default=DEFAULT_IDLE_DAYS,
        description="Days; without terminal activities a case of which nothing was seen for longer counts as ended",
    )


class OpenCasesQuery(IdleQuery):
    cursor: Cursor = None
    limit: Limit = DEFAULT_LIMIT


class SelectedOut(ResponseModel):
    process: str
    activity: str | None
    team: str | None
    actor_kind: str | None


class DurationsOut(ResponseModel):
    """In seconds; null where nothing was measured."""

    n: int
    mean: float | None
    median: float | None
    total: float | None


class WaitsOut(DurationsOut):
    unknown: int
    overlaps: int


class EdgeOut(ResponseModel):
    """`source` was finished and `target` next, `n` times in so many cases."""

    source: str
    target: str
    n: int
    cases: int
    wait: WaitsOut
    elapsed: DurationsOut


class EdgesOut(ResponseModel):
    """`edges` is how many different ones there are, `steps` how often one was taken, also of those not listed."""

    period: PeriodOut
    filters: SelectedOut
    definitions: list[DefinitionOut]
    order: str
    edges: int
    steps: int
    items: list[EdgeOut]


class ThroughputOut(ResponseModel):
    """In seconds."""

    mean: float
    median: float


class VariantOut(ResponseModel):
    """`activities` lists the first 200 of `length`; `id` stands for the whole sequence."""

    id: UUID
    activities: list[str]
    length: int
    cases: int
    share: float
    throughput: ThroughputOut
    first_at: datetime
    last_at: datetime


class VariantsOut(ResponseModel):
    """Most cases first; `variants` and `cases` count all of them, also those of other pages."""

    period: PeriodOut
    filters: SelectedOut
    definition: DefinitionOut
    variants: int
    cases: int
    items: list[VariantOut]
    next_cursor: str | None


class SavingOut(ResponseModel):
    """Decimal strings in `currency`; net = labour - automation."""

    labour: str
    automation: str
    net: str
    currency: str


class CandidateOut(ResponseModel):
    """`measured` of `n` operations have a touch time; `hours` is n x mean. `saving` is null without a rate or hours."""

    activity: str
    n: int
    measured: int
    mean: float | None
    hours: float | None
    saving: SavingOut | None


class CandidatesOut(ResponseModel):
    """`hours` and `saving` are those of every activity, also of those not listed, but for the `unmeasured` ones.

    Both are null where no activity has hours; saving is null without a rate.
    """

    period: PeriodOut
    filters: SelectedOut
    definition: DefinitionOut
    coverage: str
    activities: int
    unmeasured: int
    hours: float | None
    saving: SavingOut | None
    items: list[CandidateOut]


class OpenCaseOut(ResponseModel):
    """`age` and `idle` in seconds at `now`; the last activity is null while none was finished."""

    case: str
    first_at: datetime
    last_at: datetime
    age: float
    idle: float
    operations: int
    last_activity: str | None
    last_team: str | None


class OpenCasesOut(ResponseModel):
    """Oldest first. `idle_days` is null where terminal activities say what is open."""

    period: PeriodOut
    filters: SelectedOut
    definition: DefinitionOut
    terminal_activities: list[str]
    idle_days: int | None
    now: datetime
    items: list[OpenCaseOut]
    next_cursor: str | None


class QueueOut(ResponseModel):
    """Open cases whose last finished activity is `after`; seconds at `now`."""

    after: str | None
    cases: int
    oldest_first_at: datetime
    idle_mean: float
    idle_max: float
    idle_total: float


class QueuesOut(ResponseModel):
    """Most time idle in all first; `cases` counts every open case, also of queues not listed."""

    period: PeriodOut
    filters: SelectedOut
    definitions: list[DefinitionOut]
    terminal_activities: list[str]
    idle_days: int | None
    now: datetime
    cases: int
    items: list[QueueOut]


class SettingsIn(RequestModel):
    """`terminal_activities` end a case, each alone; none: nothing is known to end one."""

    terminal_activities: Annotated[list[ActivityName], Field(max_length=MAX_TERMINAL)]


class SettingsOut(ResponseModel):
    process: str
    terminal_activities: list[str]
