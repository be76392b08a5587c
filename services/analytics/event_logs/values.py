"""Times and amounts as event logs write them. Pure; what cannot be read is None, never a guess."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

_STAMP = re.compile(
    r"(?P<year>\d{4})(?P<mark>[-/.]?)(?P<month>\d\d?)(?P=mark)(?P<day>\d\d?)"
    r"(?:(?:T|\s+)(?P<hour>\d\d?):?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?)?"
    r"\s*(?P<zone>Z|UTC|GMT|(?P<sign>[+-])(?P<zone_hour>\d\d)(?::?(?P<zone_minute>\d\d)(?::?(?P<zone_second>\d\d))?)?)?",
    re.IGNORECASE | re.ASCII,
)
_AMOUNT = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,3})?|[+-]?\.\d+", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+\.\d+", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+,\d+|\d+,(?:\d{1,2}|\d{4,}))", re.ASCII)
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_NUMERIC = frozenset("YymdHIMSfj")
_DIRECTIVES = _NUMERIC | frozenset("zZpbBaA")
_LARGEST_AMOUNT = Decimal(10) ** 11
_AMOUNT_PLACES = 9


def parse_stamp(text: str, pattern: str | None = None) -> tuple[datetime, bool] | None:
    """Return the moment in UTC and whether it came without an offset (then it is taken as UTC).

    Reads the variants of ISO 8601; digits of a fraction beyond microseconds are cut. `pattern` is a strptime
    format that replaces them: day-first dates are ambiguous, so they are never guessed.
    """
    try:
        if pattern is not None:
            at = datetime.strptime(text.strip(), pattern)  # noqa: DTZ007 - a missing offset is reported below
        elif text[4:5] == "-":
            at = datetime.fromisoformat(text)
        else:
            return _parse_variant(text)
        return (at.replace(tzinfo=UTC), True) if at.tzinfo is None else (at.astimezone(UTC), False)
    except OverflowError:
        return None
    except ValueError:
        return None if pattern is not None else _parse_variant(text)


def _parse_variant(text: str) -> tuple[datetime, bool] | None:
    """Read what `fromisoformat` does not: spaces, slashes, one digit for a day, 24:00, a leap second."""
    found = _STAMP.fullmatch(text.strip())
    if found is None or (not found["mark"] and len(found["month"]) + len(found["day"]) < len("0101")):
        return None
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):  # noqa: PLR2004 - a day's clock
        return None
    try:
        day = datetime(int(found["year"]), int(found["month"]), int(found["day"]), tzinfo=_zone(found))
        microseconds = int((found["fraction"] or "0")[:6].ljust(6, "0"))
        at = day + timedelta(hours=hour, minutes=minute, seconds=second, microseconds=microseconds)
        return at.astimezone(UTC), found["zone"] is None
    except (ValueError, OverflowError):
        return None


def _zone(found: re.Match[str]) -> timezone:
    if found["sign"] is None:
        return UTC
    hours, minutes, seconds = (int(found[f"zone_{part}"] or 0) for part in ("hour", "minute", "second"))
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return timezone(-offset if found["sign"] == "-" else offset)


class StampPatternError(ValueError):
    """Why a format is not used, in English and Spanish."""

    def __init__(self, en: str, es: str) -> None:
        self.en, self.es = en, es
        super().__init__(en)


def check_pattern(pattern: str) -> str:
    """Return a strptime format of which every text is read in one way, and quickly. Raises StampPatternError."""
    used: set[str] = set()
    before, end = "", 0
    for found in _DIRECTIVE.finditer(pattern):
        name, between = found[1], pattern[end : found.start()]
        if name not in _DIRECTIVES | {"%"}:
            raise StampPatternError(f"%{name} is no directive that can be used", f"%{name} no se puede usar aquí")
        if name in used:
            raise StampPatternError(f"%{name} stands there twice", f"%{name} aparece dos veces")
        if {before, name} <= _NUMERIC and not re.search(r"[^\d]", between):
            raise StampPatternError(
                f"%{before} and %{name} need something other than digits between them",
                f"entre %{before} y %{name} debe haber algo que no sean cifras",
            )
        used |= {name} - {"%"}
        before, end = name, found.end()
    if not used:
        raise StampPatternError("there is no directive in it", "no contiene ninguna directiva")
    return pattern


def parse_amount(text: str) -> Decimal | None:
    """Return the amount, or None where it is not certain what number is meant ("1,234" has two readings).

    A point is the decimal mark; a comma is, where it cannot be anything else ("50,5", "1.234,56").
    """
    text = text.strip()
    if _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    elif _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    if not _AMOUNT.fullmatch(text):
        return None
    told = Decimal(text)
    if abs(told) >= _LARGEST_AMOUNT:
        return None
    amount = round(told, _AMOUNT_PLACES).normalize()
    if told and not amount:  # too little to be kept is not nothing
        return None
    return amount.quantize(Decimal(1)) if amount == amount.to_integral_value() else amount
