"""Renderings over HTTP: what is on file and what is not, both formats, both languages, and what is refused."""

from io import BytesIO

import httpx
from pypdf import PdfReader

from tests.billing.einvoices.samples import INVOICE
from tests.billing.intake.electronic import IBAN, electronic, taken_in
from tests.billing.test_invoices import register
from tests.fixtures.services import Harness


async def get_rendering(
    billing: Harness, tenant: str, invoice_id: str, query: str = "", **headers: str
) -> httpx.Response:
    async with billing.client(tenant, **headers) as client:
        return await client.get(f"/billing/invoices/{invoice_id}/rendering{query}")


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).replace("\u200b", "")


async def test_an_electronic_invoice_is_shown_with_its_standing_and_its_original(billing: Harness, tenant: str) -> None:
    invoice = await taken_in(billing, tenant, electronic("R-1", net="1234.50", account=IBAN))
    answer = await get_rendering(billing, tenant, invoice["id"], **{"Accept-Language": "es"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-language"] == "es"
    page = answer.text
    for said in ("Factura", "R-1", "1.234,50", "1.493,74 EUR", IBAN, "Registrada", "Válida", "El documento legal es"):
        assert said in page
    assert invoice["electronic"]["sha256"] in page
    assert f"{invoice['id']}.xml" in page


async def test_the_same_as_pdf_says_the_same(billing: Harness, tenant: str) -> None:
    invoice = await taken_in(billing, tenant, electronic("R-2", net="1234.50", account=IBAN))
    answer = await get_rendering(billing, tenant, invoice["id"], "?format=pdf&language=en")
    assert answer.headers["content-type"] == "application/pdf"
    said = text_of(answer.content)
    for expected in (
        "Invoice",
        "R-2",
        "1,234.50",
        "1,493.74 EUR",
        IBAN,
        "Page 1 of 1",
        invoice["electronic"]["sha256"],
    ):
        assert expected in said


async def test_a_keyed_invoice_is_shown_from_what_was_keyed(billing: Harness, tenant: str) -> None:
    invoice_id = await register(billing, tenant, "R-3")
    answer = await get_rendering(billing, tenant, invoice_id)
    assert "there is no electronic original" in answer.text
    assert "R-3" in answer.text


async def test_a_file_is_shown_without_being_put_on_file(billing: Harness, tenant: str) -> None:
    async with billing.client(tenant) as client:
        answer = await client.post("/billing/renderings?format=html", content=INVOICE)
        listed = (await client.get("/billing/invoices")).json()["items"]
    assert answer.status_code == 200
    assert "Not on file" in answer.text
    assert listed == []
