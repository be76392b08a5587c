"""How Facturae says values in ways of its own: numbers in two parts, taxes whose kind stands beside them, files with their encoding."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from typing import Any

from services.billing.einvoices import facturae_codes as codes
from services.billing.einvoices.binding import Scope, UnreadableError
from services.billing.einvoices.codecs import DAY, MOST_DIGITS, said_by, unreadable

_DOUBLE = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")
_CORRECTIVE = frozenset({"OR", "CR"})
_EXEMPT, _NOT_SUBJECT = "01", "02"  # SpecialTaxableEventCode


class ReadOnly:
    """Facturae is taken in and not issued."""

    def write(self, element: Any, value: Any, scope: Scope) -> None:
        raise NotImplementedError(f"{element.tag} is read only")


class Double(ReadOnly):
    """A number of `xs:double`, which may have an exponent; kept with the decimals it is written with."""

    def read(self, element: Any, _scope: Scope) -> Decimal | None:
        return double(element)


def double(element: Any) -> Decimal | None:
    """Return an element's number; None for no element or an empty one. Raises UnreadableError."""
    if element is None or (text := said_by(element)) is None:
        return None
    if not _DOUBLE.fullmatch(text):
        raise unreadable(element, "number")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise unreadable(element, "number") from None
    if abs(number.adjusted()) >= MOST_DIGITS:
        raise unreadable(element, f"number of {MOST_DIGITS} digits at the most")
    return number


def to_decimals_of(said: Decimal, amount: Decimal) -> Decimal:
    """Return an amount rounded as the document rounds: to the decimals that a figure is said with, two at the least."""
    exponent = said.as_tuple().exponent
    digits = max(2, -exponent if isinstance(exponent, int) else 0)
    with localcontext(prec=80):
        return amount.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


class DoubleIfAny(ReadOnly):
    """A number that Facturae wants also where there is nothing to say: zero says nothing."""

    def read(self, element: Any, scope: Scope) -> Decimal | None:
        scope.mark(element)
        return double(element) or None


class InvoiceTotal(ReadOnly):
    """InvoiceTotal has withheld taxes taken off, BT-112 has not: `net_of_withheld` says which of the two is read.

    BT-112 is then InvoiceTotal and what was taken off it, both as the document says them.
    """

    def __init__(self, *, net_of_withheld: bool) -> None:
        self._net_of_withheld = net_of_withheld

    def read(self, element: Any, _scope: Scope) -> Decimal | None:
        total, beside = double(element), element.getparent()
        parts = [double(beside.find(name)) or Decimal(0) for name in ("TotalGrossAmountBeforeTaxes", "TotalTaxOutputs")]
        withheld = double(beside.find("TotalTaxesWithheld"))
        taken_off = bool(withheld) and total != sum(parts)
        if self._net_of_withheld:
            return total if taken_off else None
        return total + withheld if taken_off and total is not None and withheld is not None else total


@dataclass(frozen=True, slots=True)
class Joined(ReadOnly):
    """Several elements that make one text."""

    parts: Sequence[str]
    between: str = ""
    named: bool = False  # each with its element's name

    def read(self, element: Any, scope: Scope) -> str | None:
        found = [child for name in self.parts if (child := element.find(name)) is not None and said_by(child)]
        scope.mark(*found)
        texts = (f"{child.tag} {said_by(child)}" if self.named else said_by(child) or "" for child in found)
        return self.between.join(texts) or None


DOCUMENT_NUMBER = Joined(("InvoiceSeriesCode", "InvoiceNumber"))


class Preceding(ReadOnly):
    """The invoice that is corrected: series and number make one number, as everywhere."""

    def read(self, element: Any, scope: Scope) -> dict[str, Any] | None:
        number = DOCUMENT_NUMBER.read(element, scope)
        if (day := element.find("InvoiceIssueDate")) is not None:
            scope.mark(day)
        said = {"number": number, "issue_date": None if day is None else DAY.read(day, scope)}
        return {name: value for name, value in said.items() if value} or None


class Reimbursed(ReadOnly):
    """What was paid in the buyer's name, by which invoice. Whose that was stands in the file alone."""

    def read(self, element: Any, scope: Scope) -> dict[str, Any] | None:
        number, day, amount = (
            DOCUMENT_NUMBER.read(element, scope),
            element.find("IssueDate"),
            element.find(self._AMOUNT),
        )
        said: dict[str, Any] = {"number": number} if number else {}
        if day is not None:
            scope.mark(day)
            said["issue_date"] = DAY.read(day, scope)
        if amount is not None:
            scope.mark(amount)
            said["amount"] = double(amount)
        return said or None

    _AMOUNT = "ReimbursableExpensesAmount"


class OtherCurrency(ReadOnly):
    """The currency of the tax, which Facturae also names where it is the invoice's own."""

    def read(self, element: Any, scope: Scope) -> str | None:
        scope.mark(element)
        text = said_by(element)
        return None if text == scope.currency else text


class UnlessRepeated(ReadOnly):
    """A number that says something unless another beside it is the same."""

    def __init__(self, other: str) -> None:
        self._other = other

    def read(self, element: Any, scope: Scope) -> Decimal | None:
        scope.mark(element)
        number = double(element)
        return None if number == double(element.getparent().find(self._other)) else number


class TypeCode(ReadOnly):
    """BT-3. A corrective invoice is 384 and not a credit note: its amounts have their own sign, and a credit note's are turned."""

    def read(self, element: Any, scope: Scope) -> str:
        file, header = element.getroottree().getroot(), element.getparent()
        issuer, kind = file.find("FileHeader/InvoiceIssuerType"), header.find("InvoiceDocumentType")
        if said_by(element) in _CORRECTIVE:
            return codes.CORRECTED
        marks = ((issuer, "RE"), (kind, "AF"))
        by_buyer = [each for each, code in marks if each is not None and said_by(each) == code]
        scope.mark(*by_buyer)
        return codes.SELF_BILLED if by_buyer else codes.INVOICE


@dataclass(frozen=True, slots=True)
class TaxNumber(ReadOnly):
    """A party's number: with its country for a resident of Spain (R) or the Union (U), without for others (E)."""

    in_union: bool
    identifier: bool = False

    def read(self, element: Any, scope: Scope) -> Any:
        number, residence = element.find("TaxIdentificationNumber"), element.findtext("ResidenceTypeCode")
        text = None if number is None else said_by(number)
        if text is None or (residence in ("R", "U")) != self.in_union:
            return None
        scope.mark(number)
        if residence == "R":
            text = f"ES{text.upper().removeprefix('ES')}"
        return {"value": text} if self.identifier else text


class Category(ReadOnly):
    """The VAT category of EN 16931 for a tax; None for a tax that is no VAT.

    A rate of zero is exempt (E) or not subject (O) where the lines taxed so say so alike, else zero (Z).
    """

    def read(self, element: Any, _scope: Scope) -> str | None:
        kind = codes.TRAVEL_AGENCIES.get(said_by(element) or "", said_by(element))
        if kind == codes.IGIC:
            return "L"
        if kind == codes.IPSI:
            return "M"
        if kind != codes.VAT:
            return None
        if double(element.getparent().find("TaxRate")):
            return "S"
        return {_EXEMPT: "E", _NOT_SUBJECT: "O"}.get(_event_of(element) or "", "Z")


def _event_of(kind: Any) -> str | None:
    """Return the special event of a tax's line, or the one that all lines of a document's tax of this kind have."""
    line = next(kind.iterancestors("InvoiceLine"), None)
    lines = [line] if line is not None else next(kind.iterancestors("Invoice")).iterfind("Items/InvoiceLine")
    events = {
        (each.findtext("SpecialTaxableEvent/SpecialTaxableEventCode") or "").strip() or None
        for each in lines
        for tax in each.iterfind("TaxesOutputs/Tax")
        if tax.findtext("TaxTypeCode") == kind.text and not double(tax.find("TaxRate"))
    }
    return events.pop() if len(events) == 1 else None


class Means(ReadOnly):
    """A means of payment, by its code in UNTDID 4461."""

    def read(self, element: Any, _scope: Scope) -> str | None:
        text = said_by(element)
        return text and codes.PAYMENT_MEANS.get(text, codes.UNDEFINED_MEANS)


class MeansName(ReadOnly):
    """What the code in UNTDID 4461 does not tell."""

    def read(self, element: Any, _scope: Scope) -> str | None:
        return codes.MEANS_NAMES.get(said_by(element) or "")


class OnlyDay(ReadOnly):
    """The due date of an invoice that is paid at once; several instalments stand apart."""

    def read(self, element: Any, scope: Scope) -> date | None:
        installments = element.getparent().getparent().findall("Installment")
        return DAY.read(element, scope) if len(installments) == 1 else None


class AttachedFile(ReadOnly):
    """A file with its description: in base64 unless its encoding says that it is not. A compressed one stays so."""

    def read(self, element: Any, scope: Scope) -> dict[str, Any] | None:
        data, description = element.find("AttachmentData"), element.find("AttachmentDescription")
        encoding, packed, kind = (_told(element, name) for name in ("Encoding", "CompressionAlgorithm", "Format"))
        if encoding == "BER":
            raise UnreadableError("AttachmentData: a file encoded in BER is not read; send it in base64")
        scope.mark(*element.iterfind("*"))
        media = codes.COMPRESSED.get(packed) or codes.MEDIA.get(kind.lower(), "application/octet-stream")
        said: dict[str, Any] = {} if description is None else {"description": said_by(description)}
        if data is not None and said_by(data) is not None:
            said["attachment"] = {"content": _content(data, encoded=encoding != "NONE"), "mime_code": media}
        return said


def _told(element: Any, name: str) -> str:
    return (element.findtext(f"Attachment{name}") or "").strip()


def _content(data: Any, *, encoded: bool) -> bytes:
    if not encoded:
        return str(data.text).encode()
    try:
        return base64.b64decode("".join(data.text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableError("AttachmentData: what it holds is no base64") from None
