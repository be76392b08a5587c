"""What the law says of a person on file: the identity number's check letter and the least annual leave."""

import re

# Estatuto de los Trabajadores art. 38.1: never less than thirty calendar days of paid leave for a year's work.
LEGAL_ANNUAL_LEAVE_DAYS = 30

# The check letter is the number modulo 23 (DNI: Real Decreto 1553/2005 art. 11).
_CHECK_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"

# What stands for the first letter in the sum. NIE: X, Y, Z (Orden INT/2058/2008). NIF of natural persons who
# have neither DNI nor NIE: K, L, M (Real Decreto 1065/2007 art. 19 and 20).
_PREFIXES = {"X": "0", "Y": "1", "Z": "2", "K": "", "L": "", "M": ""}
_NATIONAL_ID = re.compile(r"([0-9]{8}|[XYZKLM][0-9]{7})([A-Z])")


def normalise_national_id(national_id: str) -> str:
    """Return a national id without spaces, dots and dashes, in capitals: one person, one spelling."""
    return re.sub(r"[\s.\-/]", "", national_id).upper()


def is_national_id(national_id: str) -> bool:
    """Tell whether a normalised number is a natural person's NIF or a NIE with the right check letter."""
    match = _NATIONAL_ID.fullmatch(national_id)
    if match is None:
        return False
    number, letter = match.groups()
    digits = _PREFIXES.get(number[0], number[0]) + number[1:]
    return _CHECK_LETTERS[int(digits) % len(_CHECK_LETTERS)] == letter
