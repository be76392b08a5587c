"""Content over HTTP: whole, in ranges, and by link."""

import asyncio
import hashlib
from base64 import b64encode
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from deploy.standalone.issuer import DevelopmentIssuer
from deploy.standalone.seaweed import ObjectStoreAccess
from services.documents.records.headers import clean_filename, content_disposition, filename_of
from shared.storage import S3Store, StoreUnavailableError
from tests.documents.uploading import PATH, PDF, stored
from tests.fixtures.services import Harness, problem, running

SIZE = len(PDF)


async def fetch(documents: Harness, tenant: str, record_id: str, method: str = "GET", **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    async with documents.client(tenant, "viewer") as client:
        return await client.request(method, f"{PATH}/{record_id}/content", headers=names)


async def test_a_download_is_saved_and_never_shown(documents: Harness, tenant: str) -> None:
    record = await stored(documents, tenant, filename='../../ficha "señal";\r\nX: 1.pdf')
    answer = await fetch(documents, tenant, record["id"])
    assert (answer.status_code, answer.content) == (200, PDF)
    digest = b64encode(hashlib.sha256(PDF).digest()).decode()
    expected = {
        "content-type": "application/pdf",
        "content-length": str(SIZE),
        "content-disposition": "attachment; filename=\"ficha senal_X 1.pdf\"; filename*=UTF-8''ficha%20se%C3%B1al%3BX%201.pdf",
        "etag": f'"{record["sha256"]}"',
        "repr-digest": f"sha-256=:{digest}:",
        "accept-ranges": "bytes",
        "cache-control": "private, no-cache",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
    }
    assert {name: answer.headers[name] for name in expected} == expected
    head = await fetch(documents, tenant, record["id"], "HEAD", Range="bytes=0-1")
    assert (head.status_code, head.content) == (200, b"")
    assert {name: head.headers[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=5-9", 5, 9),
        ("Bytes=10-", 10, SIZE - 1),
        ("bytes=-7", SIZE - 7, SIZE - 1),
        (f"bytes=-{SIZE * 9}", 0, SIZE - 1),
        (f"bytes={SIZE - 1}-999999999999", SIZE - 1, SIZE - 1),
    ],
)
async def test_a_single_range_is_sent_alone(documents: Harness, tenant: str, wanted: str, start: int, end: int) -> None:
    record = await stored(documents, tenant)
    answer = await fetch(documents, tenant, record["id"], Range=wanted)
    assert (answer.status_code, answer.content) == (206, PDF[start : end + 1])
    assert answer.headers["content-range"] == f"bytes {start}-{end}/{SIZE}"
    assert answer.headers["content-length"] == str(end - start + 1)


@pytest.mark.parametrize("wanted", ["lines=1-2", "bytes=5-2", "bytes=0-1,5-6", "bytes=-", "bytes=a-b", "bytes=-1-2"])
async def test_what_is_no_single_range_of_bytes_is_ignored(documents: Harness, tenant: str, wanted: str) -> None:
    record = await stored(documents, tenant)
    answer = await fetch(documents, tenant, record["id"], Range=wanted)
    assert (answer.status_code, answer.content) == (200, PDF)


@pytest.mark.parametrize("wanted", [f"bytes={SIZE}-", "bytes=-0", "bytes=99999-100000"])
async def test_a_range_outside_the_content_is_refused(documents: Harness, tenant: str, wanted: str) -> None:
    record = await stored(documents, tenant)
    answer = await fetch(documents, tenant, record["id"], Range=wanted, Accept_Language="es")
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{SIZE}")
    assert (problem(answer)["size"], problem(answer)["title"]) == (SIZE, "Rango no disponible")


async def test_what_the_caller_has_is_not_sent_again(documents: Harness, tenant: str) -> None:
    record = await stored(documents, tenant)
    etag = f'"{record["sha256"]}"'
    for method in ("GET", "HEAD"):
        for known in (etag, f'"other", W/{etag}', "*"):
            answer = await fetch(documents, tenant, record["id"], method, If_None_Match=known)
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
        assert (await fetch(documents, tenant, record["id"], method, If_None_Match='"other"')).status_code == 200
    resumed = await fetch(documents, tenant, record["id"], Range="bytes=5-", If_Range=etag)
    assert (resumed.status_code, resumed.content) == (206, PDF[5:])
    restarted = await fetch(documents, tenant, record["id"], Range="bytes=5-", If_Range='"other"')
    assert (restarted.status_code, restarted.content) == (200, PDF)


async def test_a_link_gives_the_content_for_a_while(documents: Harness, tenant: str) -> None:
    record = await stored(documents, tenant, filename="año 2026.pdf")
    path = f"{PATH}/{record['id']}/links"
    async with documents.client(tenant) as client:
        answer = await client.post(path, json={"lifetime_seconds": 5})
        too_long = await client.post(path, json={"lifetime_seconds": 3601})
        as_text = await client.post(path, json={"lifetime_seconds": "60"})
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert {too_long.status_code, as_text.status_code} == {422}
    async with httpx.AsyncClient() as anybody:
        url = answer.json()["url"]
        content = await anybody.get(url)
        changed = await anybody.get(url.replace("X-Amz-Expires=5", "X-Amz-Expires=600"))
        await asyncio.sleep(6)
        late = await anybody.get(url)
    assert (content.status_code, content.content) == (200, PDF)
    assert content.headers["content-type"] == "application/pdf"
    assert content.headers["content-disposition"] == content_disposition("año 2026.pdf")
    assert (changed.status_code, late.status_code) == (403, 403)


async def test_a_link_names_the_store_as_those_outside_reach_it(
    database_url: str, s3: ObjectStoreAccess, issuer: DevelopmentIssuer, tenant: str
) -> None:
    inner = urlsplit(s3.endpoint)
    public = f"localhost:{inner.port}"
    assert inner.hostname == "127.0.0.1"
    async with running("documents", database_url, s3, issuer, s3_public_endpoint=f"http://{public}") as documents:
        record = await stored(documents, tenant)
        async with documents.client(tenant) as client:
            answer = await client.post(f"{PATH}/{record['id']}/links", json={})
    assert answer.status_code == 201, answer.text
    url = answer.json()["url"]
    assert urlsplit(url).netloc == public
    async with httpx.AsyncClient() as anybody:
        content = await anybody.get(url)
        elsewhere = await anybody.get(url.replace(public, inner.netloc))
    assert (content.status_code, content.content) == (200, PDF)
    assert elsewhere.status_code == 403, "the signature covers the host"


async def test_an_address_is_signed_without_asking_anybody() -> None:
    nobody = "http://127.0.0.1:9"
    store = S3Store(nobody, "key", "secret-key", "bucket", "eu-south-2", "https://files.example")
    try:
        with pytest.raises(StoreUnavailableError):
            await store.ping()
        url = urlsplit(await store.presigned_url("t/1", timedelta(minutes=1), "attachment", "text/plain"))
    finally:
        store.close()
    assert (url.scheme, url.netloc, url.path) == ("https", "files.example", "/bucket/t/1")
    assert "/eu-south-2/s3/" in parse_qs(url.query)["X-Amz-Credential"][0]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, None),
        ("", None),
        ("..", None),
        ("/etc/passwd", "passwd"),
        ("C:\\Users\\ana\\nota.pdf", "nota.pdf"),
        ("factura\u202efdp.exe", "facturafdp.exe"),
        ("a\nb\t.pdf", "ab.pdf"),
        ("n\u0303.pdf", "ñ.pdf"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("y" * 300, "y" * 200),
    ],
)
def test_a_file_name_is_kept_without_its_tricks(given: str | None, kept: str | None) -> None:
    assert clean_filename(given) == kept


@pytest.mark.parametrize("name", ["日本.pdf", 'a"; filename="evil.exe', "a\\b", "%41.pdf", "é" * 200])
def test_a_disposition_names_one_plain_and_one_full_name(name: str) -> None:
    header = content_disposition(name)
    assert header.isascii()
    assert header.count('"') == 2
    assert header.startswith('attachment; filename="')
    assert httpx.QueryParams(f"n={header.partition(chr(39) * 2)[2]}")["n"] == name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("attachment", None),
        ('attachment; filename="a.pdf"', "a.pdf"),
        ("attachment; filename*=UTF-8''se%C3%B1al.pdf; filename=\"b.pdf\"", "señal.pdf"),
        ("attachment; filename=b.pdf; filename*=iso-8859-1'es'se%F1al.pdf", "señal.pdf"),
        ("attachment; filename*=utf-8''%ED%A0%80.txt", "\ufffd\ufffd\ufffd.txt"),
        ("attachment; filename*=raw_unicode_escape''X%5Cud800.txt", None),
        ("attachment; filename*=undefined''x.txt; filename=b.txt", "b.txt"),
        ("attachment; filename*=idna''xn--%FF.txt", None),
        ("attachment; filename*=utf-7''+2AA-.txt", None),
        ("attachment; filename*=rot13''x.txt", None),
        ("attachment; filename*0=ab; filename*1=c", "abc"),
        (b'attachment; filename="se\xc3\xb1al.pdf"'.decode("latin-1"), "señal.pdf"),
    ],
)
def test_a_header_gives_a_name_in_the_charsets_of_its_rfc_only(header: str, name: str | None) -> None:
    assert filename_of(header) == name


async def test_a_name_that_no_text_can_hold_is_dropped(documents: Harness, tenant: str) -> None:
    for number, charset in enumerate(("raw_unicode_escape", "undefined", "idna")):
        headers = {"Content-Disposition": f"attachment; filename*={charset}''X%5Cud800%FF.txt"}
        record = await stored(documents, tenant, PDF + str(number).encode(), headers=headers)
        assert record["filename"] is None
    assert clean_filename("a\ud800b.txt") == "ab.txt"
