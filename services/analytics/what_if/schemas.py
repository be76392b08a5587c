"""What GET /analytics/what-if takes and answers. Amounts and shares are decimal texts, as they are in its address."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from services.analytics.bands.rules import Band
from services.analytics.costs.schemas import Amount
from services.analytics.indicators.request import Moment, ProcessFilter
from services.analytics.indicators.schemas import DefinitionOut, PeriodOut
from services.analytics.questions import Digits, Question
from services.analytics.what_if.inputs import Source
from services.analytics.what_if.rules import NoBreakEven, Option, Reason, Verdict
from shared.money import CurrencyCode
from shared.schemas import ResponseModel
from shared.validation import value_error

MAX_HORIZON = 120


def _above_zero(value: str) -> str:
    if not Decimal(value):
        raise value_error("above_zero", "Input should be greater than 0", "debe ser mayor que 0")
    return value


Share = Annotated[str, StringConstraints(pattern=r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$")]
Correction = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}(\.[0-9]{1,6})?$")]
Factor = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,6})?$")]
# What was measured may be a credit, and as much as an event may tell.
OperationCost = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,13}(\.[0-9]{1,6})?$")]
Volume = Annotated[Amount, AfterValidator(_above_zero)]


class WhatIfQuery(Question):
    """Each input that is left out is taken from the live figures of `process` and the period, else from its default."""

    process: ProcessFilter = Field(default=None, description="Whose live figures are taken, and whose bands hold")
    begin: Moment = Field(default=None, alias="from", description="Live figures from here on; 90 days before `to`")
    end: Moment = Field(
        default=None,
        alias="to",
        description="Live figures until here, and until now at the latest; the begin of today (UTC)",
    )
    live: bool = Field(default=True, description="false takes no live figures: what is left out has its default")
    currency: CurrencyCode | None = Field(default=None, description="Default: the cost model's, else EUR")
    volume: Volume | None = Field(default=None, description="Operations per month")
    minutes: Amount | None = Field(default=None, description="A person's minutes per operation")
    automated_minutes: Amount | None = Field(default=None, description="Minutes of an automated operation")
    error_share: Share | None = Field(default=None, description="Errors now, as a fraction of all operations")
    error_share_planned: Share | None = None
    correction_minutes: Correction | None = Field(default=None, description="A person's minutes to correct an error")
    correction_factor: Factor | None = Field(default=None, description="Instead: how many times `minutes`")
    hourly_cost: Amount | None = Field(default=None, description="What an hour of a person costs")
    automation_share: Share | None = Field(default=None, description="Automated operations now, as a fraction of all")
    automation_share_planned: Share | None = None
    automated_cost: OperationCost | None = Field(
        default=None, description="What an automated operation costs; less than 0 is a credit"
    )
    investment: Amount | None = Field(default=None, description="Paid once for the change")
    running_cost: Amount | None = Field(default=None, description="What the change costs each month from then on")
    satisfaction: Share | None = Field(default=None, description="CSAT now: content answers, as a fraction of all")
    satisfaction_planned: Share | None = None
    outsourcing_price: Amount | None = Field(default=None, description="Price per operation of having it done outside")
    outsourcing_error_share: Share | None = None
    horizon_months: Annotated[int, Field(ge=1, le=MAX_HORIZON), Digits] | None = Field(
        default=None, description="Over how many months the options are compared"
    )

    @model_validator(mode="after")
    def _one_way_to_correct(self) -> Self:
        if self.correction_minutes is not None and self.correction_factor is not None:
            raise value_error(
                "one_correction",
                "give correction_minutes or correction_factor, not both",
                "indique correction_minutes o correction_factor, no ambos",
            )
        return self


class InputOut(ResponseModel):
    """A value used, and where it came from; `note` says why a default is what it is."""

    name: str
    value: str | None
    unit: str
    source: Source
    note: str | None


class FigureOut(ResponseModel):
    """An amount in `currency` and the formula of inputs and figures that gives it."""

    amount: str
    formula: str


class ProcessStateOut(ResponseModel):
    value: float | None
    band: Band
    advice: str
    formula: str


class IndicatorOut(ResponseModel):
    """An indicator now and as planned, graded by the scale in force for the process."""

    id: str
    unit: str
    definition: DefinitionOut
    band_source: str | None
    now: ProcessStateOut
    planned: ProcessStateOut


class MonthlyCostOut(ResponseModel):
    """`outsourced` is null without a price."""

    now: FigureOut
    planned: FigureOut
    outsourced: FigureOut | None


class BreakEvenOut(ResponseModel):
    """The month by whose end the savings have paid the investment; 0 when there is none; null when never."""

    month: int | None
    reason: NoBreakEven | None
    text: str
    formula: str


class ReasonOut(ResponseModel):
    code: Reason
    text: str


class PlanComparedOut(ResponseModel):
    """Over the horizon: `make` is now or planned, whichever costs less; null without a price to buy at."""

    verdict: Verdict | None
    cheapest: Option
    now: FigureOut
    planned: FigureOut
    outsourced: FigureOut | None
    reasons: list[ReasonOut]


class WhatIfOut(ResponseModel):
    """`period` is that of the live figures, null when none were looked for. `scenario` is the query with every input."""

    definition: DefinitionOut
    process: str | None
    period: PeriodOut | None
    currency: str
    currency_source: Source
    inputs: list[InputOut]
    indicators: list[IndicatorOut]
    monthly_cost: MonthlyCostOut
    monthly_saving: FigureOut
    break_even: BreakEvenOut
    comparison: PlanComparedOut
    scenario: str
