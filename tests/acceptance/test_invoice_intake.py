"""Invoices that nobody here wrote get on file, each once, whatever format it comes in; their figures are the document's."""

from collections import Counter
from decimal import Decimal

from tests.billing.intake.electronic import get, objects, rows, send
from tests.fixtures.einvoices import EINVOICES, whole_documents
from tests.fixtures.known_logs import require
from tests.fixtures.services import Harness, problem
from tests.fixtures.workers import Tell

_SAME = EINVOICES / "zugferd" / "XML-Rechnung"
_REFUSALS = {"duplicate-invoice", "unusable-invoice", "unread-invoice", "pdf-without-invoice"}


async def test_whole_invoices_get_on_file_or_are_told_why_not(billing: Harness, tenant: str, tell: Tell) -> None:
    files = [*whole_documents("xrechnung"), *whole_documents("zugferd"), *whole_documents("zugferd", ".pdf")]
    require(files, "whole electronic invoices")
    came_of_it: Counter[str] = Counter()
    for file in files:
        answer = await send(billing, tenant, file.read_bytes())
        if answer.status_code != 201:
            assert problem(answer)["code"] in _REFUSALS, (file, answer.text)
            came_of_it[problem(answer)["code"]] += 1
            continue
        invoice = answer.json()
        told = invoice["electronic"]["canonical"]["totals"]
        assert Decimal(invoice["totals"]["gross"]) == Decimal(told["with_vat"]), file
        original = await get(billing, tenant, invoice["electronic"]["original"])
        assert original.content == file.read_bytes(), file
        came_of_it[f"on file, {invoice['electronic']['verdict']}"] += 1
    on_file = await rows(billing, tenant, "supplier_invoice")
    assert len(on_file) == len(await objects(billing, tenant)) == len(await billing.events(tenant))
    tell(f"{len(files)} invoices: {dict(came_of_it)}")


async def test_three_formats_of_one_invoice_are_one_invoice(billing: Harness, tenant: str) -> None:
    pairs = [
        (pdf, _SAME / "UBL" / f"{pdf.stem}.ubl.xml", _SAME / "CII" / f"{pdf.stem}.cii.xml")
        for pdf in sorted((_SAME / "FX").glob("*.pdf"))
    ]
    triples = [triple for triple in pairs if all(file.exists() for file in triple)]
    require(triples, "invoices in three formats")
    for triple in triples:
        owner = f"{tenant}-{triple[0].stem[:40].lower().replace('_', '-')}"
        answers = [await send(billing, owner, file.read_bytes()) for file in triple]
        assert [answer.status_code for answer in answers] == [201, 409, 409], (triple[0].name, answers[0].text[:300])
        assert {problem(answer)["existing_id"] for answer in answers[1:]} == {answers[0].json()["id"]}
