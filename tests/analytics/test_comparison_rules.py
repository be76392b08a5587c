"""The parts of a difference: they add up, whatever the groups; rounded ones too; small groups of answers are merged."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analytics.explanations.comparison import (
    Share,
    Shares,
    decompose,
    merge_small,
    round_parts,
    round_value,
    sum_shares,
)

fractions = st.fractions(-1000, 1000, max_denominator=97)
sizes = st.fractions(Fraction(1, 7), 50, max_denominator=7)
periods = st.dictionaries(
    st.none() | st.sampled_from(["a", "b", "c", "d"]), st.builds(Share, fractions, sizes), min_size=1
)
UNIT = Decimal("1e-12")


def value_of(shares: Shares) -> Fraction:
    value = sum_shares(shares.values()).value
    assert value is not None
    return value


@settings(max_examples=40)
@given(periods, periods)
def test_the_parts_add_up_to_the_difference(now: Shares, before: Shares) -> None:
    effects = decompose(now, before)
    assert sum(effect.total for effect in effects) == value_of(now) - value_of(before)
    assert {effect.group for effect in effects} == now.keys() | before.keys()
    sizes_of_effects = [abs(effect.total) for effect in effects]
    assert sizes_of_effects == sorted(sizes_of_effects, reverse=True)
    assert all(effect.rate == 0 for effect in effects if not (effect.now.n and effect.before.n))
    swapped = {effect.group: (-effect.mix, -effect.rate) for effect in decompose(before, now)}
    assert swapped == {effect.group: (effect.mix, effect.rate) for effect in effects}


@settings(max_examples=40)
@given(periods, periods)
def test_the_mix_is_what_other_shares_alone_do_on_average(now: Shares, before: Shares) -> None:
    """Changing the shares first and the values then, or the other way round: the mean of both ways (Shapley)."""

    def blend(shares: Shares, values: Shares, other: Shares) -> Fraction:
        whole = sum_shares(shares.values()).n
        known = {**other, **values}
        parts = ((share.n / whole, known[group].value) for group, share in shares.items())
        return sum((weight * value for weight, value in parts if value is not None), start=Fraction())

    first = blend(now, before, now) - value_of(before)
    last = value_of(now) - blend(before, now, before)
    assert sum(effect.mix for effect in decompose(now, before)) == (first + last) / 2


def test_a_group_that_grows_with_a_low_value_lowers_the_whole() -> None:
    now: Shares = {"slow": Share(Fraction(100), Fraction(10)), "fast": Share(Fraction(30), Fraction(30))}
    before: Shares = {"slow": Share(Fraction(300), Fraction(30)), "fast": Share(Fraction(10), Fraction(10))}
    assert {effect.group: (effect.mix, effect.rate) for effect in decompose(now, before)} == {
        "slow": (Fraction(-9, 4), Fraction()),
        "fast": (Fraction(-9, 4), Fraction()),
    }
    assert [effect.total for effect in decompose(now, now)] == [0, 0]


@pytest.mark.parametrize("shares", [{}, {"a": Share()}])
def test_a_period_without_value_has_no_parts(shares: Mapping[str | None, Share]) -> None:
    some: Shares = {"a": Share(Fraction(1), Fraction(1))}
    for now, before in ((shares, some), (some, shares)):
        with pytest.raises(ValueError, match="no parts"):
            decompose(now, before)


@settings(max_examples=40)
@given(st.lists(st.fractions(-5, 5), max_size=12))
def test_rounded_parts_add_up_to_the_rounded_whole(parts: list[Fraction]) -> None:
    rounded = round_parts(parts)
    assert sum(rounded) == round_value(sum(parts, start=Fraction()))
    for part, shown in zip(parts, rounded, strict=True):
        assert abs(Fraction(shown) - part) < Fraction(UNIT)
        assert part != 0 or shown == 0


answers = st.dictionaries(
    st.none() | st.sampled_from(["a", "b", "c", "d", "e"]),
    st.integers(1, 12).map(lambda n: Share(Fraction(n // 2), Fraction(n))),
    min_size=1,
)


@settings(max_examples=40)
@given(answers, answers)
def test_no_part_tells_of_fewer_answers_than_may_be_told(now: Shares, before: Shares) -> None:
    merged_now, merged_before, hidden = merge_small(now, before, 5)
    for whole, merged in ((now, merged_now), (before, merged_before)):
        assert sum_shares(merged.values()) == sum_shares(whole.values())
        if sum_shares(whole.values()).n >= 5:
            assert all(share.n >= 5 or not share.n for share in merged.values())
    fine = all(share.n >= 5 for shares in (now, before) for share in shares.values())
    assert not (fine and hidden), "no more is merged than needed"
