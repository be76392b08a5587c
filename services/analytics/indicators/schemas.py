"""What GET /analytics/kpis answers. Durations in seconds, rates as fractions of 1, unrounded."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.analytics.bands.rules import Band
from services.analytics.indicators.selection import Reading


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class DefinitionOut(_Out):
    """Which formula gave the value; a changed formula has another version."""

    id: str
    version: int
    text: str


class KpiOut(_Out):
    """`value` is null when nothing was measured (n 0) or when it is hidden; `unit` is null while no currency is known."""

    id: str
    value: float | None
    unit: str | None
    n: int
    definition: DefinitionOut
    band: Band
    band_source: str | None
    advice: str


class _Quantiles(_Out):
    median: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    max: float | None


class QuantilesOut(_Quantiles, KpiOut):
    """In seconds; null without `details` or data. `percentiles` says how they, `max` included, were read.

    exact: from every operation or case, interpolated; rollup: from histograms, each within 1 % of the exact one;
    null: not at all.
    """

    percentiles: Reading | None


class DurationOut(_Quantiles):
    """A duration other than the indicator's own, in seconds; `n` operations have one, and null is unknown."""

    n: int
    mean: float | None


class ProcessingTimeOut(QuantilesOut):
    """`wait` is started - requested, `lead` finished - requested, read as `percentiles` says."""

    id: Literal["processing_time"]
    wait: DurationOut
    lead: DurationOut
    total: float | None
    wait_mean: float | None
    lead_mean: float | None
    unknown: int
    estimated: int


class ErrorRateOut(KpiOut):
    id: Literal["error_rate"]
    errors: int
    rework: int
    cancelled: int
    corrected: int
    defects: int


class CurrencyOut(_Out):
    """The same indicator in one currency; `total` in its main unit."""

    currency: str
    value: float
    total: float
    measured: int
    modelled: int


class CostPerOperationOut(KpiOut):
    """`reason` says why there is no value; with several currencies ask for one with `currency`."""

    id: Literal["cost_per_operation"]
    total: float | None
    measured: int
    modelled: int
    unknown: int
    reason: Literal["several-currencies", "no-cost-known"] | None
    currencies: list[CurrencyOut]


class AutomationLevelOut(KpiOut):
    id: Literal["automation_level"]
    automation: int
    person: int


class InternalSatisfactionOut(KpiOut):
    """Everything but n is hidden below 5 answers."""

    id: Literal["internal_satisfaction"]
    mean: float | None
    satisfied: int | None


class CaseThroughputTimeOut(QuantilesOut):
    """`variants` is null unless asked for with `exact`: to tell them apart takes every operation of the cases."""

    id: Literal["case_throughput_time"]
    cases: int
    events: int
    variants: int | None


class CaseReworkRateOut(KpiOut):
    id: Literal["case_rework_rate"]
    rework_cases: int
    cases: int
    rework_events: int
    rework_event_rate: float | None


class NoTouchRateOut(KpiOut):
    id: Literal["no_touch_rate"]
    no_touch_cases: int
    cases: int


class FirstPassYieldOut(KpiOut):
    id: Literal["first_pass_yield"]
    first_pass_cases: int
    cases: int


AnyKpi = Annotated[
    ProcessingTimeOut
    | ErrorRateOut
    | CostPerOperationOut
    | AutomationLevelOut
    | InternalSatisfactionOut
    | CaseThroughputTimeOut
    | CaseReworkRateOut
    | NoTouchRateOut
    | FirstPassYieldOut,
    Field(discriminator="id"),
]


class PeriodOut(BaseModel):
    """Half-open: from <= moment < to; null is without bound."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)

    begin: datetime | None = Field(alias="from")
    end: datetime | None = Field(alias="to")


class FiltersOut(_Out):
    process: str | None
    activity: str | None
    team: str | None
    actor_kind: str | None
    currency: str | None


class GroupOut(_Out):
    """`group` maps each of `group_by` to its value: text, a date or an hour's begin (as UTC); null is none (no team)."""

    group: dict[str, str | None]
    kpis: list[AnyKpi]


class CalendarRefOut(_Out):
    """Whose open hours are working time, and in which version."""

    name: str
    version: int
    time_zone: str


class KpisOut(_Out):
    """The whole selection in `kpis`, and one list per group in `groups` (empty without group_by).

    With a `calendar`, waits, lead times and the time of cases are working time, read from facts. `as_of` is the moment
    whose knowledge is answered; null is all that is known.
    """

    period: PeriodOut
    time_zone: str
    calendar: CalendarRefOut | None
    as_of: datetime | None
    filters: FiltersOut
    kpis: list[AnyKpi]
    groups: list[GroupOut]
