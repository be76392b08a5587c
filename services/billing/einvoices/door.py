"""The only way in for a file from outside: nothing is parsed that could expand, reach out or fill the memory.

What leaves here is a tree without a DOCTYPE, whose text any XML processor may have.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from lxml import etree

from services.billing.einvoices.errors import (
    DoctypeRefused,
    EncodingRefused,
    MalformedXml,
    NotAnInvoiceFile,
    SeveralInvoices,
    TooMuchStructure,
    UnknownInvoiceFormat,
)
from services.billing.einvoices.facturae import ROOTS as FACTURAE_ROOTS
from services.billing.einvoices.facturae import invoices_in
from services.billing.einvoices.limits import LEVELS, Limits
from services.billing.einvoices.pdf import extract_invoice

CII_ROOT = "{urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100}CrossIndustryInvoice"
FORMATS = {
    "{urn:oasis:names:specification:ubl:schema:xsd:Invoice-2}Invoice": "ubl-invoice",
    "{urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2}CreditNote": "ubl-credit-note",
    CII_ROOT: "cii",
    **FACTURAE_ROOTS,
}
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
# Those that invoices come in. Each is a superset of ASCII in one byte, so that a declaration can be read before it is known.
_ENCODINGS = {
    **dict.fromkeys(("utf-8", "utf8", "us-ascii", "ascii"), "utf-8"),
    **dict.fromkeys(("iso-8859-1", "latin1", "iso_8859-1"), "iso-8859-1"),
    "iso-8859-15": "iso-8859-15",
    "windows-1252": "windows-1252",
}
_DECLARATION = re.compile(r"<\?xml\s[^>]*?\?>")
_DECLARED = re.compile(rb"<\?xml\s[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_NAMESPACE = re.compile(r"""(?<=\s)xmlns(?::[^\s=]+)?\s*=\s*(?:"[^"]*"|'[^']*')""")
_LONGEST_TEXT = 10_000_000  # what libxml2 takes without `huge_tree`
_HINTS = "http://www.w3.org/2001/XMLSchema-instance"
_ELEMENTS = etree.XPath("count(//*)")
_RATES = etree.XPath(
    "count(/*/u:TaxTotal/u:TaxSubtotal | //r:ApplicableHeaderTradeSettlement/r:ApplicableTradeTax)",
    namespaces={
        "u": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
        "r": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    },
)
_HINTED = etree.XPath("//*[@x:schemaLocation or @x:noNamespaceSchemaLocation]", namespaces={"x": _HINTS})
_ATTACHMENTS = ("{*}EmbeddedDocumentBinaryObject", "{*}AttachmentBinaryObject", "{*}AttachmentData")


@dataclass(frozen=True, slots=True)
class Sealed:
    """What may be judged: the tree, its format, and the attachment's name where it came in a PDF."""

    root: Any
    format: str
    attachment: str | None = None

    @property
    def text(self) -> str:
        """Return the document as written again, free of what its bytes may have held."""
        return str(etree.tostring(self.root, encoding="unicode"))


def admit(content: bytes, limits: Limits) -> Sealed:
    """Return what a file holds. Raises a refusal of `errors.AT_THE_DOOR`."""
    if content[:1024].lstrip().startswith(b"%PDF-"):
        name, content = extract_invoice(content)
        return _seal(content, limits, name)
    return _seal(content, limits, None)


def _seal(content: bytes, limits: Limits, attachment: str | None) -> Sealed:
    text = _decode(content)
    text = text[declaration.end() :] if (declaration := _DECLARATION.match(text)) else text
    _refuse_doctype(text)
    if text.count("<") > 2 * limits.elements:
        raise TooMuchStructure(what="elements", limit=limits.elements)
    if text.count("xmlns") > limits.namespaces and len(set(_NAMESPACE.findall(text))) > limits.namespaces:
        raise TooMuchStructure(what="namespaces", limit=limits.namespaces)
    root = _parse(text)
    _inspect(root, limits)
    if "chemaLocation" in text:
        _drop_hints(root)
    if root.tag not in FORMATS:
        raise UnknownInvoiceFormat(root=str(root.tag)[:200])
    if root.tag in FACTURAE_ROOTS and (count := len(invoices_in(root))) > 1:
        raise SeveralInvoices(count=count)
    return Sealed(root, FORMATS[root.tag], attachment)


def _decode(content: bytes) -> str:
    declared = None
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            content, declared = content[len(mark) :], encoding
            break
    else:
        if not content.lstrip()[:1] == b"<":
            raise NotAnInvoiceFile
        named = match[1].decode("ascii").lower() if (match := _DECLARED.match(content)) else "utf-8"
        if (declared := _ENCODINGS.get(named)) is None:
            raise EncodingRefused(encoding=named)
    try:
        text = content.decode(declared)
    except UnicodeDecodeError:
        raise EncodingRefused(encoding=declared) from None
    if not text.lstrip().startswith("<"):
        raise NotAnInvoiceFile
    return text


def _refuse_doctype(text: str) -> None:
    """Look at the only place where a DOCTYPE has a meaning: before the root, behind comments and instructions."""
    at = 0
    while True:
        at += len(text[at : at + 1024]) - len(text[at : at + 1024].lstrip())
        if text[at : at + 1].isspace():
            continue
        closing = "-->" if text.startswith("<!--", at) else "?>" if text.startswith("<?", at) else None
        if closing is None or (end := text.find(closing, at)) < 0:
            break
        at = end + len(closing)
    if text[at : at + 9].upper() == "<!DOCTYPE":
        raise DoctypeRefused


def _parse(text: str) -> Any:
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_pis=True,
        remove_comments=True,  # 1<!-- -->00 is 100 for every reader: what stands around a comment is one text
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise _refusal_of(error) from None
    if root.getroottree().docinfo.doctype:  # the scan above must have missed it: nothing was expanded all the same
        raise DoctypeRefused
    return root


def _refusal_of(error: etree.XMLSyntaxError) -> Exception:
    if "Excessive depth" in error.msg:
        return TooMuchStructure(what="levels", limit=LEVELS)
    if "Resource limit exceeded" in error.msg:
        return TooMuchStructure(what="text-bytes", limit=_LONGEST_TEXT)
    line, column = error.position
    return MalformedXml(line=line, column=column, reason=error.msg.split(", line ")[0])


def _inspect(root: Any, limits: Limits) -> None:
    if (elements := _ELEMENTS(root)) > limits.elements:
        raise TooMuchStructure(what="elements", limit=limits.elements)
    if elements * _RATES(root) > limits.elements_by_rate:
        raise TooMuchStructure(what="elements-by-rate", limit=limits.elements_by_rate)
    if _reaches(limits.levels + 1)(root):
        raise TooMuchStructure(what="levels", limit=limits.levels)
    for number, element in enumerate(root.iter(*_ATTACHMENTS), 1):
        _measure_attachment(element, number, limits)


@cache
def _reaches(level: int) -> Any:
    return etree.XPath(f"boolean({'/*' * level})")


def _drop_hints(root: Any) -> None:
    """Drop the hints where schemas are to be found: a validator would go and look."""
    for element in _HINTED(root):
        for hint in ("schemaLocation", "noNamespaceSchemaLocation"):
            element.attrib.pop(f"{{{_HINTS}}}{hint}", None)


def _measure_attachment(element: Any, attachments: int, limits: Limits) -> None:
    if attachments > limits.attachments:
        raise TooMuchStructure(what="attachments", limit=limits.attachments)
    if len(element.text or "") * 3 // 4 > limits.attachment_bytes:
        raise TooMuchStructure(what="attachment-bytes", limit=limits.attachment_bytes)
