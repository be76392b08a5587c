"""From the bytes of a PDF to what its text says. Runs in a validator process, which may be killed."""

import time
from io import BytesIO

import msgspec
from pypdf import PageObject, PdfReader

from services.billing.drafts.rules import read_pages
from services.billing.drafts.shapes import Reading
from services.billing.einvoices.errors import BrokenPdf, ElectronicInvoiceInside, LockedPdf
from services.billing.einvoices.pdf import INVOICE_NAMES, READ_ERRORS, TookTooLongError, attached_files, within

_OPENED_WITHIN_S, _READ_WITHIN_S, _UNDERSTOOD_WITHIN_S = 0.6, 0.8, 0.4
_MOST_PAGES, _LAST_PAGES = 20, 5
_MOST_CHARACTERS = 200_000


def read_document(content: bytes) -> bytes:
    """Return, as JSON, what a PDF's text says. Raises LockedPdf, BrokenPdf, ElectronicInvoiceInside."""
    try:
        with within(_OPENED_WITHIN_S):
            pages = open_pages(content, is_plain=True)
    except TookTooLongError:
        raise BrokenPdf(reason=f"it is not opened within {_OPENED_WITHIN_S} s") from None
    except READ_ERRORS as error:
        raise BrokenPdf(reason=f"{type(error).__name__}: {error}"[:200]) from error
    return msgspec.json.encode(read_texts(pages))


def open_pages(content: bytes, *, is_plain: bool = False) -> list[PageObject]:
    """Return a PDF's pages. Raises LockedPdf, what pypdf raises, and ElectronicInvoiceInside where it has to be plain."""
    reader = PdfReader(BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(""):
        raise LockedPdf
    for name, _ in attached_files(reader) if is_plain else ():
        if name.lower() in INVOICE_NAMES:
            raise ElectronicInvoiceInside(attachment=name)
    return list(reader.pages)


def read_texts(pages: list[PageObject], *, patience: float = 1.0) -> Reading:
    """Read page after page as long as there is processor time, `patience` times the usual; what was read is told by its number."""
    texts = [""] * len(pages)
    deadline = time.process_time() + patience * _READ_WITHIN_S
    done = 0
    for index in _most_telling(len(pages)):
        if (left := deadline - time.process_time()) <= 0 or sum(map(len, texts)) > _MOST_CHARACTERS:
            break
        try:
            with within(left):
                texts[index] = _text_of(pages[index])
        except (TookTooLongError, *READ_ERRORS):
            break
        done += 1
    try:
        with within(patience * _UNDERSTOOD_WITHIN_S):
            return read_pages(texts, done)
    except TookTooLongError:  # made to hurt: a person reads it
        return Reading(pages=len(pages), pages_read=0, has_text=True)


def _most_telling(count: int) -> list[int]:
    """Return which pages to read: all, or of many the first ones and the last ones, where sums stand."""
    return (
        list(range(count))
        if count <= _MOST_PAGES
        else [*range(_MOST_PAGES - _LAST_PAGES), *range(count - _LAST_PAGES, count)]
    )


def _text_of(page: PageObject) -> str:
    """Return what a page says, free of half characters: a font may claim any, and no answer could carry them."""
    text = page.extract_text(extraction_mode="layout")[:_MOST_CHARACTERS]
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
