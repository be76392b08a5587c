"""Invoices that nobody here wrote are shown in full, whatever format they come in."""

import pytest
from lxml import etree

from services.billing.einvoices.binding import UnreadableError
from services.billing.einvoices.canonical import canonical_json
from services.billing.einvoices.door import admit
from services.billing.einvoices.judge import READERS
from services.billing.einvoices.limits import Limits
from services.billing.rendering.characters import show_unseen
from shared.errors import DomainError
from tests.billing.rendering.reading import closely, drawn, said, text_of_html, text_of_pages
from tests.fixtures.einvoices import whole_documents
from tests.fixtures.known_logs import require

_FOLDERS = ("xrechnung", "zugferd", "en16931/ubl", "en16931/cii", "en16931/test/testfiles")
_ON_PAPER = 10  # every so many as PDF, too, which takes longer to read back than to draw


def test_all_that_whole_invoices_say_is_on_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    files = [file for folder in _FOLDERS for ending in (".xml", ".pdf") for file in whole_documents(folder, ending)]
    require(files, "whole electronic invoices")
    pages, papers, unread = 0, 0, 0
    for number, file in enumerate(files):
        try:
            sealed = admit(file.read_bytes(), Limits())
            invoice = READERS[sealed.format](sealed.root)
            canonical_json(invoice)
        except (DomainError, UnreadableError, etree.LxmlError):
            unread += 1
            continue
        for language in ("en", "es"):
            shown = text_of_html(drawn(invoice, "html", language))
            missing = [value for value in said(invoice, language) if show_unseen(value) not in shown]
            assert missing == [], file
        pages += 1
        if number % _ON_PAPER == 0:
            shown = text_of_pages(drawn(invoice, "pdf", "es"))
            assert [value for value in said(invoice, "es") if closely(value) not in shown] == [], file
            papers += 1
    with capsys.disabled():
        print(f"\n{len(files)} invoices: {pages} shown, {papers} also on paper, {unread} not read")  # noqa: T201 - the run tells what it counted
    assert unread < len(files) // 10
