"""Whether a target is met, and what a change of that is worth telling. Pure."""

from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Literal

from services.analytics.bands.rules import MINIMUM_N, Better

State = Literal["met", "breached", "unknown"]
Direction = Literal["at-most", "at-least"]
News = Literal["breached", "recovered"]

DECIMALS = 12  # as many as an operation's cost may have
_DIGITS = 60  # an amount of 13 digits, its decimals, and room

DIRECTIONS: dict[Better, Direction] = {"lower": "at-most", "higher": "at-least"}


def exact(value: float | None) -> Decimal | None:
    """Return the decimal that is written as the value is, so that 0.05 meets a limit of 0.05."""
    return None if value is None else Decimal(repr(value))


def rounded(value: Fraction) -> Decimal:
    """Return an amount as it is shown and told: to DECIMALS, half to even, without zeros at its end."""
    shown = round(value, DECIMALS)
    with localcontext(prec=_DIGITS):
        return Decimal(f"{(Decimal(shown.numerator) / shown.denominator).normalize():f}")


def judge(better: Better, limit: Decimal, value: Decimal | Fraction | None, n: int) -> State:
    """Return whether a value measured on n things meets the limit; the limit itself does.

    Fewer than MINIMUM_N things, or a hidden value, tell nothing.
    """
    if value is None or n < MINIMUM_N:
        return "unknown"
    beyond = Fraction(value) - Fraction(limit)
    return "met" if (beyond <= 0 if better == "lower" else beyond >= 0) else "breached"


def news_of(known: State, judged: State) -> News | None:
    """Return what the change from the last known state says to others; a first "met" is no news.

    `unknown` changes nothing: between two readings without data a breach is told once.
    """
    if judged == "breached" and known != "breached":
        return "breached"
    return "recovered" if judged == "met" and known == "breached" else None


def window(now: datetime, days: int) -> tuple[datetime, datetime]:
    """Return the period a target looks at: so many days up to now, beginning on a whole hour."""
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(days=days), now
