"""What is said for labels and codes in the language of a rendering."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from services.billing.einvoices.model import Address, Identifier, Period
from services.billing.rendering.figures import country_name, currency_name, write_amount, write_day, write_number
from services.billing.rendering.sheet import Block, Field
from shared.errors import Language

_HERE = Path(__file__).parent
WORDS: dict[str, list[str]] = tomllib.loads((_HERE / "words.toml").read_text("utf-8"))
CODES: dict[str, dict[str, list[str]]] = tomllib.loads((_HERE / "codes.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Wording:
    """Says things in a language; amounts are in `currency` unless another is named. Nothing said is None for None."""

    language: Language
    currency: str | None = None

    def say(self, word: str, **values: str) -> str:
        return WORDS[word][self.language == "es"].format_map(values)

    def code(self, codes: str, code: str | None) -> str | None:
        """Return what a code means, with the code; one that is not known stands alone."""
        if code is None:
            return None
        known = CODES[codes].get(code)
        return code if known is None else f"{known[self.language == 'es']} ({code})"

    def amount(self, value: Decimal | None, currency: str | None = None) -> str | None:
        return None if value is None else write_amount(value, currency or self.currency, self.language)

    def money(self, value: Decimal | None, currency: str | None = None) -> str | None:
        """Return an amount with its currency."""
        written = self.amount(value, currency)
        return written if written is None else f"{written} {currency or self.currency or ''}".rstrip()

    def figure(self, value: Decimal | None) -> str | None:
        return None if value is None else write_number(value, self.language)

    def percent(self, value: Decimal | None) -> str | None:
        return None if value is None else f"{write_number(value, self.language)} %"

    def day(self, value: date | None) -> str | None:
        return None if value is None else write_day(value, self.language)

    def period(self, period: Period | None) -> str | None:
        start, end = (None, None) if period is None else (self.day(period.start), self.day(period.end))
        if start and end:
            return self.say("from_to", start=start, end=end)
        return self.say("from_day", start=start) if start else self.say("to_day", end=end) if end else None

    def country(self, code: str | None) -> str | None:
        name = None if code is None else country_name(code, self.language)
        return code if name is None else f"{name} ({code})"

    def currency_of(self, code: str | None) -> str | None:
        name = None if code is None else currency_name(code, self.language)
        return code if name is None else f"{name} ({code})"

    def identifier(self, identifier: Identifier | None) -> str | None:
        """Return an identifier with the scheme and version it has."""
        if identifier is None:
            return None
        said = [self.code("scheme", identifier.scheme), identifier.version]
        return " · ".join([identifier.value, *(each for each in said if each)])

    def identifiers(self, identifiers: Iterable[Identifier]) -> str | None:
        return joined((self.identifier(each) for each in identifiers), "\n")

    def address(self, address: Address | None) -> str | None:
        if address is None:
            return None
        town = joined((address.post_code, address.city), " ")
        lines = (address.line_1, address.line_2, address.line_3, town, address.subdivision)
        return joined((*lines, self.country(address.country)), "\n")

    def fields(self, **values: str | None) -> tuple[Field, ...]:
        """Return a field for each value that is there; its name is the word that labels it."""
        return tuple(Field(label=self.say(word), value=value) for word, value in values.items() if value)

    def block(self, word: str, *fields: Field) -> Block:
        return Block(title=self.say(word), fields=fields)


def joined(values: Iterable[str | None], mark: str) -> str | None:
    """Return what there is in one text; None where there is nothing."""
    return mark.join(value for value in values if value) or None
