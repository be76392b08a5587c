"""A PDF with a text layer: each line in Helvetica where it is told to stand. No more than an invoice needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from pypdf import PdfWriter
from pypdf.generic import DictionaryObject, NameObject, StreamObject

A4 = (595, 842)
SIZE = 10


@dataclass(frozen=True, slots=True)
class Words:
    """A piece of text and where it begins, in points from the left and from the top."""

    text: str
    left: float
    top: float


def print_pdf(pages: Sequence[Sequence[Words]], *, password: str | None = None) -> bytes:
    """Return a PDF of these pages; the text is what WinAnsi has, which is enough for western invoices."""
    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
            NameObject("/Encoding"): NameObject("/WinAnsiEncoding"),
        }
    )
    for words in pages:
        page = writer.add_blank_page(*A4)
        stream = StreamObject()
        stream.set_data(b"\n".join(_shown(each) for each in words))
        page[NameObject("/Contents")] = writer._add_object(stream)
        fonts = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    if password is not None:
        writer.encrypt(password, algorithm="RC4-128")
    into = BytesIO()
    writer.write(into)
    return into.getvalue()


def _shown(words: Words) -> bytes:
    text = words.text.encode("cp1252")
    for special in (b"\\", b"(", b")"):
        text = text.replace(special, b"\\" + special)
    return b"BT /F1 %d Tf 1 0 0 1 %.1f %.1f Tm (%s) Tj ET" % (SIZE, words.left, A4[1] - words.top, text)
