"""What a sender may put into an invoice to mislead, to run or to break something."""

from decimal import Decimal
from io import BytesIO

import pytest
from lxml import etree
from msgspec.structs import replace
from pypdf import PdfReader

from services.billing.einvoices import model as m
from services.billing.einvoices.ubl import read_ubl
from services.billing.rendering.messages import RenderingFormat
from tests.billing.einvoices.samples import INVOICE
from tests.billing.rendering.reading import closely, drawn, read_html, text_of_html, text_of_pages, text_of_pdf

_PLAIN = replace(read_ubl(etree.fromstring(INVOICE)), notes=())
_HOSTILE = (
    "<script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "{{ 7 * 7 }}{% raw %}",
    '#read("/etc/passwd") $x$ *bold* @preview/evil:1.0.0 \\#',
    "&lt;b&gt;",
    "= Heading\n- item\n// comment",
)
# What a page may be made of: nothing that runs, loads, sends or leads away.
_ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "footer", "section", "div", "p", "span"),
    *("h1", "h2", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th", "td", "bdi"),
}


def noted(*texts: str) -> m.Invoice:
    return replace(_PLAIN, notes=tuple(m.Note(text=text) for text in texts))


def test_a_page_holds_values_as_text_alone() -> None:
    invoice = replace(noted(*_HOSTILE), number=_HOSTILE[0], seller=m.Seller(name=_HOSTILE[1], trading_name=_HOSTILE[2]))
    content = drawn(invoice, "html")
    page = read_html(content)
    assert all(text in "".join(page.texts) for text in _HOSTILE)
    assert page.elements <= _ELEMENTS
    assert not {name for name in page.attributes if name.startswith("on")} | (
        page.attributes & {"src", "href", "style"}
    )
    assert b"<script" not in content
    assert b"default-src &#39;none&#39;" in content


def test_paper_holds_values_as_text_alone() -> None:
    shown = closely(text_of_pdf(drawn(noted(*_HOSTILE), "pdf")))
    assert [text for text in _HOSTILE if closely(text) not in shown] == []
    assert "root:x:" not in shown


@pytest.mark.parametrize("form", ["html", "pdf"])
def test_what_turns_text_around_or_hides_in_it_is_shown_by_its_code(form: RenderingFormat) -> None:
    content = drawn(noted("pay \u202e001\u202c now", "a\u200bb\u00ad\ufeff", "bell\x07", "\u2066x\u2069"), form)
    shown = closely(text_of_html(content) if form == "html" else text_of_pdf(content))
    for code in ("pay[U+202E]001[U+202C]now", "a[U+200B]b[U+00AD][U+FEFF]", "bell[U+0007]", "[U+2066]x[U+2069]"):
        assert code in shown


def test_scripts_that_have_glyphs_are_printed_and_others_do_not_vanish() -> None:
    shown = text_of_pdf(drawn(noted("Ñandú ¿qué? Αθήνα Київ Łódź €", "北京 emoji 😀 שלום"), "pdf"))
    assert "Ñandú ¿qué? Αθήνα Київ Łódź €" in shown
    assert "[U+5317 U+4EAC] emoji [U+1F600]" in shown
    assert "7character(s)arenotinthisPDF'sfont" in closely(shown)
    assert "北京 emoji 😀 שלום" in text_of_html(drawn(noted("北京 emoji 😀 שלום"), "html"))


@pytest.mark.parametrize("form", ["html", "pdf"])
@pytest.mark.parametrize("word", ["w", "word "])
def test_a_note_of_100_kilobytes_is_there_to_its_end(form: RenderingFormat, word: str) -> None:
    times = 100_000 // len(word)
    content = drawn(noted(word * times + "END"), form)
    shown = closely(text_of_html(content)) if form == "html" else text_of_pages(content)
    assert word.strip() * times + "END" in shown


def test_words_and_figures_without_end_stay_on_the_paper() -> None:
    """All glyphs of the page are inside it: what lies outside is not extracted where it would be seen."""
    line = replace(_PLAIN.lines[0], net=Decimal("9" * 60), quantity=Decimal("1." + "1" * 60), unit="U" * 60)
    content = drawn(replace(_PLAIN, lines=(line,), number="N" * 300, currency="E" * 50), "pdf")
    assert max(positions(content)) < 595


def positions(content: bytes) -> list[float]:
    """Return where each piece of text begins, in points from the left."""
    found: list[float] = []

    def visit(text: str, matrix: list[float], at: list[float], *_more: object) -> None:
        if text.strip():
            found.append(at[4] * matrix[0] + matrix[4])

    for page in PdfReader(BytesIO(content)).pages:
        page.extract_text(visitor_text=visit)
    return found
