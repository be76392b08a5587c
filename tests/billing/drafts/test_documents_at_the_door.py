"""PDFs from strangers: read in a process that may be lost, refused with a hint, or kept and never run."""

import asyncio
import time
import zlib
from io import BytesIO

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject, StreamObject, TextStringObject

from deploy.standalone.issuer import DevelopmentIssuer
from deploy.standalone.seaweed import ObjectStoreAccess
from services.billing import processes
from services.billing.einvoices.cii import write_cii
from services.billing.intake.originals import sweep
from shared.storage import StoreUnavailableError
from tests.billing.drafts.printing import Words, print_pdf
from tests.billing.drafts.sending import PATH, plain, received, send
from tests.billing.einvoices.samples import INVOICE
from tests.billing.einvoices.test_door import pdf
from tests.billing.intake.electronic import electronic, get, objects, rows, taken_in
from tests.billing.intake.electronic import send as send_electronic
from tests.billing.intake.test_originals import FailingStore, age, failing
from tests.fixtures.services import Harness, problem, running

__all__ = ["failing"]
WITHIN_S = 15.0  # it is to be below 2; a busy machine takes longer, but no process has to be killed, which is at 20


def with_stream(content: bytes, *, packed: bool = False) -> bytes:
    """Return a PDF of one page with this content."""
    writer = PdfWriter()
    page = writer.add_blank_page(595, 842)
    stream: StreamObject = StreamObject() if packed else DecodedStreamObject()
    stream._data = content
    if packed:
        stream[NameObject("/Filter")] = NameObject("/FlateDecode")
    page[NameObject("/Contents")] = writer._add_object(stream)
    into = BytesIO()
    writer.write(into)
    return into.getvalue()


def with_actions(content: bytes) -> bytes:
    """Return a PDF that would run a script and start a program when it is opened."""
    writer = PdfWriter(clone_from=BytesIO(content))
    launch = {"/S": NameObject("/Launch"), "/F": TextStringObject("/bin/sh")}
    script = {
        "/S": NameObject("/JavaScript"),
        "/JS": TextStringObject("app.launchURL('http://127.0.0.1:9/', true);"),
        "/Next": DictionaryObject({NameObject(name): value for name, value in launch.items()}),
    }
    action = DictionaryObject({NameObject(name): value for name, value in script.items()})
    writer.root_object[NameObject("/OpenAction")] = writer._add_object(action)
    into = BytesIO()
    writer.write(into)
    return into.getvalue()


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 415, "not-a-pdf"),
        (INVOICE, 415, "not-a-pdf"),
        (b"%PDF-1.7\n", 422, "broken-pdf"),
        (plain()[:400], 422, "broken-pdf"),
        (pdf(password="secret"), 422, "locked-pdf"),
        (pdf(attached={"factur-x.xml": b"<a/>"}), 422, "electronic-invoice-inside"),
        (pdf(attached={"ZUGFeRD-invoice.xml": b"<a/>"}), 422, "electronic-invoice-inside"),
    ],
    ids=["empty", "xml", "header only", "cut off", "locked", "factur-x", "zugferd"],
)
async def test_what_is_no_plain_pdf_is_refused_and_leaves_nothing(
    billing: Harness, tenant: str, content: bytes, status: int, code: str
) -> None:
    answer = await send(billing, tenant, content)
    assert (answer.status_code, problem(answer)["code"]) == (status, code)
    assert problem(answer)["hint"]
    assert await objects(billing, tenant) == await rows(billing, tenant, "invoice_draft") == []


async def test_the_two_doors_point_to_each_other(billing: Harness, tenant: str) -> None:
    hybrid = pdf(attached={"factur-x.xml": electronic(write=write_cii)})
    assert "POST /billing/invoices/electronic" in problem(await send(billing, tenant, hybrid))["hint"]
    assert (await send_electronic(billing, tenant, hybrid)).status_code == 201
    refused = problem(await send_electronic(billing, tenant, plain()))
    assert (refused["code"], "POST /billing/drafts" in refused["hint"]) == ("pdf-without-invoice", True)


async def test_a_scan_becomes_a_draft_of_which_nothing_is_read(billing: Harness, tenant: str) -> None:
    draft = await received(billing, tenant, pdf())
    assert (draft["has_text"], draft["pages"], draft["pages_read"]) == (False, 1, 1)
    assert {field["certainty"] for field in draft["fields"].values()} == {"not-found"}
    (event,) = await billing.events(tenant)
    assert (event.payload["has_text"], event.payload["found"]) == (False, [])


async def test_a_pdf_without_a_password_to_open_it_is_read(billing: Harness, tenant: str) -> None:
    words = [Words("Invoice number: A-17", 50, 50)]
    draft = await received(billing, tenant, print_pdf([words], password=""))
    assert draft["fields"]["number"]["value"] == "A-17"


async def test_scripts_are_kept_and_never_run(billing: Harness, tenant: str) -> None:
    content = with_actions(plain())
    draft = await received(billing, tenant, content)
    assert draft["fields"]["number"]["value"] == "F-2026/17"
    original = await get(billing, tenant, draft["original"])
    assert original.content == content
    assert original.headers["content-disposition"].startswith("attachment; ")
    assert original.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert original.headers["x-content-type-options"] == "nosniff"


def with_font_that_maps(*code_units: int) -> bytes:
    """Return a PDF whose font says which UTF-16 code units the letters from A on are."""
    letters = "".join(chr(ord("A") + index) for index in range(len(code_units)))
    content = print_pdf([[Words(f"Invoice number: Z-1  {letters}", 50, 50)]])
    writer = PdfWriter(clone_from=BytesIO(content))
    pairs = " ".join(f"<{ord(letter):02X}> <{unit:04X}>" for letter, unit in zip(letters, code_units, strict=True))
    stream = DecodedStreamObject()
    stream.set_data(f"begincmap {len(code_units)} beginbfchar {pairs} endbfchar endcmap".encode())
    font = next(each for each in writer._objects if isinstance(each, DictionaryObject) and "/BaseFont" in each)
    font[NameObject("/ToUnicode")] = writer._add_object(stream)
    into = BytesIO()
    writer.write(into)
    return into.getvalue()


async def test_half_characters_end_no_process(billing: Harness, tenant: str) -> None:
    draft = await received(billing, tenant, with_font_that_maps(0xD800, 0xDFFF, 0x0000))
    assert (draft["has_text"], draft["fields"]["number"]["value"]) == (True, "Z-1")


async def test_documents_made_to_hurt_leave_places_and_a_process_to_electronic_invoices(
    database_url: str, s3: ObjectStoreAccess, issuer: DevelopmentIssuer, tenant: str
) -> None:
    hurting = [with_stream(b"q " * (2_000_000 + each)) for each in range(6)]
    async with running("billing", database_url, s3, issuer, validator_waiting=4) as harness:
        await taken_in(harness, tenant, electronic("E-0"))  # starts the processes
        sending = [asyncio.create_task(send(harness, tenant, each)) for each in hurting]
        await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)  # the first that finds no place is told so
        invoices = await asyncio.gather(*(send_electronic(harness, tenant, electronic(f"E-{each}")) for each in (1, 2)))
        answers = [answer.status_code for answer in await asyncio.gather(*sending)]
    assert [answer.status_code for answer in invoices] == [201, 201]
    assert answers.count(503) == 4
    assert set(answers) <= {201, 422, 503}


@pytest.mark.parametrize(
    "content",
    [
        with_stream(zlib.compress(b" " * 300_000_000), packed=True),
        with_stream(b"BT /F1 1 Tf " + b"1 0 0 1 1 1 Tm (21 % 1,00 2,00 Total) Tj " * 100_000 + b"ET"),
        with_stream(b"q " * 3_000_000),
        with_stream(b"[" * 1_000_000),
    ],
    ids=["bomb", "endless text", "endless states", "deep"],
)
async def test_what_is_made_to_hurt_is_over_in_time(billing: Harness, tenant: str, content: bytes) -> None:
    await received(billing, tenant, plain())  # starts the processes
    begun = time.monotonic()
    answer = await send(billing, tenant, content)
    assert time.monotonic() - begun < WITHIN_S
    if answer.status_code != 201:
        assert (answer.status_code, problem(answer)["code"]) == (422, "broken-pdf")


async def test_a_reader_that_is_lost_refuses_the_file_and_serves_the_next(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(processes.Worker, "_resident_now", lambda _self: 2**40)
        dying.setattr(processes, "_WATCH_S", 0.0)
        answer = await send(billing, tenant, plain())
    assert (answer.status_code, problem(answer)["code"], problem(answer)["obstacle"]) == (
        422,
        "unread-invoice",
        "memory-limit",
    )
    assert await objects(billing, tenant) == []
    await received(billing, tenant, plain())


async def test_a_document_whose_store_is_away_leaves_nothing(
    billing: Harness, tenant: str, failing: FailingStore
) -> None:
    failing.loses_the_answer = failing.cannot_delete = True
    assert (await send(billing, tenant, plain())).status_code == 503
    assert await rows(billing, tenant, "invoice_draft") == await billing.events(tenant) == []
    assert len(await objects(billing, tenant)) == 1
    await age(billing, tenant)
    with pytest.raises(StoreUnavailableError):
        await sweep(billing.runtime)
    failing.cannot_delete = failing.loses_the_answer = False
    await sweep(billing.runtime)
    assert await objects(billing, tenant) == []
    draft = await received(billing, tenant, plain())
    await sweep(billing.runtime)
    assert (await get(billing, tenant, f"{PATH}/{draft['id']}/original")).content == plain()
    assert await rows(billing, tenant, "pending_original") == []
