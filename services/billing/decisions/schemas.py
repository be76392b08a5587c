"""What comes in and goes out of decisions."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import msgspec
from pydantic import Field, StringConstraints, model_validator

from services.billing.decisions.models import DecisionPolicy, DecisionSimulation, Occasion, PolicyState
from services.billing.decisions.rules import HIGHEST_LEVEL, Difference, Happened, Kind, Policy, Verdict, Withheld
from services.billing.reasons import Reason
from shared.money import CurrencyCode, DecimalString
from shared.schemas import Id, PlausibleDay, RequestModel, ResponseModel, Slug
from shared.validation import value_error

Limit = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,15}(\.[0-9]{1,6})?$")]
MOST_RULES, MOST_GROUPS, MOST_SUPPLIERS = 200, 100, 1000


class AmountIn(RequestModel):
    """Gross amounts of one currency, both ends included."""

    currency: CurrencyCode
    at_least: DecimalString | None = None
    at_most: DecimalString | None = None

    @model_validator(mode="after")
    def _not_backwards(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise value_error("no_end", "needs at_least, at_most or both", "requiere at_least, at_most o ambos")
        if self.at_least is not None and self.at_most is not None and Decimal(self.at_least) > Decimal(self.at_most):
            raise value_error("backwards", "at_least is more than at_most", "at_least supera at_most")
        return self


class ConditionsIn(RequestModel):
    """All have to be met; what is left out asks for nothing. `suppliers` and `groups` add to each other.

    `verdicts` has `none` for invoices that were keyed; `matches` is `none` where nothing was matched.
    """

    suppliers: Annotated[list[Id], Field(min_length=1, max_length=MOST_SUPPLIERS)] | None = None
    groups: Annotated[list[Slug], Field(min_length=1, max_length=MOST_GROUPS)] | None = None
    amount: AmountIn | None = None
    verdicts: Annotated[list[Verdict], Field(min_length=1, max_length=4)] | None = None
    held: bool | None = None
    near_duplicate: bool | None = None
    matches: Annotated[list[Slug], Field(min_length=1, max_length=20)] | None = None


class ApproveIn(RequestModel):
    """Approve. It becomes a question while the invoice is held, is not valid or needs two people."""

    kind: Literal["approve"]


class AskIn(RequestModel):
    """Leave it to a person: one of the role, of at least the level.

    Who decides needs `billing.approvals.<role>:level-<n>` with this or a higher n, besides `billing.invoices:approve`.
    """

    kind: Literal["ask"]
    role: Slug
    level: Annotated[int, Field(ge=1, le=HIGHEST_LEVEL)] = 1


class RejectIn(RequestModel):
    kind: Literal["reject"]
    reason: Reason


class RuleIn(RequestModel):
    id: Slug
    conditions: ConditionsIn
    outcome: Annotated[ApproveIn | AskIn | RejectIn, Field(discriminator="kind")]


class PolicyIn(RequestModel):
    """Rules in their order: the first that applies decides, and a person is asked where none does.

    `limits`: per currency, the gross amount up to which one approval is enough. Where there are limits, a currency
    without one needs two; where there are none, one approval is enough.
    """

    note: Reason
    rules: Annotated[list[RuleIn], Field(max_length=MOST_RULES)]
    groups: Annotated[
        dict[Slug, Annotated[list[Id], Field(max_length=MOST_SUPPLIERS)]],
        Field(max_length=MOST_GROUPS, default_factory=dict),
    ]
    limits: Annotated[dict[CurrencyCode, Limit], Field(max_length=200, default_factory=dict)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len({rule.id for rule in self.rules}) < len(self.rules):
            raise value_error("rule_twice", "an id names two rules", "un id nombra dos reglas")
        named = {group for rule in self.rules for group in rule.conditions.groups or ()}
        if named - self.groups.keys():
            raise value_error(
                "unknown_group",
                "a rule names a group that is not in groups",
                "una regla nombra un grupo que no está en groups",
            )
        return self

    def as_policy(self) -> Policy:
        return msgspec.convert(self.model_dump(mode="json", exclude={"note"}), Policy)


class PolicyOut(ResponseModel):
    """A version of the policy. `number` counts the tenant's versions; `version` counts the changes of this one."""

    id: UUID
    version: int
    number: int
    status: PolicyState
    note: str
    rules: list[dict[str, Any]]
    groups: dict[str, list[UUID]]
    limits: dict[str, str]
    authors: list[str]
    written_at: datetime
    activated_by: str | None
    activated_at: datetime | None
    retired_at: datetime | None


class DecidedOut(ResponseModel):
    kind: Kind
    role: str | None
    level: int | None
    reason: str | None


class DecisionOut(ResponseModel):
    """What the policy decided and what it saw. `withheld` says why an approval became a question."""

    id: UUID
    invoice_id: UUID
    policy_id: UUID
    policy_number: int
    rule: str | None
    occasion: Occasion
    outcome: DecidedOut
    withheld: list[Withheld]
    facts: dict[str, Any]
    decided_at: datetime


def present_policy(policy: DecisionPolicy) -> PolicyOut:
    kept = ("id", "version", "number", "note", "authors")
    times = ("written_at", "activated_by", "activated_at", "retired_at")
    return PolicyOut.model_validate(
        {name: getattr(policy, name) for name in (*kept, *times)} | {"status": policy.state} | policy.content
    )


class SimulationIn(RequestModel):
    """Days in UTC, both included, on which the invoices were registered."""

    registered_from: PlausibleDay
    registered_to: PlausibleDay

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.registered_to < self.registered_from:
            raise value_error(
                "days_backwards",
                "registered_to lies before registered_from",
                "registered_to es anterior a registered_from",
            )
        return self


class RuleCountOut(ResponseModel):
    """How many invoices a rule would have decided so; `rule` is null where none applied."""

    rule: str | None
    outcome: Kind
    invoices: int


class SimulationOut(ResponseModel):
    """What the policy at `policy_version` would have decided.

    `differences`: `person-saved` and `person-added` count decisions that a person would not, or would, have had to take;
    `approves-rejected` and `rejects-approved` those that go against what happened; `decides-waiting` those of invoices
    that still wait.
    """

    id: UUID
    policy_id: UUID
    policy_number: int
    policy_version: int
    registered_from: date
    registered_to: date
    invoices: int
    outcomes: dict[Kind, int]
    rules: list[RuleCountOut]
    differences: dict[Difference, int]
    simulated_by: str
    simulated_at: datetime


class SimulatedOut(ResponseModel):
    id: UUID
    invoice_id: UUID
    rule: str | None
    outcome: Kind
    withheld: list[Withheld]
    happened: Happened
    by_rule: bool
    difference: Difference


def present_simulation(simulation: DecisionSimulation) -> SimulationOut:
    kept = ("id", "policy_id", "policy_number", "policy_version", "registered_from", "registered_to")
    run = ("simulated_by", "simulated_at")
    return SimulationOut.model_validate({name: getattr(simulation, name) for name in (*kept, *run)} | simulation.counts)
