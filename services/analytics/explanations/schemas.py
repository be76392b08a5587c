"""What an explanation answers. Sums and contributions are decimal text, exact at any size; names are the formula's."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import PlainSerializer

from services.analytics.bands.rules import Band
from services.analytics.bands.schemas import ScaleOut
from services.analytics.explanations.request import By
from services.analytics.explanations.rules import Why
from services.analytics.indicators.schemas import DefinitionOut, FiltersOut, PeriodOut
from shared.pagination import Page
from shared.schemas import ResponseModel

Contributions = dict[str, str]
Rounded = Annotated[Decimal, PlainSerializer(lambda amount: f"{amount:f}", return_type=str)]  # without exponent


class FormulaOut(ResponseModel):
    """value = numerator / denominator, in arithmetic over `inputs`, rounded once to a double."""

    text: str
    numerator: str
    denominator: str


class BandOut(ResponseModel):
    """`why` says what decided, `limit` the limit of the scale that the value kept; the scale says whose it is."""

    band: Band
    why: Why
    limit: float | None
    scale: ScaleOut | None


class LeftOutOut(ResponseModel):
    """`n` is null where it cannot be told."""

    reason: str
    n: int | None
    currency: str | None
    text: str


class DigestOut(ResponseModel):
    """SHA-256 over all `n` items: `docs/kpi.md` says how anybody computes it from the list."""

    algorithm: Literal["sha-256"]
    value: str
    n: int


class RateOut(ResponseModel):
    """`team` null is the rate of every team without its own."""

    team: str | None
    valid_from: date
    amount: str


class FixedOut(ResponseModel):
    valid_from: date
    amount: str


class CostOut(ResponseModel):
    """How the cost came: measured, or hourly rate x touch time and fixed cost. `amount` is rounded to 12 decimals, to be read."""

    source: Literal["measured", "modelled"]
    currency: str
    amount: Rounded
    touch_us: int | None
    hourly_rate: RateOut | None
    fixed_cost: FixedOut | None


class OperationOut(ResponseModel):
    """`id` is the event's; `contributes` adds up to the inputs of the formula's numerator. `cost` is null but for costs."""

    id: UUID
    process: str
    case: str
    activity: str
    team: str | None
    actor_kind: str
    finished_at: datetime
    outcome: str
    corrected: bool
    contributes: Contributions
    cost: CostOut | None


class CaseOut(ResponseModel):
    """`event_ids` are its operations and observations, the earliest 100; `more_events` says that there are more."""

    process: str
    case: str
    first_at: datetime
    last_at: datetime
    operations: int
    event_ids: list[UUID]
    more_events: bool
    contributes: Contributions


class EffectOut(ResponseModel):
    """What one group did to the value: `total` = `mix` + `rate`. Shares are of what is divided by; null values are none.

    `merged` counts the groups of answers that are told together, because one of them is too small to be told alone.
    """

    group: str | None
    merged: int
    n: float
    n_before: float
    value: float | None
    value_before: float | None
    share: float
    share_before: float
    mix: Rounded
    rate: Rounded
    total: Rounded


class PeriodsComparedOut(ResponseModel):
    """`difference` = the value now - `value` of the other period; null, without parts, when one of them has no value."""

    definition: DefinitionOut
    period: PeriodOut
    value: float | None
    n: int
    by: By
    difference: Rounded | None
    parts: list[EffectOut]


class ExplanationOut(ResponseModel):
    """One indicator, from the very items it was computed from.

    Of `operations` and `cases` one is the list and the other null; both are null for answers, which `private` says.
    `digest` is null without `details`, and for answers.
    """

    id: str
    value: float | None
    unit: str | None
    n: int
    period: PeriodOut
    time_zone: str
    as_of: datetime | None
    filters: FiltersOut
    definition: DefinitionOut
    formula: FormulaOut
    inputs: dict[str, str | None]
    band: BandOut
    left_out: list[LeftOutOut]
    private: str | None
    digest: DigestOut | None
    comparison: PeriodsComparedOut | None
    operations: Page[OperationOut] | None
    cases: Page[CaseOut] | None
