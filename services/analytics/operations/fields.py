"""What single values of an event may be: texts, moments, costs. Pure: no IO, no clock."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from unicodedata import category

from pydantic import TypeAdapter, ValidationError

from shared.events import MAX_PROCESS, MalformedEventError
from shared.money import CurrencyCode

MAX_COST = Decimal(10) ** 12
MAX_COST_DECIMALS = 12

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)  # no site may go further back: a question has to be able to name it
# What is taken for a mistake unless a site says otherwise. A clock that was never set tells 1970, and some logs are of
# that January on purpose; plans may lie ahead.
USUAL_EARLIEST, AHEAD = datetime(1970, 1, 1, tzinfo=UTC), timedelta(days=366)

_currencies: TypeAdapter[str] = TypeAdapter(CurrencyCode)


class BadFieldError(MalformedEventError):
    """A value that no operation, observation or answer can have; `field` says where it stands."""

    def __init__(self, reason: str, field: str, en: str, es: str) -> None:
        self.field, self.en, self.es = field, en, es
        super().__init__(reason, f"{field}: {en}")


@dataclass(frozen=True, slots=True, eq=False)  # told apart by identity: to hash a moment takes a microsecond
class Plausibility:
    """What a site takes for plausible: nothing before `earliest`, nothing further than `ahead` of its clock."""

    earliest: datetime = USUAL_EARLIEST
    ahead: timedelta = AHEAD


USUAL = Plausibility()


@dataclass(frozen=True, slots=True)
class Plausible:
    """Stamps outside [earliest, latest] are taken for mistakes."""

    earliest: datetime
    latest: datetime

    @classmethod
    def at(cls, now: datetime, rule: Plausibility = USUAL) -> "Plausible":
        return cls(rule.earliest, now + rule.ahead)


def check_text(name: str, text: str, limit: int, *, empty: bool = False) -> None:
    if not (text.strip() or empty) or len(text) > limit or "\x00" in text:
        english = f"1 to {limit} characters without NUL are expected"
        raise BadFieldError("bad-data", name, english, f"debe tener de 1 a {limit} caracteres, sin NUL")


@lru_cache(1_000)  # every event has a process, and there are few
def is_addressable(process: str) -> bool:
    """Tell whether a process can stand in an address, /analytics/processes/{process}/edges.

    Routes match no line breaks and clients resolve `.` and `..` before they ask, escaped or not; the other control
    characters are in no name on purpose.
    """
    return not any(category(each) == "Cc" for each in process) and not {".", ".."} & set(process.split("/"))


def check_process(name: str, process: str, *, empty: bool = False) -> None:
    check_text(name, process, MAX_PROCESS, empty=empty)
    if not is_addressable(process):
        raise BadFieldError("bad-data", name, *UNADDRESSABLE)


def check_stamp(name: str, at: datetime, plausible: Plausible) -> None:
    """Raise BadFieldError for a stamp without offset or outside what is plausible."""
    if at.tzinfo is None:
        raise BadFieldError("bad-data", name, *_NAIVE)
    if not plausible.earliest <= at <= plausible.latest:
        first, last = f"{plausible.earliest:%Y-%m-%d}", f"{plausible.latest:%Y-%m-%d}"
        english = f"{at.isoformat()} is not a plausible moment: {first} to {last} are expected"
        spanish = f"{at.isoformat()} no es un momento verosímil: se espera del {first} al {last}"
        raise BadFieldError("implausible", name, english, spanish)


def check_cost(amount: Decimal, currency: str) -> None:
    # No abs(): the context that arithmetic goes by overflows at 10^1000000.
    if (
        not amount.is_finite()
        or not -MAX_COST <= amount <= MAX_COST
        or abs(int(amount.as_tuple().exponent)) > MAX_COST_DECIMALS
    ):
        raise BadFieldError("bad-data", "work.cost.amount", *_AMOUNT)
    check_currency(currency)


@lru_cache(1_000)
def check_currency(code: str) -> None:
    try:
        _currencies.validate_python(code)
    except ValidationError as error:
        raise BadFieldError("bad-data", "work.cost.currency", *_CURRENCY) from error


UNADDRESSABLE = (
    "a name that can stand in an address is expected: without control characters, and without . or .. between slashes",
    "debe poder figurar en una dirección: sin caracteres de control y sin . ni .. entre barras",
)
_NAIVE = ("the offset from UTC is missing", "falta el desfase respecto a UTC")
_AMOUNT = (
    "a finite amount up to 10^12 with up to 12 decimals is expected",
    "debe ser un importe finito de hasta 10^12 con hasta 12 decimales",
)
_CURRENCY = ("a code of ISO 4217 in capital letters is expected", "debe ser un código de ISO 4217 en mayúsculas")
