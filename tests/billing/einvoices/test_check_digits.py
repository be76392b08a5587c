"""Check digits, on numbers that are public and right, and on the same with one figure changed."""

import pytest

from services.billing.einvoices.check_digits import is_iban, is_nif, is_vat_number, normalise

VAT_NUMBERS = [
    "ATU13585627",
    "BE0428759497",
    "DE136695976",
    "DK13585628",
    "ESA58818501",
    "ES54362315K",
    "ESX2482300W",
    "FI20774740",
    "FR40303265045",
    "IT00743110157",
    "LU15027442",
    "NL004495445B01",
    "PL8567346215",
    "PT501964843",
]


def with_another_digit(number: str, at: int) -> str:
    """Return the number with the digit at a place raised by one."""
    return f"{number[:at]}{(int(number[at]) + 1) % 10}{number[at + 1 :]}"


@pytest.mark.parametrize("number", VAT_NUMBERS)
def test_a_vat_number_is_known_and_each_changed_digit_is_seen(number: str) -> None:
    assert is_vat_number(number)
    end = 11 if number.startswith("NL") else len(number)  # behind the B a Dutch number has a serial number
    changed = [with_another_digit(number, at) for at in range(2, end) if number[at].isdecimal()]
    assert [other for other in changed if is_vat_number(other)] == []


def test_a_country_that_is_not_known_is_not_judged() -> None:
    assert is_vat_number("SE556188840401")
    assert is_vat_number("")


@pytest.mark.parametrize("number", ["B12345674", "12345678Z", "Q2826000H", "K0867756N"])
def test_a_nif_of_each_kind(number: str) -> None:
    assert is_nif(number)
    assert not is_nif(with_another_digit(number, 3))


def test_an_iban() -> None:
    assert is_iban(normalise("ES91 2100 0418 4502 0005 1332"))
    assert is_iban(normalise("DE89 3704 0044 0532 0130 00"))
    assert not is_iban("ES9121000418450200051333")
    assert not is_iban("ES912100041845020005133")
    assert not is_iban("")
