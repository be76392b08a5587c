"""Figures and days as people of a language write them. Pure; nothing is ever rounded."""

import re
from datetime import date
from decimal import Decimal

from babel import Locale
from babel.dates import format_date

from shared.errors import Language
from shared.money import minor_digits

_MARKS = {"en": (",", "."), "es": (".", ",")}
_LOCALES = {"en": Locale("en", "GB"), "es": Locale("es", "ES")}
_THOUSANDS = re.compile(r"(?<=[0-9])(?=(?:[0-9]{3})+$)")


def write_number(value: Decimal, language: Language, least_decimals: int = 0) -> str:
    """Return a figure with all its decimals but idle zeros, of which `least_decimals` stay."""
    group, point = _MARKS[language]
    whole, _, decimals = format(abs(value), "f").partition(".")
    decimals = decimals.rstrip("0").ljust(least_decimals, "0")
    sign = "-" if value < 0 else ""
    return sign + _THOUSANDS.sub(group, whole) + (point + decimals if decimals else "")


def write_amount(value: Decimal, currency: str | None, language: Language) -> str:
    """Return an amount of money with at least the decimals of its currency."""
    return write_number(value, language, minor_digits(currency or ""))


def write_day(day: date, language: Language) -> str:
    return str(format_date(day, format="long", locale=_LOCALES[language]))


def country_name(code: str, language: Language) -> str | None:
    return _LOCALES[language].territories.get(code)


def currency_name(code: str, language: Language) -> str | None:
    return _LOCALES[language].currencies.get(code)
