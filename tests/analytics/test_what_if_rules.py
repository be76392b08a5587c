"""The calculator's laws, and examples computed by hand."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analytics.costs.schemas import HourlyRateModel
from services.analytics.what_if.inputs import UNITS, missing, resolve, scenario_of, text_of
from services.analytics.what_if.live import Period, period_of, rate_on
from services.analytics.what_if.rules import (
    Scenario,
    break_even_month,
    compare,
    indicators,
    monthly_costs,
    monthly_saving,
)

few = settings(max_examples=40, deadline=None)

# 1,000 operations of 12 minutes at 25 an hour: 5.00 each. Each tenth is wrong and takes 6 minutes, 2.50, to correct.
BY_HAND = Scenario(
    currency="EUR",
    volume=Decimal(1000),
    minutes=Decimal(12),
    automated_minutes=Decimal(0),
    error_share=Decimal("0.1"),
    error_share_planned=Decimal("0.02"),
    correction_minutes=Decimal(6),
    hourly_cost=Decimal(25),
    automation_share=Decimal("0.2"),
    automation_share_planned=Decimal("0.7"),
    automated_cost=Decimal("0.50"),
    investment=Decimal(20000),
    running_cost=Decimal(300),
    satisfaction=Decimal("0.75"),
    satisfaction_planned=Decimal("0.85"),
    outsourcing_price=Decimal("2.40"),
    outsourcing_error_share=Decimal("0.04"),
    horizon_months=36,
)


def amounts(digits: int = 4) -> st.SearchStrategy[Decimal]:
    return st.decimals(0, 10**digits, places=2)


shares = st.decimals(0, 1, places=4)
scenarios = st.builds(
    Scenario,
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
    volume=st.decimals("0.01", 100_000, places=2),
    minutes=amounts(3),
    automated_minutes=amounts(2),
    error_share=shares,
    error_share_planned=shares,
    correction_minutes=amounts(3),
    hourly_cost=amounts(3),
    automation_share=shares,
    automation_share_planned=shares,
    automated_cost=amounts(2),
    investment=amounts(6),
    running_cost=amounts(),
    satisfaction=st.none() | shares,
    satisfaction_planned=st.none() | shares,
    outsourcing_price=st.none() | amounts(2),
    outsourcing_error_share=shares,
    horizon_months=st.integers(1, 120),
)


def test_the_example_by_hand() -> None:
    costs = monthly_costs(BY_HAND)
    # 800 x 5.00 + 200 x 0.50 + 100 x 2.50; 300 x 5.00 + 700 x 0.50 + 20 x 2.50 + 300; 1,000 x 2.40 + 40 x 2.50
    assert costs == {"now": Decimal("4350.00"), "planned": Decimal("2200.00"), "outsourced": Decimal("2500.00")}
    assert monthly_saving(costs) == Decimal("2150.00")
    assert break_even_month(BY_HAND.investment, monthly_saving(costs)) == 10  # 9 x 2,150 = 19,350
    compared = compare(BY_HAND, costs)
    assert compared.totals == {"now": 156600, "planned": 99200, "outsourced": 90000}
    assert (compared.cheapest, compared.verdict) == ("outsourced", "buy")
    assert compared.reasons == ("cheapest", "change-pays", "outsourcing-errs-more")
    longer = compare(replace(BY_HAND, horizon_months=120), costs)
    assert (longer.cheapest, longer.verdict) == ("planned", "make")
    found = indicators(BY_HAND, costs)
    assert found["processing_time"] == pytest.approx((576, 216))
    assert found["cost_per_operation"] == pytest.approx((4.35, 2.2))
    assert (found["automation_level"], found["internal_satisfaction"]) == ((0.2, 0.7), (0.75, 0.85))


def test_money_is_rounded_once_half_away_from_zero() -> None:
    third = replace(
        BY_HAND,
        volume=Decimal(3),
        minutes=Decimal("0.1"),
        hourly_cost=Decimal(1),
        error_share=Decimal(0),
        automation_share=Decimal(0),
    )
    assert monthly_costs(third)["now"] == Decimal("0.01")  # 3 x 0.001666... = 0.005, where 3 x 0.00 would be nothing
    assert monthly_costs(replace(third, currency="JPY"))["now"] == Decimal(0)


@few
@given(scenarios)
def test_no_change_saves_nothing_and_never_breaks_even(scenario: Scenario) -> None:
    same = replace(
        scenario,
        error_share_planned=scenario.error_share,
        automation_share_planned=scenario.automation_share,
        running_cost=Decimal(0),
    )
    saving = monthly_saving(monthly_costs(same))
    assert saving == 0
    assert break_even_month(same.investment, saving) is None
    assert compare(same, monthly_costs(same)).cheapest != "planned"


@few
@given(scenarios, shares)
def test_more_automation_saves_more_exactly_when_it_is_cheaper(scenario: Scenario, other: Decimal) -> None:
    less, more = sorted((scenario.automation_share_planned, other))
    low, high = (
        monthly_saving(monthly_costs(replace(scenario, automation_share_planned=share))) for share in (less, more)
    )
    cheaper = Fraction(scenario.automated_cost) * 60 <= Fraction(scenario.minutes) * Fraction(scenario.hourly_cost)
    assert high >= low if cheaper else high <= low


@few
@given(scenarios, shares)
def test_fewer_errors_never_cost_more(scenario: Scenario, other: Decimal) -> None:
    fewer, more = sorted((scenario.error_share_planned, other))
    low, high = (monthly_costs(replace(scenario, error_share_planned=share))["planned"] for share in (fewer, more))
    assert low <= high


@few
@given(amounts(6), amounts(4))
def test_the_break_even_month_is_the_first_that_has_paid(investment: Decimal, saving: Decimal) -> None:
    month = break_even_month(investment, saving)
    if month is None:
        assert saving == 0
    else:
        assert month * saving >= investment
        assert month == 0 or (month - 1) * saving < investment
    assert break_even_month(investment, -saving) is None


@few
@given(scenarios)
def test_the_verdict_is_the_cheapest_and_doubt_leaves_work_where_it_is(scenario: Scenario) -> None:
    compared = compare(scenario, monthly_costs(scenario))
    assert compared.totals[compared.cheapest] == min(compared.totals.values())
    if compared.totals["now"] == min(compared.totals.values()):
        assert compared.cheapest == "now"
    assert (compared.verdict is None) == (scenario.outsourcing_price is None)
    if compared.verdict is not None:
        assert (compared.verdict == "buy") == (compared.cheapest == "outsourced")


@few
@given(scenarios)
def test_shares_stay_shares_and_costs_stay_within_their_parts(scenario: Scenario) -> None:
    found = indicators(scenario, monthly_costs(scenario))
    for kpi in ("error_rate", "automation_level", "internal_satisfaction"):
        assert all(value is None or 0 <= value <= 1 for value in found[kpi])
    for value in found["processing_time"]:
        assert value is not None
        both = [float(60 * minutes) for minutes in (scenario.minutes, scenario.automated_minutes)]
        assert min(both) - 1e-6 <= value <= max(both) + 1e-6


def test_an_input_is_given_else_measured_else_a_default_that_says_why() -> None:
    numbers = {name: Decimal(3) for name in ("volume", "minutes", "hourly_cost")}
    assert missing(numbers, {}) == ["error_share"]
    measured = {"error_share": Decimal("0.2"), "minutes": Decimal(9), "automation_share": Decimal("0.4")}
    inputs = resolve(numbers, measured, None)
    assert list(inputs) == list(UNITS)
    told = {name: f"{each.value} {each.source} {each.note}" for name, each in inputs.items()}
    assert told["minutes"] == "3 given None"
    assert told["error_share"] == "0.2 measured None"
    assert told["error_share_planned"] == "0.2 default same"
    assert told["automation_share_planned"] == "0.4 default same"
    assert told["correction_minutes"] == "0 default counted"
    assert told["satisfaction_planned"] == "None default unknown"
    assert told["horizon_months"] == "36 default horizon"
    supposed = resolve({**numbers, "error_share": Decimal(0)}, {}, None)
    assert supposed["correction_minutes"].value == 3
    assert supposed["correction_minutes"].note == "again"
    assert resolve(numbers, measured, Decimal("1.5"))["correction_minutes"].value == Decimal("4.5")
    assert scenario_of(inputs, "EUR").outsourcing_price is None


@pytest.mark.parametrize(
    ("value", "text"), [("12.500000", "12.5"), ("100", "100"), ("0.000000", "0"), ("1E+3", "1000")]
)
def test_numbers_are_told_in_the_shortest_text(value: str, text: str) -> None:
    assert text_of(Decimal(value)) == text


def test_the_rate_of_a_team_is_its_own_else_that_of_any() -> None:
    rates = [
        HourlyRateModel(team="ap", valid_from=date(2026, 3, 1), amount="40"),
        HourlyRateModel(team="ap", valid_from=date(2026, 1, 1), amount="30"),
        HourlyRateModel(team=None, valid_from=date(2026, 2, 1), amount="20"),
    ]
    asked = [("ap", date(2026, 2, 28)), ("ap", date(2026, 3, 1)), ("hr", date(2026, 3, 1)), ("hr", date(2026, 1, 31))]
    assert [rate_on(rates, team, day) for team, day in asked] == [30, 40, 20, None]


def test_a_period_without_ends_is_the_last_ninety_days() -> None:
    today = datetime(2026, 3, 31, tzinfo=UTC)
    open_ended = period_of(None, None, today)
    assert (open_ended.begin, open_ended.end) == (datetime(2025, 12, 31, tzinfo=UTC), today)
    assert open_ended.last_day == date(2026, 3, 30)
    assert Period(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 6, tzinfo=UTC)).months == 12


def test_credits_that_are_close_are_told_to_be() -> None:
    credit = replace(BY_HAND, minutes=Decimal(0), correction_minutes=Decimal(0), automated_cost=Decimal(-1))
    close = replace(credit, automation_share_planned=Decimal("0.205"), running_cost=Decimal(0), investment=Decimal(0))
    reasons = [compare(each, monthly_costs(each)).reasons for each in (replace(close, outsourcing_price=None), credit)]
    assert ["close" in each for each in reasons] == [True, False]
