"""Laws of counting leave."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from services.hr.leave.rules import (
    Employed,
    Holiday,
    compute_balance,
    compute_entitlement,
    count_days,
    count_days_in_year,
    is_employed_throughout,
    split_by_year,
)

days = st.dates(date(1990, 1, 1), date(2060, 12, 31))
years = st.integers(1992, 2058)
entitlements = st.integers(30, 60)
periods = st.tuples(days, st.integers(0, 1500)).map(lambda period: (period[0], period[0] + timedelta(days=period[1])))


@given(periods)
def test_splitting_over_year_ends_conserves_days(period: tuple[date, date]) -> None:
    first, last = period
    split = split_by_year(first, last)
    assert sum(split.values()) == count_days(first, last) == last.toordinal() - first.toordinal() + 1
    assert list(split) == list(range(first.year, last.year + 1))
    assert all(count > 0 for count in split.values())


@given(days)
def test_a_day_is_one_day(day: date) -> None:
    assert split_by_year(day, day) == {day.year: 1}


def test_the_29th_of_february_counts_in_leap_years() -> None:
    assert count_days(date(2024, 2, 28), date(2024, 3, 1)) == 3
    assert count_days(date(2026, 2, 28), date(2026, 3, 1)) == 2
    assert split_by_year(date(2023, 12, 31), date(2025, 1, 1)) == {2023: 1, 2024: 366, 2025: 1}
    assert count_days_in_year(date(2000, 1, 1), None, 2000) == 366


@given(entitlements, years)
def test_a_whole_year_gives_the_whole_entitlement_leap_or_not(annual: int, year: int) -> None:
    assert compute_entitlement([Employed(date(1990, 1, 1), None, annual)], year) == annual


@given(periods, entitlements, years)
def test_an_entitlement_follows_the_days_employed(period: tuple[date, date], annual: int, year: int) -> None:
    share = compute_entitlement([Employed(*period, annual)], year)
    worked = sum(period[0] <= date(year, 1, 1) + timedelta(days=n) <= period[1] for n in range(365))
    worked += (
        date(year, 12, 31) != date(year, 1, 1) + timedelta(days=364) and period[0] <= date(year, 12, 31) <= period[1]
    )
    length = (date(year + 1, 1, 1) - date(year, 1, 1)).days
    assert abs(share * length - annual * worked) <= Decimal("0.005") * length
    assert 0 <= share <= annual


@given(periods, entitlements, years, st.data())
def test_an_employment_in_two_parts_gives_what_the_whole_gives(
    period: tuple[date, date], annual: int, year: int, data: st.DataObject
) -> None:
    first, last = period
    assume(first < last)
    end = data.draw(st.dates(first, last - timedelta(days=1)))
    parts = [Employed(first, end, annual), Employed(end + timedelta(days=1), last, annual)]
    assert compute_entitlement(parts, year) == compute_entitlement([Employed(first, last, annual)], year)


def test_known_entitlements() -> None:
    joined_in_july = [Employed(date(2026, 7, 1), None, 30)]
    assert compute_entitlement(joined_in_july, 2026) == Decimal("15.12")  # 184 of 365 days
    assert compute_entitlement(joined_in_july, 2025) == 0
    left_on_leap_day = [Employed(date(2020, 1, 1), date(2024, 2, 29), 30)]
    assert compute_entitlement(left_on_leap_day, 2024) == Decimal("4.92")  # 60 of 366 days
    assert compute_entitlement(left_on_leap_day, 2025) == 0


@given(st.lists(st.tuples(periods, st.booleans()), max_size=6), entitlements, years)
def test_a_balance_adds_up(holidays: list[tuple[tuple[date, date], bool]], annual: int, year: int) -> None:
    known = [Holiday(*period, pending) for period, pending in holidays]
    balance = compute_balance([Employed(date(1990, 1, 1), None, annual)], known, year)
    assert balance.taken + balance.pending + balance.left == balance.entitlement == annual
    assert balance.taken == sum(split_by_year(*period).get(year, 0) for period, pending in holidays if not pending)
    assert balance.pending == sum(split_by_year(*period).get(year, 0) for period, pending in holidays if pending)


@given(periods, periods)
def test_leave_lies_within_one_employment(employment: tuple[date, date], leave: tuple[date, date]) -> None:
    every_day = {leave[0] + timedelta(days=n) for n in range(count_days(*leave))}
    employed = all(employment[0] <= day <= employment[1] for day in every_day)
    assert is_employed_throughout([Employed(*employment, 30)], *leave) is employed
    assert is_employed_throughout([Employed(employment[0], None, 30)], *leave) is (employment[0] <= leave[0])
    assert not is_employed_throughout([], *leave)
