"""How an element's text and attributes say a value: texts, numbers, days, identifiers, attachments."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from lxml import etree

from services.billing.einvoices.binding import Codec, Scope, UnreadableError

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(Z|[+-][0-9]{2}:[0-9]{2})?")
MOST_DIGITS = 30  # before the point; no currency needs them, and what is larger cannot be rounded
_NOTE = re.compile(r"#([A-Z]{3})#(.*)", re.DOTALL)


def said_by(element: Any) -> str | None:
    """Return the element's text without the space around it; None when there is none."""
    return (element.text or "").strip() or None


def unreadable(element: Any, kind: str) -> UnreadableError:
    return UnreadableError(f"{etree.QName(element).localname}: {(element.text or '')[:40]!r} is no {kind}")


@dataclass(frozen=True, slots=True)
class Text:
    """A text; `fixed` are attributes that it always carries."""

    fixed: tuple[tuple[str, str], ...] = ()

    def read(self, element: Any, _scope: Scope) -> str | None:
        return said_by(element)

    def write(self, element: Any, value: str, _scope: Scope) -> None:
        element.text = value
        for name, text in self.fixed:
            element.set(name, text)


class Coded:
    """A code that the syntax writes otherwise than the model; what stands in no list passes as it is."""

    def __init__(self, written: Mapping[str, str]) -> None:
        self._written = written
        self._read = {code: name for name, code in written.items()}

    def read(self, element: Any, _scope: Scope) -> str | None:
        text = said_by(element)
        return None if text is None else self._read.get(text, text)

    def write(self, element: Any, value: str, _scope: Scope) -> None:
        element.text = self._written.get(value, value)


class Number:
    """A decimal number, with as many decimals as it is written with."""

    def read(self, element: Any, _scope: Scope) -> Decimal | None:
        if (text := said_by(element)) is None:
            return None
        if not _NUMBER.fullmatch(text):
            raise unreadable(element, "number")
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise unreadable(element, "number") from None
        if number.adjusted() >= MOST_DIGITS:
            raise unreadable(element, f"number of {MOST_DIGITS} digits at the most")
        return number

    def write(self, element: Any, value: Decimal, _scope: Scope) -> None:
        element.text = format(
            value or abs(value), "f"
        )  # a zero has no sign: some official rules do not take -0.00 for 0


class Amount(Number):
    """An amount that names the document's currency, or with `tax_currency` the one VAT is accounted in."""

    def __init__(self, *, tax_currency: bool = False) -> None:
        self._tax_currency = tax_currency

    def write(self, element: Any, value: Decimal, scope: Scope) -> None:
        super().write(element, value, scope)
        element.set("currencyID", (scope.tax_currency if self._tax_currency else scope.currency) or "")


class IsoDay:
    """A day as XML Schema has it; a time zone says nothing about a day of business and is dropped."""

    def read(self, element: Any, _scope: Scope) -> date | None:
        if (text := said_by(element)) is None:
            return None
        if (match := _DAY.fullmatch(text)) is None:
            raise unreadable(element, "day")
        try:
            return date.fromisoformat(match[1])
        except ValueError:
            raise unreadable(element, "day") from None

    def write(self, element: Any, value: date, _scope: Scope) -> None:
        element.text = value.isoformat()


class CompactDay:
    """A day in format 102 of UNTDID 2379: YYYYMMDD."""

    def read(self, element: Any, _scope: Scope) -> date | None:
        if (text := said_by(element)) is None:
            return None
        if element.get("format") != "102" or not re.fullmatch(r"[0-9]{8}", text):
            raise unreadable(element, "day in format 102")
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise unreadable(element, "day in format 102") from None

    def write(self, element: Any, value: date, _scope: Scope) -> None:
        element.text = value.isoformat().replace("-", "")
        element.set("format", "102")


@dataclass(frozen=True, slots=True)
class Identified:
    """An identifier with the attributes that hold its scheme and the scheme's version."""

    scheme: str = "schemeID"
    version: str = "schemeVersionID"

    def read(self, element: Any, _scope: Scope) -> dict[str, str] | None:
        if (text := said_by(element)) is None:
            return None
        parts = {"value": text, "scheme": element.get(self.scheme), "version": element.get(self.version)}
        return {name: said for name, said in parts.items() if said}

    def write(self, element: Any, value: Any, _scope: Scope) -> None:
        element.text = value.value
        for name, said in ((self.scheme, value.scheme), (self.version, value.version)):
            if said is not None:
                element.set(name, said)


class MarkedNote:
    """UBL says a note's subject in its text: `#AAI#text`."""

    def read(self, element: Any, _scope: Scope) -> dict[str, str] | None:
        if (text := said_by(element)) is None:
            return None
        match = _NOTE.fullmatch(text)
        return {"subject_code": match[1], "text": match[2].strip()} if match else {"text": text}

    def write(self, element: Any, value: Any, _scope: Scope) -> None:
        marked = f"#{value.subject_code}#" if value.subject_code else ""
        element.text = f"{marked}{value.text or ''}"


class Attached:
    """A file in base64, with its media type and name."""

    def read(self, element: Any, _scope: Scope) -> dict[str, Any] | None:
        try:
            content = base64.b64decode("".join((element.text or "").split()), validate=True)
        except (binascii.Error, ValueError):
            raise UnreadableError(f"{etree.QName(element).localname}: what it holds is no base64") from None
        parts = {"mime_code": element.get("mimeCode"), "filename": element.get("filename")}
        return {"content": content} | {name: said for name, said in parts.items() if said}

    def write(self, element: Any, value: Any, _scope: Scope) -> None:
        element.text = base64.b64encode(value.content).decode("ascii")
        for name, said in (("mimeCode", value.mime_code), ("filename", value.filename)):
            if said is not None:
                element.set(name, said)


@dataclass(frozen=True, slots=True)
class Inside:
    """A value that stands in an element of its own, so that each of several has one."""

    tag: str
    codec: Codec

    def read(self, element: Any, scope: Scope) -> Any:
        inner = element.find(self.tag)
        return None if inner is None else self.codec.read(inner, scope)

    def write(self, element: Any, value: Any, scope: Scope) -> None:
        self.codec.write(etree.SubElement(element, self.tag), value, scope)


TEXT, NUMBER, DAY, COMPACT_DAY, IDENTIFIER, NOTE, FILE = (
    Text(),
    Number(),
    IsoDay(),
    CompactDay(),
    Identified(),
    MarkedNote(),
    Attached(),
)
MONEY, TAX_MONEY = Amount(), Amount(tax_currency=True)
