"""The check letter of Spanish identity numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.hr.employees.rules import is_national_id, normalise_national_id

LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
dni_numbers = st.integers(0, 99_999_999).map(lambda number: f"{number:08}")
nie_numbers = st.tuples(st.sampled_from("XYZ"), st.integers(0, 9_999_999)).map(lambda parts: f"{parts[0]}{parts[1]:07}")
numbers = dni_numbers | nie_numbers


def right_letter(number: str) -> str:
    (letter,) = [letter for letter in ALPHABET if is_national_id(number + letter)]
    return letter


@pytest.mark.parametrize(
    "known", ["12345678Z", "00000000T", "99999999R", "X0000000T", "X1234567L", "Y1234567X", "Z1234567R", "M1234567L"]
)
def test_known_numbers_are_right(known: str) -> None:
    assert is_national_id(known)


@pytest.mark.parametrize(
    "wrong", ["", "12345678", "1234567L", "12345678z", "B12345674", "A2345678Z", "\uff112345678Z", "X12345678L"]
)
def test_what_is_no_natural_persons_number_is_refused(wrong: str) -> None:
    assert not is_national_id(wrong)


@given(numbers)
def test_exactly_one_letter_is_right(number: str) -> None:
    assert right_letter(number) in LETTERS


@given(numbers, st.data())
def test_a_wrong_digit_is_found(number: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, 7))
    digit = data.draw(st.sampled_from("0123456789").filter(lambda digit: digit != number[place]))
    assert not is_national_id(number[:place] + digit + number[place + 1 :] + right_letter(number))


@given(dni_numbers, st.integers(0, 6))
def test_neighbouring_digits_changed_over_are_found(number: str, place: int) -> None:
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert is_national_id(swapped + right_letter(number)) is (swapped == number)


@given(st.text(alphabet="01289xyzZT .-/\t", max_size=24))
def test_writing_a_number_otherwise_makes_no_other_person(text: str) -> None:
    once = normalise_national_id(text)
    assert normalise_national_id(once) == once
    assert normalise_national_id(f" {text.lower()}-") == once
