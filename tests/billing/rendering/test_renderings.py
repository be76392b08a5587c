"""Renderings over HTTP: what is on file and what is not, both formats, both languages, and what is refused."""

import base64
import hashlib
from collections.abc import Callable

import httpx
import pytest
from lxml import etree

from services.billing.einvoices.cii import read_cii, write_cii
from services.billing.einvoices.model import Invoice
from services.billing.einvoices.ubl import read_ubl, write_ubl
from services.billing.rendering.messages import Order
from services.billing.rendering.pool import Renderers
from shared.ids import uuid7
from tests.billing.drafts.sending import change, plain, received
from tests.billing.drafts.sending import step as settle
from tests.billing.einvoices.facturae_samples import facturae_xml
from tests.billing.einvoices.samples import INVOICE, invoice_xml
from tests.billing.einvoices.test_door import pdf
from tests.billing.intake.electronic import IBAN, electronic, taken_in
from tests.billing.rendering.reading import closely, drawn, text_of_html, text_of_pdf
from tests.billing.test_invoices import register, step
from tests.fixtures.services import Harness, problem


async def get_rendering(
    billing: Harness, tenant: str, invoice_id: str, query: str = "", **headers: str
) -> httpx.Response:
    async with billing.client(tenant, **headers) as client:
        return await client.get(f"/billing/invoices/{invoice_id}/rendering{query}")


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
    said = text_of_pdf(answer.content)
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


@pytest.mark.parametrize("form", ["html", "pdf"])
async def test_an_invoice_registered_from_a_document_is_shown_with_its_file(
    billing: Harness, tenant: str, form: str
) -> None:
    draft = await received(billing, tenant, plain())
    await change(billing, tenant, draft, supplier_name="Papelería Sol SL")
    assert (await settle(billing, tenant, draft["id"], "registration")).status_code == 201
    answer = await get_rendering(billing, tenant, draft["id"], f"?format={form}")
    assert answer.status_code == 200, answer.text
    shown = text_of_html(answer.content) if form == "html" else text_of_pdf(answer.content)
    for said in ("F-2026/17", "121.00 EUR", draft["sha256"], f"{draft['id']}.pdf", "registered from a document"):
        assert closely(said) in closely(shown)


async def test_a_file_is_shown_without_being_put_on_file(billing: Harness, tenant: str) -> None:
    async with billing.client(tenant) as client:
        answer = await client.post("/billing/renderings?format=html", content=INVOICE)
        listed = (await client.get("/billing/invoices")).json()["items"]
    assert answer.status_code == 200
    assert "Not on file" in answer.text
    assert listed == []


async def test_files_that_wait_to_be_drawn_keep_no_place_among_those_that_are_judged(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = billing.app.state.validators
    seen: list[int] = []
    draw = Renderers.draw

    async def draw_and_look(renderers: Renderers, order: Order) -> bytes:
        seen.append(places._waiting)
        return await draw(renderers, order)

    monkeypatch.setattr(Renderers, "draw", draw_and_look)
    async with billing.client(tenant) as client:
        answer = await client.post("/billing/renderings", content=INVOICE)
    assert (answer.status_code, seen) == (200, [0])


async def test_what_is_held_and_not_valid_says_so_in_the_callers_language(billing: Harness, tenant: str) -> None:
    invoice = await taken_in(billing, tenant, invoice_xml(payable="999.00"))
    spanish = (await get_rendering(billing, tenant, invoice["id"], "?language=es", **{"Accept-Language": "en"})).text
    english = (await get_rendering(billing, tenant, invoice["id"], **{"Accept-Language": "en"})).text
    assert "No válida: " in spanish
    assert "BR-CO-16" in spanish
    assert invoice["holds"][0]["text"] in english
    assert "The document breaks rules" not in spanish
    assert "999.00" in english


async def test_a_step_changes_the_page_and_its_etag_and_nothing_else_does(billing: Harness, tenant: str) -> None:
    invoice_id = await register(billing, tenant, "R-7")
    first = await get_rendering(billing, tenant, invoice_id)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["vary"] == "Accept, Accept-Language"
    again = await get_rendering(billing, tenant, invoice_id, **{"If-None-Match": f'"x", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await get_rendering(billing, tenant, invoice_id)).content == first.content
    for other in ("?language=es", "?format=pdf"):
        assert (await get_rendering(billing, tenant, invoice_id, other)).headers["etag"] != tag
    assert (await step(billing, tenant, "operator", f"{invoice_id}/validation")).status_code == 204
    changed = await get_rendering(billing, tenant, invoice_id, **{"If-None-Match": tag})
    assert changed.status_code == 200
    assert "Validated" in changed.text


@pytest.mark.parametrize(("form", "sandboxed"), [("html", True), ("pdf", False)])
async def test_browsers_are_to_run_and_fetch_nothing(billing: Harness, tenant: str, form: str, sandboxed: bool) -> None:
    answer = await get_rendering(billing, tenant, await register(billing, tenant), f"?format={form}")
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert ("default-src 'none'" in policy and "sandbox" in policy) == sandboxed
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("inline; filename=")


async def test_the_style_is_the_one_that_the_policy_names(billing: Harness, tenant: str) -> None:
    answer = await get_rendering(billing, tenant, await register(billing, tenant))
    style = answer.text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer.headers["content-security-policy"]
    assert "url(" not in style
    assert "@import" not in style


async def test_the_format_is_negotiated_and_what_is_asked_for_counts_more(billing: Harness, tenant: str) -> None:
    invoice_id = await register(billing, tenant)
    as_pdf = await get_rendering(billing, tenant, invoice_id, Accept="application/pdf")
    assert as_pdf.content.startswith(b"%PDF-")
    as_html = await get_rendering(billing, tenant, invoice_id, "?format=html", Accept="application/pdf")
    assert as_html.text.startswith("<!doctype html>")
    neither = await get_rendering(billing, tenant, invoice_id, Accept="application/json")
    assert (neither.status_code, problem(neither)["code"]) == (406, "no-such-format")
    assert "format=html" in problem(neither)["hint"]
    for query in ("?format=docx", "?language=fr"):
        assert problem(await get_rendering(billing, tenant, invoice_id, query))["code"] == "invalid-input"


async def test_another_tenants_invoice_is_not_found(billing: Harness, tenant: str, other_tenant: str) -> None:
    invoice_id = await register(billing, tenant)
    assert problem(await get_rendering(billing, other_tenant, invoice_id))["code"] == "not-found"
    assert problem(await get_rendering(billing, tenant, str(uuid7())))["code"] == "not-found"


async def test_scopes_are_asked_for(billing: Harness, tenant: str) -> None:
    async with billing.client(tenant, role="viewer") as client:
        answer = await client.post("/billing/renderings", content=INVOICE)
    assert problem(answer)["scope"] == "billing.validations:write"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"hello", "not-an-invoice-file"),
        (b"<!DOCTYPE a><a/>", "doctype-refused"),
        (b"<html/>", "unknown-invoice-format"),
        (INVOICE.replace(b">21<", b">twenty-one<"), "unread-invoice"),
    ],
)
async def test_a_file_passes_the_same_door(billing: Harness, tenant: str, content: bytes, code: str) -> None:
    async with billing.client(tenant) as client:
        assert problem(await client.post("/billing/renderings", content=content))["code"] == code


@pytest.mark.parametrize("write", [write_ubl, write_cii])
async def test_the_same_invoice_is_the_same_page_whatever_syntax_said_it(
    billing: Harness, tenant: str, write: Callable[[Invoice], bytes]
) -> None:
    content = electronic("R-9", write=write)
    async with billing.client(tenant) as client:
        answer = await client.post("/billing/renderings?language=es", content=content)
    assert answer.headers["cache-control"] == "no-store"
    page = closely(text_of_html(answer.content)).partition("Vendedor")[2].partition("Original")[0]
    assert page == closely(text_of_html(drawn(invoice_of(content), "html", "es"))).partition("Vendedor")[2]


def invoice_of(content: bytes) -> Invoice:
    root = etree.fromstring(content)
    return read_ubl(root) if root.tag.endswith("}Invoice") else read_cii(root)


@pytest.mark.parametrize("version", ["3.2", "3.2.1", "3.2.2"])
async def test_facturae_is_shown_with_what_only_it_says(billing: Harness, tenant: str, version: str) -> None:
    async with billing.client(tenant) as client:
        answer = await client.post("/billing/renderings?language=es", content=facturae_xml(version=version))
    assert answer.status_code == 200, answer.text
    assert "Faro Consultores SL" in answer.text
    assert f"facturae-{version}" in answer.text


async def test_a_hybrid_pdf_names_the_invoice_inside(billing: Harness, tenant: str) -> None:
    async with billing.client(tenant) as client:
        answer = await client.post("/billing/renderings", content=pdf(attached={"factur-x.xml": INVOICE}))
    assert "factur-x.xml" in answer.text


async def test_what_was_a_plain_document_is_shown_as_a_person_completed_it(billing: Harness, tenant: str) -> None:
    draft = await received(billing, tenant, plain("D-7"))
    assert (await change(billing, tenant, draft, supplier_name="Papelería Sol SL")).status_code == 200
    invoice = (await settle(billing, tenant, draft["id"], "registration")).json()
    answer = await get_rendering(billing, tenant, invoice["id"], "?language=en")
    assert answer.status_code == 200, answer.text
    for said in ("D-7", "121.00 EUR", "completed by a person", draft["sha256"], f"{invoice['id']}.pdf"):
        assert said in answer.text


async def test_a_rejected_invoice_is_shown_as_held_for_nothing(billing: Harness, tenant: str) -> None:
    await taken_in(billing, tenant, electronic("R-0042"))
    held = await taken_in(billing, tenant, electronic("R-042"))
    text = held["holds"][0]["text"]
    assert text in (await get_rendering(billing, tenant, held["id"])).text
    rejected = await step(billing, tenant, "manager", f"{held['id']}/rejection", {"reason": "The same again"})
    assert rejected.status_code == 204
    assert text not in (await get_rendering(billing, tenant, held["id"])).text
