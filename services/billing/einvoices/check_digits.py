"""Check digits of tax numbers and accounts, for what suppliers to Spain send most. A country not listed is not judged.

Each function takes a number without spaces and punctuation, in capitals.
"""

import re
from collections.abc import Callable, Iterable, Mapping

_NIF_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"  # Real Decreto 1553/2005, annex: the number modulo 23
_CIF_LETTERS = "JABCDEFGHI"  # Orden EHA/451/2008
_CIF_LETTER_ONLY, _CIF_DIGIT_ONLY = "NPQRSW", "ABEH"
_IBAN_LENGTHS = {
    length: codes.split()
    for length, codes in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL",
        19: "MK SI",
        20: "AT BA EE LT LU XK",
        21: "CH HR LI LV",
        22: "BG BH DE GB GE IE ME RS",
        23: "AE GI IL",
        24: "AD CZ ES MD PK RO SA SE SK TN",
        25: "PT",
        26: "IS TR",
        27: "FR GR IT MC SM",
        28: "AL AZ CY HU LB PL",
        31: "MT",
    }.items()
}
IBAN_LENGTH = {code: length for length, codes in _IBAN_LENGTHS.items() for code in codes}


def normalise(number: str) -> str:
    return re.sub(r"[\W_]", "", number.upper())


def _weighed(digits: str, weights: Iterable[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def _digit_sum(number: int) -> int:
    return number // 10 + number % 10


def _is_luhn(digits: str) -> bool:
    doubled = (_digit_sum(2 * int(digit)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def _as_number(text: str) -> int:
    """Return the number of ISO 13616 and ISO 7064: A is 10, Z is 35."""
    return int("".join(str(int(character, 36)) for character in text))


def is_iban(account: str) -> bool:
    """Tell whether an IBAN has its country's length and the check digits of ISO 7064 modulo 97."""
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}", account):
        return False
    length = IBAN_LENGTH.get(account[:2], len(account))
    return len(account) == length and _as_number(account[4:] + account[:4]) % 97 == 1


def is_nif(number: str) -> bool:
    """Tell whether a Spanish NIF, NIE or company's NIF has its control character."""
    if re.fullmatch(r"[0-9]{8}[A-Z]", number):
        return number[8] == _NIF_LETTERS[int(number[:8]) % 23]
    if re.fullmatch(r"[XYZ][0-9]{7}[A-Z]", number):
        return number[8] == _NIF_LETTERS[int(str("XYZ".index(number[0])) + number[1:8]) % 23]
    if re.fullmatch(r"[KLM][0-9]{7}[A-Z]", number):
        return number[8] == _NIF_LETTERS[int(number[1:8]) % 23]
    return bool(re.fullmatch(r"[A-HJNP-SUVW][0-9]{7}[0-9A-J]", number)) and _is_company(number)


def _is_company(number: str) -> bool:
    digits = number[1:8]
    total = sum(map(int, digits[1::2])) + sum(_digit_sum(2 * int(digit)) for digit in digits[::2])
    control = -total % 10
    digit, letter = number[8] == str(control), number[8] == _CIF_LETTERS[control]
    if number[0] in _CIF_LETTER_ONLY:
        return letter
    return digit if number[0] in _CIF_DIGIT_ONLY else digit or letter


def _austrian(number: str) -> bool:
    digits = number[1:]
    total = sum(_digit_sum(int(digit) * weight) for digit, weight in zip(digits[:7], (1, 2) * 4, strict=False))
    return -(total + 4) % 10 == int(digits[7])


def _belgian(number: str) -> bool:
    return 97 - int(number[:8]) % 97 == int(number[8:])


def _german(number: str) -> bool:
    """ISO 7064 modulo 11, 10."""
    product = 10
    for digit in number[:8]:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(number[8])


def _danish(number: str) -> bool:
    return _weighed(number, (2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def _finnish(number: str) -> bool:
    return _weighed(number, (7, 9, 10, 5, 8, 4, 2, 1)) % 11 == 0


def _french(number: str) -> bool:
    key, company = number[:2], number[2:]
    if not key.isdecimal() or company.startswith("000"):  # keys with a letter, and Monaco, follow other rules
        return True
    return _is_luhn(company) and int(key) == (12 + 3 * (int(company) % 97)) % 97


def _luxembourgish(number: str) -> bool:
    return int(number[:6]) % 89 == int(number[6:])


def _dutch(number: str) -> bool:
    """Check by the test of eleven, for companies, or ISO 7064 modulo 97, for sole traders since 2020."""
    eleven = _weighed(number[:9], (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0
    return eleven or _as_number(f"NL{number}") % 97 == 1


def _polish(number: str) -> bool:
    return _weighed(number[:9], (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == int(number[9])


def _portuguese(number: str) -> bool:
    rest = _weighed(number[:8], range(9, 1, -1)) % 11
    return (0 if rest < 2 else 11 - rest) == int(number[8])  # noqa: PLR2004 - 0 and 1 both give 0


_VAT: Mapping[str, tuple[str, Callable[[str], bool]]] = {
    "AT": (r"U[0-9]{8}", _austrian),
    "BE": (r"[01][0-9]{9}", _belgian),
    "DE": (r"[1-9][0-9]{8}", _german),
    "DK": (r"[1-9][0-9]{7}", _danish),
    "ES": (r"[A-Z0-9][0-9]{7}[A-Z0-9]", is_nif),
    "FI": (r"[0-9]{8}", _finnish),
    "FR": (r"[A-HJ-NP-Z0-9]{2}[0-9]{9}", _french),
    "IT": (r"[0-9]{11}", _is_luhn),
    "LU": (r"[0-9]{8}", _luxembourgish),
    "NL": (r"[0-9]{9}B[0-9]{2}", _dutch),
    "PL": (r"[0-9]{10}", _polish),
    "PT": (r"[1-9][0-9]{8}", _portuguese),
}


def is_vat_number(number: str) -> bool:
    """Tell whether a VAT number has its country's form and check digits; true for countries that are not known here."""
    form, check = _VAT.get(number[:2], (r".*", lambda _number: True))
    return bool(re.fullmatch(form, number[2:])) and check(number[2:])
