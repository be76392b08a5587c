"""Many files as a job: each on file or refused as if sent alone, told row by row, and once whatever dies."""

import io
import zipfile
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.billing.batches import archives
from services.billing.batches.archives import Archive
from services.billing.batches.outcomes import NotAnArchive, TooManyFiles
from services.billing.drafts.service import receive_draft
from services.billing.intake.originals import sweep
from services.billing.intake.service import register_electronic
from tests.billing.drafts.sending import plain
from tests.billing.einvoices.samples import invoice_xml
from tests.billing.einvoices.test_door import pdf
from tests.billing.intake.electronic import electronic, get, nothing_left, objects, rows
from tests.billing.intake.test_originals import age
from tests.billing.working import ended
from tests.fixtures.services import Harness, problem

PATH = "/billing/batches"


def packed(files: dict[str, bytes]) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return into.getvalue()


async def send(billing: Harness, tenant: str, content: bytes, **headers: str) -> httpx.Response:
    async with billing.client(tenant) as client:
        return await client.post(PATH, content=content, headers={"Content-Type": "application/zip", **headers})


async def files_of(billing: Harness, tenant: str, accepted: httpx.Response, **headers: str) -> list[dict[str, Any]]:
    told = await get(billing, tenant, f"{accepted.json()['files']}?limit=200", **headers)
    return list(told.json()["items"])[::-1]


async def test_each_file_is_on_file_or_told_why_not(billing: Harness, tenant: str, other_tenant: str) -> None:
    large = billing.settings.einvoice_bytes + 1  # type: ignore[attr-defined] # billing's own settings
    archive = packed(
        {
            "november/": b"",
            "november/a.xml": electronic("A-1"),
            "november/b.xml": electronic("a 1"),
            "c.xml": invoice_xml(payable="999.00"),
            "d.txt": b"hello",
            "e.xml": b" " * large,
            "f.xml": electronic("---"),
        }
    )
    accepted = await send(billing, tenant, archive)
    told = await ended(billing, tenant, accepted)
    assert (told["status"], told["done"], told["total"]) == ("succeeded", 6, 6)
    assert told["result"] == {"files": 6, "on_file": 2, "drafts": 0, "refused": 4}
    files = await files_of(billing, tenant, accepted, **{"Accept-Language": "es"})
    assert [(file["position"], file["name"], file["verdict"], file["holds"]) for file in files] == [
        (0, "a.xml", "valid", []),
        (1, "b.xml", None, []),
        (2, "c.xml", "invalid", ["invalid"]),
        (3, "d.txt", None, []),
        (4, "e.xml", None, []),
        (5, "f.xml", None, []),
    ]
    refusals = [file["refusal"] and file["refusal"]["code"] for file in files]
    assert refusals == [
        None,
        "duplicate-invoice",
        None,
        "not-an-invoice-file",
        "entry-too-large",
        "unusable-invoice",
    ]
    assert files[1]["refusal"]["values"]["existing_id"] == files[0]["invoice_id"]
    assert files[3]["refusal"]["detail"] == "El cuerpo no es ni XML ni PDF."
    assert files[5]["refusal"]["values"]["obstacles"][0]["term"] == "BT-1"
    assert len(await objects(billing, tenant)) == len(await billing.events(tenant)) == 2
    assert await rows(billing, tenant, "pending_original") == []
    assert await files_of(billing, other_tenant, accepted) == []
    assert (await get(billing, other_tenant, accepted.headers["location"])).status_code == 404


async def test_a_plain_pdf_becomes_a_draft_that_waits_for_a_person(
    billing: Harness, tenant: str, other_tenant: str
) -> None:
    files = {
        "a.pdf": plain("A-1"),
        "again.pdf": plain("A-1"),
        "locked.pdf": pdf(password="secret"),
        "scan.pdf": pdf(),
        "hybrid.pdf": pdf(attached={"factur-x.xml": electronic("H-1")}),
    }
    accepted = await send(billing, tenant, packed(files))
    told = await ended(billing, tenant, accepted)
    assert told["result"] == {"files": 5, "on_file": 1, "drafts": 2, "refused": 2}
    read, again, locked, scan, hybrid = await files_of(billing, tenant, accepted)
    assert (read["invoice_id"], read["verdict"], read["holds"], read["refusal"]) == (None, None, [], None)
    draft = (await get(billing, tenant, f"/billing/drafts/{read['draft_id']}")).json()
    assert (draft["status"], draft["fields"]["number"]["value"], draft["has_text"]) == ("open", "A-1", True)
    assert (await get(billing, tenant, draft["original"])).content == files["a.pdf"]
    assert not (await get(billing, tenant, f"/billing/drafts/{scan['draft_id']}")).json()["has_text"]
    assert again["refusal"]["code"] == "document-on-file"
    assert again["refusal"]["values"]["draft_id"] == read["draft_id"]
    assert locked["refusal"]["code"] == "locked-pdf"
    assert (hybrid["verdict"], hybrid["draft_id"]) == ("valid", None)
    waiting = (await get(billing, tenant, "/billing/work-items")).json()["items"]
    assert {item["id"] for item in waiting} >= {read["draft_id"], scan["draft_id"]}
    assert (await get(billing, other_tenant, "/billing/drafts")).json()["items"] == []
    events = [event for event in await billing.events(tenant) if event.type == "billing.draft.received.v1"]
    assert [event.payload["work"]["case"] for event in events] == [read["draft_id"], scan["draft_id"]]
    assert {event.payload["work"]["actor"]["kind"] for event in events} == {"automation"}
    assert len(await objects(billing, tenant)) == 3
    assert await rows(billing, tenant, "pending_original") == []


async def test_a_job_that_dies_over_a_plain_pdf_makes_one_draft(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    async def die_once(*args: Any) -> Any:
        calls.append(1)
        draft = await receive_draft(*args)
        if len(calls) == 1:
            raise OSError("the power went")
        return draft

    monkeypatch.setattr("services.billing.batches.job.receive_draft", die_once)
    accepted = await send(billing, tenant, packed({"a.pdf": plain("A-1"), "b.pdf": plain("B-2")}))
    result = (await ended(billing, tenant, accepted))["result"]
    assert result == {"files": 2, "on_file": 0, "drafts": 2, "refused": 0}
    assert len(calls) == 3
    assert len(await objects(billing, tenant)) == len(await billing.events(tenant)) == 2


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not-an-archive"),
        (electronic(), "not-an-archive"),
        (packed({"a.xml": b"<a/>"})[:-30], "not-an-archive"),
        (packed({f"{n}": b"" for n in range(archives.MOST_FILES + 1)}), "too-many-files"),
    ],
    ids=["nothing", "xml", "cut", "many"],
)
async def test_an_archive_that_is_none_ends_the_job_and_says_why(
    billing: Harness, tenant: str, content: bytes, code: str
) -> None:
    told = await ended(billing, tenant, await send(billing, tenant, content))
    assert (told["status"], told["error"]["code"]) == ("failed", code)
    assert set(told["error"]["detail"]) == {"en", "es"}
    assert await billing.events(tenant) == []


def test_a_directory_that_claims_to_be_long_is_not_read() -> None:
    archive = bytearray(packed({"a.xml": b"<a/>"}))
    end = archive.rfind(b"PK\x05\x06")
    archive[end + 12 : end + 16] = (2**31).to_bytes(4, "little")
    with pytest.raises(TooManyFiles):
        Archive(io.BytesIO(archive))
    with pytest.raises(NotAnArchive):
        Archive(io.BytesIO(b"PK\x05\x06"))


async def test_a_damaged_file_does_not_keep_the_others(billing: Harness, tenant: str) -> None:
    archive = bytearray(packed({"a.xml": electronic("A-1"), "b.xml": electronic("B-2", net="7.00")}))
    at = archive.find(b"a.xml") + 40
    archive[at : at + 8] = b"\xff" * 8
    accepted = await send(billing, tenant, bytes(archive))
    assert (await ended(billing, tenant, accepted))["result"] == {"files": 2, "on_file": 1, "drafts": 0, "refused": 1}
    damaged, sound = await files_of(billing, tenant, accepted)
    assert (damaged["refusal"]["code"], sound["verdict"]) == ("unreadable-entry", "valid")


async def test_a_job_that_dies_goes_on_behind_the_last_file(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    async def die_once(*args: Any) -> Any:
        calls.append(1)
        registered = await register_electronic(*args)
        if len(calls) == 2:
            raise OSError("the power went")
        return registered

    monkeypatch.setattr("services.billing.batches.job.register_electronic", die_once)
    numbers = ("A-1", "B-20", "C-300")
    archive = packed({n: electronic(n, net=f"{i}9.00") for i, n in enumerate(numbers, 1)})
    accepted = await send(billing, tenant, archive)
    assert (await ended(billing, tenant, accepted))["result"] == {"files": 3, "on_file": 3, "drafts": 0, "refused": 0}
    assert len(calls) == 4
    assert len(await objects(billing, tenant)) == len(await billing.events(tenant)) == 3


async def test_a_key_makes_a_repeated_batch_one_job(billing: Harness, tenant: str) -> None:
    key, archive = {"Idempotency-Key": str(uuid4())}, packed({"a.xml": electronic("A-1")})
    first, second = [await send(billing, tenant, archive, **key) for _ in range(2)]
    assert first.json() == second.json()
    assert len(await rows(billing, tenant, "job")) == len(await objects(billing, tenant)) == 1
    assert (await ended(billing, tenant, first))["status"] == "succeeded"


async def test_a_batch_that_nobody_began_is_gone_after_a_day(billing: Harness, tenant: str) -> None:
    accepted = await send(billing, tenant, packed({"a.xml": electronic("A-1")}))
    await age(billing, tenant)
    await sweep(billing.runtime)
    assert len(await objects(billing, tenant)) == 1, "it is kept for longer than a file under way"
    for _ in range(24 * 4):
        await age(billing, tenant)
    await sweep(billing.runtime)
    told = await ended(billing, tenant, accepted)
    assert (told["status"], told["error"]["code"]) == ("failed", "batch-gone")
    assert await nothing_left(billing, tenant)


async def test_a_batch_that_is_too_large_keeps_nothing(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = billing.settings.model_copy(update={"batch_bytes": 100})
    monkeypatch.setattr(billing.runtime, "settings", small)
    answer = await send(billing, tenant, packed({"a.xml": electronic("A-1")}))
    assert (answer.status_code, problem(answer)["code"]) == (413, "body-too-large")
    assert await nothing_left(billing, tenant)
    async with billing.client(tenant, "viewer") as client:
        refused = await client.post(PATH, content=b"")
    assert problem(refused)["scope"] == "billing.invoices:write"
