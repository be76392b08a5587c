"""The electronic invoice inside a hybrid PDF (Factur-X, ZUGFeRD, XRechnung in PDF)."""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from types import FrameType

from pypdf import PdfReader
from pypdf.errors import PyPdfError
from pypdf.generic import DictionaryObject, EmbeddedFile

from services.billing.einvoices.errors import BrokenPdf, LockedPdf, PdfWithoutInvoice, SeveralInvoices

# Factur-X 1.x and ZUGFeRD 2.x, ZUGFeRD 2.0 and 1.0, XRechnung. The first that is there counts.
INVOICE_NAMES = ("factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml")
_WITHIN_S, _AGAIN_S = 1.5, 0.05
READ_ERRORS = (
    PyPdfError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError, MemoryError,
    NotImplementedError, OSError, ArithmeticError, AssertionError,
)  # fmt: skip
# What pypdf raises for files that are cut off or made to hurt: its own errors, and those of Python as it trips over them.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it would log every fault of every file it repairs


class TookTooLongError(Exception):
    pass


def extract_invoice(content: bytes) -> tuple[str, bytes]:
    """Return the name and content of the invoice attached to a PDF.

    Raises LockedPdf, BrokenPdf, PdfWithoutInvoice, SeveralInvoices.
    """
    try:
        with within(_WITHIN_S):
            return _extract(content)
    except TookTooLongError:
        raise BrokenPdf(reason=f"it is not read within {_WITHIN_S} s") from None
    except READ_ERRORS as error:
        raise BrokenPdf(reason=f"{type(error).__name__}: {error}"[:200]) from error


def _extract(content: bytes) -> tuple[str, bytes]:
    reader = PdfReader(BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(""):
        raise LockedPdf
    attached = list(attached_files(reader))
    for wanted in INVOICE_NAMES:
        found = {bytes(file.content): name for name, file in attached if name.lower() == wanted}
        if len(found) > 1:  # whoever opens the PDF may see the other one
            raise SeveralInvoices(count=len(found))
        for invoice, name in found.items():
            return name, invoice
    raise PdfWithoutInvoice(attachments=", ".join(sorted({name for name, _ in attached}))[:200] or "-")


def attached_files(reader: PdfReader) -> Iterator[tuple[str, EmbeddedFile]]:
    """Yield the files in a PDF, also those that are only associated with it; by key or shown name, whichever is an invoice's."""
    associated = reader.root_object.get("/AF")
    entries = [] if associated is None else associated.get_object()
    files = (entry.get_object() for entry in (entries if isinstance(entries, list) else ()))
    more = (EmbeddedFile(name="-", pdf_object=each) for each in files if isinstance(each, DictionaryObject))
    for file in (*reader.attachment_list, *more):
        names = [str(each) for each in (file.alternative_name, file.name) if isinstance(each, str)]  # not pypdf's texts
        yield next((name for name in names if name.lower() in INVOICE_NAMES), names[0] if names else "-"), file


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Break off what takes longer, by this process's own time: on a busy machine a good file is as good as ever.

    Only for the main thread of a process of its own. The alarm comes again until it is heard: one that goes off in a
    callback of the interpreter's is lost. One that goes off just as all is done does not stay behind.
    """

    def break_off(_number: int, _frame: FrameType | None) -> None:
        raise TookTooLongError

    before = signal.signal(signal.SIGPROF, break_off)
    signal.setitimer(signal.ITIMER_PROF, seconds, _AGAIN_S)
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
