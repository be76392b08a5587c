"""Money: a decimal amount and its ISO 4217 currency; decimal strings on the wire."""

import tomllib
from decimal import ROUND_HALF_UP, Decimal, localcontext
from math import prod
from pathlib import Path
from typing import Annotated

import msgspec
from pydantic import AfterValidator, StringConstraints

from shared.validation import value_error


def _known(code: str) -> str:
    if code not in _DIGITS:
        raise value_error("currency", "not a currency code of ISO 4217", "no es un código de moneda de ISO 4217")
    return code


CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(_known)]

_PRECISION = 80  # digits: the product of three amounts of 15 digits and 6 decimals, and room

_LISTED = tomllib.loads(Path(__file__).with_name("currencies.toml").read_text())
_DIGITS = {code: int(digits) for digits, codes in _LISTED.items() for code in codes.split()}


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """An amount in the currency's main unit; negative for credits."""

    amount: Decimal
    currency: str


def minor_digits(currency: str) -> int:
    """Return how many decimals the currency's smallest unit has (ISO 4217)."""
    return _DIGITS.get(currency, 2)


def round_money(amount: Decimal, currency: str) -> Decimal:
    """Round half away from zero to the currency's smallest unit."""
    with localcontext(prec=_PRECISION):
        return amount.quantize(Decimal(1).scaleb(-minor_digits(currency)), rounding=ROUND_HALF_UP)


def multiply(*factors: Decimal) -> Decimal:
    """Return the exact product; the usual 28 digits are too few for two large amounts."""
    with localcontext(prec=_PRECISION):
        return prod(factors, start=Decimal(1))


DecimalString = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,6})?$")]
