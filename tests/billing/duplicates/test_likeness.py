"""How well near duplicates are told from honest invoices that look like them, and the laws of the comparison."""

import random
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.duplicates.numbers import Relation, relate, trace_of
from services.billing.duplicates.rules import THRESHOLD, WINDOW_DAYS, Sign, compare
from services.billing.identifiers import normalise_number
from tests.billing.duplicates.pairs import Draft, Inventor

PAIRS = 400  # of each kind
RECALL, PRECISION = 0.95, 0.9
NUMBERS = st.text("ABFIOL0123456789-/ .", min_size=1, max_size=20).filter(normalise_number)


def is_held(pair: tuple[Draft, Draft]) -> bool:
    first, second = pair
    return compare(second.told(), first.told())[0] >= THRESHOLD


@given(seed=st.integers(0, 2**32))
def test_near_duplicates_are_told_from_look_alikes(seed: int) -> None:
    chance = random.Random(seed)
    copies = [Inventor(chance).copy() for _ in range(PAIRS)]
    honest = [Inventor(chance).look_alikes() for _ in range(PAIRS)]
    found, wrong = sum(map(is_held, copies)), sum(map(is_held, honest))
    assert found / PAIRS >= RECALL, Counter(pair for pair in copies if not is_held(pair)).most_common(5)
    assert found / (found + wrong) >= PRECISION, Counter(pair for pair in honest if is_held(pair)).most_common(5)


@given(seed=st.integers(0, 2**32))
def test_what_would_be_held_is_looked_for(seed: int) -> None:
    """As `find_candidates` does it: by trace, or by amount near in time."""
    chance = random.Random(seed)
    for first, second in (Inventor(chance).copy() for _ in range(PAIRS)):
        near = abs(first.issued - second.issued) <= timedelta(days=WINDOW_DAYS)
        is_candidate = trace_of(first.number) == trace_of(second.number) or (first.gross == second.gross and near)
        assert is_candidate or not is_held((first, second)), (first, second)


@given(seed=st.integers(0, 2**32))
def test_likeness_is_mutual_and_an_exempt_sign_only_lowers_it(seed: int) -> None:
    first, second = Inventor(random.Random(seed)).copy()
    score, signs = compare(first.told(), second.told())
    assert (score, signs) == compare(second.told(), first.told())
    assert 0 <= score <= 1
    for sign in signs:
        less, others = compare(first.told(), second.told(), {sign})
        assert less <= score
        assert others == tuple(each for each in signs if each is not sign)


@given(one=NUMBERS, other=NUMBERS)
def test_how_numbers_relate_is_mutual_and_a_number_written_otherwise_has_its_trace(one: str, other: str) -> None:
    relation = relate(one, other)
    assert relation is relate(other, one)
    if relation is Relation.WRITTEN_OTHERWISE:
        assert trace_of(one) == trace_of(other)


@given(number=NUMBERS)
def test_spaces_and_case_make_no_other_number(number: str) -> None:
    assert relate(number, f" {number.lower()} ") is Relation.WRITTEN_OTHERWISE


@pytest.mark.parametrize(
    ("one", "other", "relation"),
    [
        ("INV-001", "INV001", Relation.WRITTEN_OTHERWISE),
        ("INV-O1", "INV-01", Relation.WRITTEN_OTHERWISE),
        ("FI-2", "F1-2", Relation.WRITTEN_OTHERWISE),
        ("2026-001", "2026001", Relation.WRITTEN_OTHERWISE),
        ("2026-001", "20261", Relation.WRITTEN_OTHERWISE),
        ("1-23", "12-3", Relation.UNRELATED),
        ("12", "120", Relation.MISTYPED),
        ("F-1234", "1234", Relation.SHORTENED),
        ("2026/0017", "0017", Relation.SHORTENED),
        ("F-1234", "F-1234-COPY", Relation.SHORTENED),
        ("17", "FA-17", Relation.UNRELATED),
        ("12345", "12354", Relation.MISTYPED),
        ("F-7130", "F-1130", Relation.MISTYPED),
        ("F-4130", "F-1130", Relation.UNRELATED),
        ("2026-17", "2026-18", Relation.NEIGHBOURING),
        ("R-01-2026", "R-02-2026", Relation.NEIGHBOURING),
        ("A-1", "B-1", Relation.UNRELATED),
    ],
)
def test_what_two_numbers_have_to_do_with_each_other(one: str, other: str, relation: Relation) -> None:
    assert relate(one, other) is relation


def test_no_sign_but_the_number_is_enough() -> None:
    first, _ = Inventor(random.Random(1)).draft()
    only = {Sign.SAME_AMOUNT}
    other = first.told()
    assert compare(first.told(), other, set(Sign) - only)[0] < THRESHOLD
    assert compare(first.told(), other, set(Sign) - {Sign.NUMBER_WRITTEN_OTHERWISE})[0] >= THRESHOLD
