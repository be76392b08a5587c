"""How two invoice numbers of one supplier relate. Pure."""

import re
from enum import StrEnum

_READ_ALIKE = str.maketrans("OIL", "011")  # O is read as 0; I and a small L as 1
_TOKEN = re.compile(r"[0-9]+|[A-Z]+")
_OUTSIDE = re.compile(r"[^A-Z0-9]+")
_SERIES = re.compile(r"[A-Z]*|[A-Z]*(20)?[0-9]{2}")
_MISREAD = frozenset(map(frozenset, ("17", "38", "56", "68", "08", "5S", "8B", "2Z")))
_NEIGHBOURHOOD = 8  # below the least difference that two swapped digits make, which is 9
_TELLING = 3  # digits; less is found in too many numbers to mean anything


class Relation(StrEnum):
    """Strongest first. `NEIGHBOURING`: a few numbers further in the same series."""

    WRITTEN_OTHERWISE = "number-written-otherwise"
    SHORTENED = "number-shortened"
    MISTYPED = "number-mistyped"
    NEIGHBOURING = "number-neighbouring"
    UNRELATED = "number-unrelated"


def trace_of(number: str) -> str:
    """Return what stays of a number however it is written: what is alike made one, no separators, no zeros.

    Numbers of one trace need not be one number; but those that are written otherwise have one trace.
    """
    return _compact(number).replace("0", "")


def relate(one: str, other: str) -> Relation:
    """Return how two different numbers relate."""
    if _is_written_otherwise(one, other):
        return Relation.WRITTEN_OTHERWISE
    bare, other_bare = _OUTSIDE.sub("", one.upper()), _OUTSIDE.sub("", other.upper())
    if _is_shortened(bare, other_bare) or _is_shortened(other_bare, bare):
        return Relation.SHORTENED
    if _is_neighbouring(_tokens(one), _tokens(other)):
        return Relation.NEIGHBOURING
    return Relation.MISTYPED if _is_one_slip(_compact(one), _compact(other)) else Relation.UNRELATED


def _compact(number: str) -> str:
    return _OUTSIDE.sub("", number.upper()).translate(_READ_ALIKE)


def _tokens(number: str) -> list[str]:
    """Return runs of digits, without leading zeros, and runs of letters."""
    parts = _OUTSIDE.sub(" ", number.upper()).translate(_READ_ALIKE)
    return [token.lstrip("0") if token[0].isdigit() else token for token in _TOKEN.findall(parts)]


def _is_written_otherwise(one: str, other: str) -> bool:
    """Compare without separators and leading zeros; where both separate their digits, they must do so alike."""
    first, second = _tokens(one), _tokens(other)
    if first == second:
        return True
    if _groups(first) > 1 and _groups(second) > 1 and _separates(one) and _separates(other):
        return False
    return _covers(first, _compact(other)) or _covers(second, _compact(one))


def _groups(tokens: list[str]) -> int:
    return sum(not token.isalpha() for token in tokens)


def _separates(number: str) -> bool:
    return re.search(r"[0-9OIL][^A-Z0-9]+[0-9OIL]", number.upper()) is not None


def _covers(tokens: list[str], compact: str) -> bool:
    """Tell whether the text is these tokens in their order, with any zeros before the digits."""
    at = 0
    for token in tokens:
        if not token.isalpha():
            at += len(compact) - at - len(compact[at:].lstrip("0"))
        if not compact.startswith(token, at):
            return False
        at += len(token)
    return at == len(compact)


def _is_shortened(short: str, long: str) -> bool:
    """Tell whether a series' letters or year before, or a mark of a copy behind, are all that is missing."""
    if sum(character.isdigit() for character in short) < _TELLING or len(short) >= len(long):
        return False
    if long.startswith(short):
        return long[len(short) :].isalpha()
    return long.endswith(short) and _SERIES.fullmatch(long[: -len(short)]) is not None


def _is_neighbouring(first: list[str], second: list[str]) -> bool:
    """Tell whether one run of digits differs, by little, and nothing else does."""
    if len(first) != len(second):
        return False
    different = [pair for pair in zip(first, second, strict=True) if pair[0] != pair[1]]
    if len(different) != 1 or any(token.isalpha() for token in different[0]):
        return False
    one, other = (int(token or "0") for token in different[0])
    return abs(one - other) <= _NEIGHBOURHOOD


def _is_one_slip(one: str, other: str) -> bool:
    """Tell whether a character was swapped with the next, misread, doubled or left out."""
    if len(one) > len(other):
        one, other = other, one
    start = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))
    rest, longer = one[start:], other[start:]
    if len(longer) > len(rest):
        return rest == longer[1:]
    if not rest:  # the same characters, in other groups: another number
        return False
    misread = frozenset((rest[0], longer[0])) in _MISREAD and rest[1:] == longer[1:]
    return misread or (rest[1::-1] == longer[:2] and rest[2:] == longer[2:])
