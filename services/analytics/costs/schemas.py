"""The cost model as one document: one currency, dated rates, dated fixed costs."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from services.analytics.operations.schemas import ActivityName, TeamName, Text
from shared.events import MAX_PROCESS
from shared.money import CurrencyCode
from shared.schemas import Day, RequestModel

MAX_ENTRIES = 2_000

Amount = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?$")]


class HourlyRateModel(RequestModel):
    """What an hour of a team's work costs from a day on (UTC); `team` null is every team without a rate of its own."""

    team: TeamName | None
    valid_from: Day
    amount: Amount


class FixedCostModel(RequestModel):
    """What doing an activity once costs from a day on (UTC), beside working time; `actor_kind` null is both."""

    process: Annotated[str, Text(MAX_PROCESS)]  # also of a name that intake refuses by now: this is read back, too
    activity: ActivityName
    actor_kind: Literal["person", "automation"] | None
    valid_from: Day
    amount: Amount


class CostModelIn(RequestModel):
    """The whole model; amounts are decimal strings in `currency`."""

    currency: CurrencyCode
    hourly_rates: Annotated[list[HourlyRateModel], Field(max_length=MAX_ENTRIES)]
    fixed_costs: Annotated[list[FixedCostModel], Field(max_length=MAX_ENTRIES)]


class CostModelOut(RequestModel):
    """`currency` is null until a model is set."""

    currency: CurrencyCode | None
    hourly_rates: list[HourlyRateModel]
    fixed_costs: list[FixedCostModel]
