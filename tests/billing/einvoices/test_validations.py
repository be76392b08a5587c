"""Validation over HTTP: verdicts, refusals, languages, and what a validator's death means."""

import pytest

from services.billing.einvoices.errors import AT_THE_DOOR
from tests.billing.einvoices.samples import INVOICE, invoice_xml
from tests.billing.einvoices.test_door import pdf
from tests.fixtures.services import Harness, problem

PATH = "/billing/validations"


async def test_a_sound_invoice_is_valid_by_rule_sets_that_are_named(billing: Harness, tenant: str) -> None:
    async with billing.client(tenant) as client:
        answer = await client.post(PATH, content=INVOICE, headers={"Content-Type": "application/xml"})
    report = answer.json()
    assert answer.status_code == 200
    assert (report["verdict"], report["format"]) == ("valid", "ubl-invoice"), report["findings"]
    assert {rules["id"] for rules in report["rule_sets"]} >= {"ubl-xsd", "en16931-ubl"}
    assert all(rules["applied"] for rules in report["rule_sets"])
    assert len(report["rule_sets"][1]["sha256"]) == 64


async def test_a_hybrid_pdf_is_judged_by_the_invoice_attached_to_it(billing: Harness, tenant: str) -> None:
    hybrid = pdf(attached={"factur-x.xml": INVOICE})
    async with billing.client(tenant) as client:
        report = (await client.post(PATH, content=hybrid, headers={"Content-Type": "application/pdf"})).json()
    assert (report["verdict"], report["attachment"]) == ("valid", "factur-x.xml"), report["rule_sets"]


async def test_a_finding_names_rule_place_and_terms(billing: Harness, tenant: str) -> None:
    broken = invoice_xml(payable="999.00")
    async with billing.client(tenant, **{"Accept-Language": "es"}) as client:
        answer = await client.post(PATH, content=broken)
    report = answer.json()
    assert report["verdict"] == "invalid"
    finding = next(each for each in report["findings"] if each["rule"] == "BR-CO-16")
    assert finding["severity"] == "fatal"
    assert finding["location"] == "/Invoice[1]/cac:LegalMonetaryTotal[1]"
    assert "BT-115" in finding["terms"]
    assert answer.headers["content-language"] == "es"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not-an-invoice-file"),
        (b"hello", "not-an-invoice-file"),
        (b"\xff\xd8\xff\xe0 a photo", "not-an-invoice-file"),
        (b"<Invoice", "malformed-xml"),
        (b"<html/>", "unknown-invoice-format"),
        (b"<!DOCTYPE a><a/>", "doctype-refused"),
        (b"%PDF-1.7 and nothing more", "broken-pdf"),
        (b"<?xml version='1.0' encoding='utf-8'?><a>\xe9</a>", "encoding-refused"),
        (b"<?xml version='1.0' encoding='cp037'?><a/>", "encoding-refused"),
    ],
)
async def test_what_is_no_invoice_is_refused(billing: Harness, tenant: str, content: bytes, code: str) -> None:
    async with billing.client(tenant) as client:
        answer = await client.post(PATH, content=content)
    assert problem(answer)["code"] == code
    assert code in AT_THE_DOOR


async def test_validating_needs_its_scope(billing: Harness, tenant: str) -> None:
    async with billing.client(tenant, role="viewer") as client:
        answer = await client.post(PATH, content=INVOICE)
    assert problem(answer)["scope"] == "billing.validations:write"
