"""What strangers send: refused with a reason, quickly, and without taking the memory or the service along."""

import os
import time
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, NameObject, StreamObject, TextStringObject

from services.billing.answering import resident_bytes
from services.billing.drafts.reader import open_pages
from services.billing.einvoices.door import admit
from services.billing.einvoices.errors import DoctypeRefused, ElectronicInvoiceInside, SeveralInvoices
from services.billing.einvoices.judge import Judge
from services.billing.einvoices.limits import Limits
from services.billing.einvoices.pdf import extract_invoice
from shared.errors import DomainError
from tests.billing.einvoices.samples import INVOICE, invoice_xml
from tests.fixtures.services import Harness, problem

PATH = "/billing/validations"
WITHIN_S = 2.0
LAUGHS = (
    '<!DOCTYPE l [<!ENTITY l0 "ha">' + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12)) + "]>"
)


def pdf(*, password: str | None = None, attached: dict[str, bytes] | None = None) -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(72, 72)
    for name, content in (attached or {}).items():
        writer.add_attachment(name, content)
    if password is not None:
        writer.encrypt(password, algorithm="RC4-128")
    into = BytesIO()
    writer.write(into)
    return into.getvalue()


def deep(levels: int) -> bytes:
    root, end = INVOICE.decode().split("<cac:InvoiceLine>")[0], "</Invoice>"
    return f"{root}{'<cac:SubInvoiceLine>' * levels}{'</cac:SubInvoiceLine>' * levels}{end}".encode()


def attachment(size: int) -> bytes:
    extra = (
        f'<cbc:EmbeddedDocumentBinaryObject mimeCode="application/pdf">{"A" * size}</cbc:EmbeddedDocumentBinaryObject>'
    )
    return INVOICE.replace(b"</Invoice>", extra.encode() + b"</Invoice>")


def many_rates(times: int) -> bytes:
    text = INVOICE.decode()
    for part in ("cac:InvoiceLine", "cac:TaxSubtotal"):
        whole = text[text.index(f"<{part}>") : text.index(f"</{part}>")] + f"</{part}>"
        text = text.replace(whole, whole * times)
    return text.encode()


def hostile_xml() -> Iterator[tuple[str, bytes, int, str]]:
    file = Path(__file__).as_uri()
    yield "entity bomb", invoice_xml(before=LAUGHS), 422, "doctype-refused"
    yield "external entity", invoice_xml(before=f'<!DOCTYPE a [<!ENTITY x SYSTEM "{file}">]>'), 422, "doctype-refused"
    yield "external DTD", invoice_xml(before='<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">'), 422, "doctype-refused"
    yield (
        "parameter entity",
        invoice_xml(before=f'<!DOCTYPE a [<!ENTITY % x SYSTEM "{file}"> %x;]>'),
        422,
        "doctype-refused",
    )
    behind = "<!-- a > b --><?pi ?>  \n <!doctype a>"
    yield "DOCTYPE behind a comment", invoice_xml(before=behind), 422, "doctype-refused"
    in_utf_16 = b"\xff\xfe" + invoice_xml(before=LAUGHS).decode().encode("utf-16-le")
    yield "entity bomb in UTF-16", in_utf_16, 422, "doctype-refused"
    yield "65 levels", deep(70), 422, "too-much-structure"
    yield "100,000 levels", deep(100_000), 422, "too-much-structure"
    yield (
        "a million elements",
        INVOICE.replace(b"</Invoice>", b"<a/>" * 1_000_001 + b"</Invoice>"),
        422,
        "too-much-structure",
    )
    yield (
        "a million attributes",
        b"<a " + b" ".join(b'a%d=""' % n for n in range(1_000_000)) + b"/>",
        422,
        "too-much-structure",
    )
    yield "an attachment of 7.3 MB", attachment(9_800_000), 422, "too-much-structure"
    yield "a text of 15 MB", attachment(15_000_000), 422, "too-much-structure"
    yield (
        "150 attachments",
        INVOICE.replace(b"</Invoice>", b"<AttachmentBinaryObject/>" * 150 + b"</Invoice>"),
        422,
        "too-much-structure",
    )
    yield "50 MB", b"<a>" + b" " * 50_000_000 + b"</a>", 413, "body-too-large"
    yield "an undeclared entity", INVOICE.replace(b"Advice", b"&nbsp;"), 422, "malformed-xml"
    yield (
        "another encoding than declared",
        INVOICE.replace(b"Advice", "Consultoría".encode("latin-1")),
        422,
        "encoding-refused",
    )
    yield "UTF-7", b"<?xml version='1.0' encoding='utf-7'?><a/>", 422, "encoding-refused"
    yield "a null", INVOICE.replace(b"Advice", b"a\0b"), 422, "malformed-xml"


def costly_xml() -> Iterator[tuple[str, bytes, int, str]]:
    """Yield what is small, and would cost a validator the square of it."""
    yield "1,500 lines and VAT rates", many_rates(1_500), 422, "too-much-structure"
    for name, one in (("namespaces", '<a xmlns="u{0}"/>'), ("prefixes", "<a xmlns:p{0} = 'u'/>")):
        many = "".join(one.format(number) for number in range(100_000)).encode()
        yield f"100,000 {name}", INVOICE.replace(b"</Invoice>", many + b"</Invoice>"), 422, "too-much-structure"


def hostile_pdf() -> Iterator[tuple[str, bytes, int, str]]:
    yield "PDF without XML", pdf(), 422, "pdf-without-invoice"
    yield "PDF with another XML", pdf(attached={"notes.xml": b"<a/>"}), 422, "pdf-without-invoice"
    yield "locked PDF", pdf(password="secret", attached={"factur-x.xml": INVOICE}), 422, "locked-pdf"
    yield "half a PDF", pdf(attached={"factur-x.xml": INVOICE})[:500], 422, "broken-pdf"
    yield "PDF with a bomb in it", pdf(attached={"factur-x.xml": invoice_xml(before=LAUGHS)}), 422, "doctype-refused"
    yield "PDF with broken XML", pdf(attached={"factur-x.xml": b"<Invoice"}), 422, "malformed-xml"
    yield "PDF of noise", b"%PDF-1.7\n" + os.urandom(2_000_000), 422, "broken-pdf"


HOSTILE = [*hostile_xml(), *costly_xml(), *hostile_pdf()]


@pytest.mark.parametrize(
    ("content", "status", "code"), [each[1:] for each in HOSTILE], ids=[each[0] for each in HOSTILE]
)
async def test_it_is_refused_in_time_and_the_service_lives(
    billing: Harness, tenant: str, content: bytes, status: int, code: str
) -> None:
    async with billing.client(tenant) as client:
        assert (await client.post(PATH, content=INVOICE)).json()["verdict"] == "valid"
        began = time.perf_counter()
        answer = await client.post(PATH, content=content)
        took = time.perf_counter() - began
        assert (answer.status_code, problem(answer)["code"]) == (status, code)
        assert took < WITHIN_S
        assert (await client.post(PATH, content=INVOICE)).json()["verdict"] == "valid"


def test_memory_stays_flat(judge: Judge) -> None:
    def send_all() -> None:
        for _, content, status, _ in HOSTILE:
            if status == 422:
                with pytest.raises(DomainError):
                    judge.judge(content)

    send_all()
    before = resident_bytes()
    send_all()
    assert resident_bytes() - before < 200_000_000


def test_a_bomb_in_a_pdf_is_cut_off() -> None:
    writer = PdfWriter()
    writer.add_blank_page(72, 72)
    packed = StreamObject()
    packed._data = zlib.compress(b"\0" * 200_000_000, 9)
    packed[NameObject("/Filter")] = NameObject("/FlateDecode")
    attached: Any = writer.add_attachment("factur-x.xml", b"").pdf_object
    attached["/EF"][NameObject("/F")] = writer._add_object(packed)
    into = BytesIO()
    writer.write(into)
    assert len(into.getvalue()) < 1_000_000
    before, began = resident_bytes(), time.perf_counter()
    with pytest.raises(DomainError):
        admit(into.getvalue(), Limits())
    assert time.perf_counter() - began < WITHIN_S
    assert resident_bytes() - before < 200_000_000


def test_what_only_looks_like_a_doctype_is_let_in() -> None:
    assert admit(invoice_xml(before="<!-- <!DOCTYPE a> -->"), Limits()).format == "ubl-invoice"
    held = INVOICE.replace(b"Advice", b"<![CDATA[<!DOCTYPE a>]]>")
    assert admit(held, Limits()).format == "ubl-invoice"
    with pytest.raises(DoctypeRefused):
        admit(invoice_xml(before="<!DOCTYPE Invoice>"), Limits())


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "windows-1252", "utf-16"])
def test_each_usual_encoding_says_the_same(encoding: str) -> None:
    text = INVOICE.decode().replace("Advice", "Asesoría").replace('encoding="UTF-8"', f'encoding="{encoding}"')
    assert "Asesoría" in admit(text.encode(encoding), Limits()).text


def test_many_lines_of_several_rates_are_no_harm() -> None:
    text = many_rates(30).decode()
    line = text[text.index("<cac:InvoiceLine>") : text.rindex("</cac:InvoiceLine>")] + "</cac:InvoiceLine>"
    assert admit(text.replace(line, line * 200).encode(), Limits()).format == "ubl-invoice"  # 6,000 lines


def test_a_namespace_may_be_declared_by_every_element() -> None:
    element = (
        b'<ext:ExtensionContent xmlns:ext="urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2"/>'
    )
    assert admit(INVOICE.replace(b"</Invoice>", element * 2_000 + b"</Invoice>"), Limits()).format == "ubl-invoice"


def test_schema_hints_are_dropped() -> None:
    hint = b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:a file:///etc/hosts" '
    assert "schemaLocation" not in admit(INVOICE.replace(b"<Invoice ", b"<Invoice " + hint), Limits()).text


def test_the_invoice_of_a_hybrid_pdf_is_taken_out_as_it_is() -> None:
    assert extract_invoice(pdf(attached={"a.txt": b"hello", "Factur-X.xml": INVOICE})) == ("Factur-X.xml", INVOICE)
    assert extract_invoice(pdf(password="", attached={"xrechnung.xml": INVOICE}))[1] == INVOICE


def as_it_comes(writer: PdfWriter) -> None:
    assert writer


def by_another_key(writer: PdfWriter) -> None:
    writer.root_object["/Names"]["/EmbeddedFiles"]["/Names"][0] = TextStringObject("Anlage 1")  # type: ignore[index] # pypdf says of no object that it holds others


def only_associated(writer: PdfWriter) -> None:
    files = writer.root_object.pop("/Names")["/EmbeddedFiles"]["/Names"]
    writer.root_object[NameObject("/AF")] = ArrayObject([files[1]])


@pytest.mark.parametrize("kept", [as_it_comes, by_another_key, only_associated])
def test_the_invoice_is_found_however_a_pdf_keeps_it(kept: Callable[[PdfWriter], None]) -> None:
    writer, into = PdfWriter(), BytesIO()
    writer.add_blank_page(72, 72)
    writer.add_attachment("factur-x.xml", INVOICE)
    kept(writer)
    writer.write(into)
    assert extract_invoice(into.getvalue()) == ("factur-x.xml", INVOICE)
    with pytest.raises(ElectronicInvoiceInside):
        open_pages(into.getvalue(), is_plain=True)


def test_a_pdf_with_two_invoices_of_one_name_is_refused() -> None:
    other = INVOICE.replace(b"2026-17", b"2026-18")
    with pytest.raises(SeveralInvoices):
        extract_invoice(pdf(attached={"factur-x.xml": INVOICE, "Factur-X.xml": other}))
    twice = {"factur-x.xml": INVOICE, "Factur-X.xml": INVOICE}
    assert extract_invoice(pdf(attached=twice))[1] == INVOICE


def test_a_comment_or_an_instruction_does_not_cut_a_value_short(judge: Judge) -> None:
    for inside in (b"<!-- -->", b"<?a b?>", b"<![CDATA[]]>"):
        content = INVOICE.replace(b">121.00<", b">12" + inside + b"1.00<")
        assert content != INVOICE
        assert admit(content, Limits()).text == admit(INVOICE, Limits()).text
        assert judge.judge(content).verdict == "valid"
