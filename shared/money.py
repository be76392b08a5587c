"""Money: a decimal amount and its ISO 4217 currency; decimal strings on the wire."""

from decimal import ROUND_HALF_UP, Decimal, localcontext
from math import prod
from typing import Annotated

import msgspec
from pydantic import AfterValidator, StringConstraints

from shared.validation import value_error

# ISO 4217, the currencies of countries and of unions of them.
_CODES = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ "
    "GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP "
    "LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR "
    "PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC "
    "SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF "
    "XPF YER ZAR ZMW ZWG"
)
CURRENCIES = frozenset(_CODES.split())


def _known(code: str) -> str:
    if code not in CURRENCIES:
        raise value_error("currency", "not a currency code of ISO 4217", "no es un código de moneda de ISO 4217")
    return code


CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(_known)]

_PRECISION = 80  # digits: the product of three amounts of 15 digits and 6 decimals, and room

# ISO 4217: the currencies whose smallest unit is not a hundredth.
_EXPONENTS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND"), 0),
    **dict.fromkeys(("VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """An amount in the currency's main unit; negative for credits."""

    amount: Decimal
    currency: str


def minor_digits(currency: str) -> int:
    """Return how many decimals the currency's smallest unit has (ISO 4217)."""
    return _EXPONENTS.get(currency, 2)


def round_money(amount: Decimal, currency: str) -> Decimal:
    """Round half away from zero to the currency's smallest unit."""
    with localcontext(prec=_PRECISION):
        return amount.quantize(Decimal(1).scaleb(-minor_digits(currency)), rounding=ROUND_HALF_UP)


def multiply(*factors: Decimal) -> Decimal:
    """Return the exact product; the usual 28 digits are too few for two large amounts."""
    with localcontext(prec=_PRECISION):
        return prod(factors, start=Decimal(1))


DecimalString = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,6})?$")]
