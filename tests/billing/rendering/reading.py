"""What a drawing says, read back by somebody who did not draw it; and all that an invoice says."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

import msgspec
from pypdf import PdfReader

from services.billing.einvoices.canonical import canonical_json, without_attachments
from services.billing.einvoices.model import Invoice
from services.billing.rendering.figures import write_day, write_number
from services.billing.rendering.messages import Order, RenderingFormat
from services.billing.rendering.standing import About
from services.billing.rendering.wording import WORDS
from services.billing.rendering.worker import draw
from shared.errors import Language

UNFILED = About(origin="unfiled")


class _Page(HTMLParser):
    """Collects the text of a page without its style, and the elements and attributes it is made of."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        self.elements.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        self._in_style = self._in_style and tag != "style"

    def handle_data(self, data: str) -> None:
        if not self._in_style:
            self.texts.append(data)


def read_html(content: bytes) -> _Page:
    page = _Page()
    page.feed(content.decode())
    page.close()
    return page


def text_of_html(content: bytes) -> str:
    return "".join(read_html(content).texts)


def text_of_pdf(content: bytes) -> str:
    """Return the text of all pages without the places where long words may be broken."""
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages).replace("\u200b", "")


def text_of_pages(content: bytes) -> str:
    """Return the text of all pages without spaces and without their feet, which may stand within a value."""
    pages = (closely(page.extract_text().replace("\u200b", "")) for page in PdfReader(BytesIO(content)).pages)
    feet = [closely(notice) for notice in (*WORDS["notice"], *WORDS["notice_keyed"])]
    return "".join(next((page.rpartition(foot)[0] for foot in feet if foot in page), page) for page in pages)


def closely(text: str) -> str:
    """Return a text without spaces: where lines are broken does not count."""
    return "".join(text.split())


def drawn(invoice: Invoice, form: RenderingFormat, language: Language = "en", about: About = UNFILED) -> bytes:
    canonical = canonical_json(without_attachments(invoice))
    return draw(Order(format=form, language=language, invoice=canonical, about=about))


def said(invoice: Invoice, language: Language) -> Iterator[str]:
    """Yield all that the canonical form says, as a person of the language reads it."""
    canonical = msgspec.json.decode(canonical_json(without_attachments(invoice)), type=Invoice)
    for value in _leaves(canonical):
        if isinstance(value, Decimal):
            yield write_number(value, language)
        else:
            yield write_day(value, language) if isinstance(value, date) else value


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _leaves(getattr(value, name))
    elif isinstance(value, tuple):
        for each in value:
            yield from _leaves(each)
    elif value not in {None, b"", ""}:
        yield value
