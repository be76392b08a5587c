"""The calculator. Pure and exact: fractions until a monthly cost is rounded, once."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from math import ceil
from typing import Literal

from services.analytics.indicators.definitions import KpiId
from shared.money import round_money

Option = Literal["now", "planned", "outsourced"]
Verdict = Literal["make", "buy"]
NoBreakEven = Literal["no-saving"]
Reason = Literal[
    "cheapest",
    "close",
    "change-pays",
    "change-does-not-pay",
    "outsourcing-errs-more",
    "outsourcing-errs-less",
    "no-outsourcing-price",
]

_MINUTES_PER_HOUR = 60
_DIGITS = 80  # products of four inputs of 12 digits and 6 decimals, and room
# Closer than this the inputs, which are estimates, do not tell the options apart (judgement of the project).
CLOSE = Fraction(5, 100)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything the calculator knows; shares are fractions of 1, amounts in the main unit of `currency`.

    `volume` is above 0. Without `outsourcing_price` there is nothing to buy; `satisfaction` may be unknown.
    """

    currency: str
    volume: Decimal
    minutes: Decimal
    automated_minutes: Decimal
    error_share: Decimal
    error_share_planned: Decimal
    correction_minutes: Decimal
    hourly_cost: Decimal
    automation_share: Decimal
    automation_share_planned: Decimal
    automated_cost: Decimal
    investment: Decimal
    running_cost: Decimal
    satisfaction: Decimal | None
    satisfaction_planned: Decimal | None
    outsourcing_price: Decimal | None
    outsourcing_error_share: Decimal
    horizon_months: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Totals over the horizon, the cheapest of them, and why. `verdict` is None when there is no price to buy at."""

    totals: Mapping[Option, Decimal]
    cheapest: Option
    verdict: Verdict | None
    reasons: tuple[Reason, ...]


def monthly_costs(scenario: Scenario) -> dict[Option, Decimal]:
    """Return what a month costs, rounded to the currency's smallest unit; without a price nothing is outsourced."""
    running = Fraction(scenario.running_cost)
    costs: dict[Option, Fraction] = {
        "now": _in_house(scenario, scenario.automation_share, scenario.error_share),
        "planned": _in_house(scenario, scenario.automation_share_planned, scenario.error_share_planned) + running,
    }
    if scenario.outsourcing_price is not None:
        errors = Fraction(scenario.outsourcing_error_share) * _by_hand(scenario, scenario.correction_minutes)
        costs["outsourced"] = Fraction(scenario.volume) * (Fraction(scenario.outsourcing_price) + errors)
    return {option: _rounded(cost, scenario.currency) for option, cost in costs.items()}


def _in_house(scenario: Scenario, automated: Decimal, errors: Decimal) -> Fraction:
    share = Fraction(automated)
    operation = (1 - share) * _by_hand(scenario, scenario.minutes) + share * Fraction(scenario.automated_cost)
    correction = Fraction(errors) * _by_hand(scenario, scenario.correction_minutes)
    return Fraction(scenario.volume) * (operation + correction)


def _by_hand(scenario: Scenario, minutes: Decimal) -> Fraction:
    return Fraction(minutes) / _MINUTES_PER_HOUR * Fraction(scenario.hourly_cost)


def _rounded(amount: Fraction, currency: str) -> Decimal:
    with localcontext(prec=_DIGITS):  # a tie between two smallest units has few digits, so the division is exact then
        return round_money(Decimal(amount.numerator) / Decimal(amount.denominator), currency)


def monthly_saving(costs: Mapping[Option, Decimal]) -> Decimal:
    with localcontext(prec=_DIGITS):
        return costs["now"] - costs["planned"]


def break_even_month(investment: Decimal, saving: Decimal) -> int | None:
    """Return the month by whose end the savings have paid the investment (0: there is none to pay), or None for never."""
    return ceil(Fraction(investment) / Fraction(saving)) if saving > 0 else None


def compare(scenario: Scenario, costs: Mapping[Option, Decimal]) -> Comparison:
    """Say what costs least over the horizon. In doubt work stays as it is, and in the house."""
    totals = _totals(scenario, costs)
    cheapest = min(totals, key=lambda option: totals[option])  # the first of equals: now, planned, outsourced
    reasons: list[Reason] = ["cheapest"]
    second = min(total for option, total in totals.items() if option != cheapest)
    if Fraction(second) - Fraction(totals[cheapest]) < CLOSE * abs(Fraction(second)):
        reasons.append("close")
    reasons.append("change-pays" if totals["planned"] < totals["now"] else "change-does-not-pay")
    verdict: Verdict | None = "buy" if cheapest == "outsourced" else "make"
    if "outsourced" not in totals:
        verdict = None
        reasons.append("no-outsourcing-price")
    elif scenario.outsourcing_error_share != scenario.error_share_planned:
        more = scenario.outsourcing_error_share > scenario.error_share_planned
        reasons.append("outsourcing-errs-more" if more else "outsourcing-errs-less")
    return Comparison(totals, cheapest, verdict, tuple(reasons))


def _totals(scenario: Scenario, costs: Mapping[Option, Decimal]) -> dict[Option, Decimal]:
    paid_once = {"planned": Fraction(scenario.investment)}
    return {
        option: _rounded(scenario.horizon_months * Fraction(cost) + paid_once.get(option, 0), scenario.currency)
        for option, cost in costs.items()
    }


def indicators(scenario: Scenario, costs: Mapping[Option, Decimal]) -> dict[KpiId, tuple[float | None, float | None]]:
    """Return each indicator's value now and as planned, in the unit of its definition."""
    per_operation = [float(Fraction(costs[option]) / Fraction(scenario.volume)) for option in ("now", "planned")]
    return {
        "processing_time": (
            _processing_time(scenario, scenario.automation_share),
            _processing_time(scenario, scenario.automation_share_planned),
        ),
        "error_rate": (float(scenario.error_share), float(scenario.error_share_planned)),
        "cost_per_operation": (per_operation[0], per_operation[1]),
        "automation_level": (float(scenario.automation_share), float(scenario.automation_share_planned)),
        "internal_satisfaction": (_float(scenario.satisfaction), _float(scenario.satisfaction_planned)),
    }


def _processing_time(scenario: Scenario, automated: Decimal) -> float:
    share = Fraction(automated)
    minutes = (1 - share) * Fraction(scenario.minutes) + share * Fraction(scenario.automated_minutes)
    return float(60 * minutes)


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
