"""The PDF as a file: an archivable, accessible document, the same bytes for the same invoice."""

import random
from datetime import date
from io import BytesIO
from typing import Any

import pytest
from msgspec.structs import replace
from pypdf import PdfReader
from pypdf.generic import DictionaryObject

from services.billing.einvoices import model as m
from services.billing.rendering.messages import RenderingFormat
from tests.billing.einvoices.whole_invoices import invent
from tests.billing.rendering.reading import drawn, text_of_pdf
from tests.performance.einvoice import plain

_INVOICE = replace(invent(random.Random(4)), number="F-17", issue_date=date(2026, 3, 4))


def test_it_says_what_it_is() -> None:
    reader = PdfReader(BytesIO(drawn(_INVOICE, "pdf", "es")))
    assert reader.metadata is not None
    assert str(reader.metadata.title).endswith("F-17")
    assert str(reader.metadata["/CreationDate"]) == "D:20260304000000Z"
    root: Any = reader.root_object
    assert root["/Lang"] == "es"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"].value is True
    metadata = root["/Metadata"].get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part>" in metadata
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in metadata
    assert "<pdfuaid:part>1</pdfuaid:part>" in metadata


def test_it_needs_nothing_from_outside_and_holds_nothing_that_acts() -> None:
    reader = PdfReader(BytesIO(drawn(_INVOICE, "pdf")))
    root: Any = reader.root_object
    pages: list[Any] = list(reader.pages)
    fonts = [font for page in pages for font in page["/Resources"]["/Font"].values()]
    assert fonts
    for font in fonts:
        descendant = font.get_object()["/DescendantFonts"][0].get_object()
        assert {"/FontFile2", "/FontFile3"} & descendant["/FontDescriptor"].keys()
        assert "/ToUnicode" in font.get_object()
    assert root["/MarkInfo"]["/Marked"].value is True
    assert root["/OutputIntents"]
    acting = {"/OpenAction", "/AA", "/AcroForm", "/JavaScript", "/EmbeddedFiles", "/URI", "/Launch"}
    objects = [reader.get_object(number) for number in range(1, int(reader.trailer["/Size"]))]  # type: ignore[call-overload]
    held = [each for each in objects if isinstance(each, DictionaryObject)]
    assert len(held) > 50
    assert not [each for each in held if acting & each.keys()]


@pytest.mark.parametrize("form", ["html", "pdf"])
def test_the_same_invoice_gives_the_same_bytes(form: RenderingFormat) -> None:
    assert drawn(_INVOICE, form) == drawn(_INVOICE, form)
    assert drawn(_INVOICE, form) != drawn(_INVOICE, form, "es")


@pytest.mark.parametrize("day", [None, date(1, 1, 1), date(9999, 12, 31)])
def test_a_document_of_any_day_is_set(day: date | None) -> None:
    assert drawn(replace(_INVOICE, issue_date=day), "pdf").startswith(b"%PDF-")


def test_an_invoice_that_says_nothing_is_a_page_all_the_same() -> None:
    assert "Invoice" in text_of_pdf(drawn(m.Invoice(), "pdf"))


def test_many_pages_are_numbered_and_repeat_the_head_of_the_table() -> None:
    pages = [page.extract_text() for page in PdfReader(BytesIO(drawn(plain(300), "pdf"))).pages]
    assert len(pages) > 5
    assert all(f"Page {number} of {len(pages)}" in page for number, page in enumerate(pages, 1))
    of_lines = [page for page in pages if "Printing paper" in page]
    assert len(of_lines) > 5
    assert all("Net price" in page for page in of_lines)
