"""Large and broken uploads through a real server on a real socket."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.documents.uploading import PATH, PDF, eventually_nothing_left, objects, rows
from tests.fixtures.services import Harness, problem

MEGABYTE = 1024 * 1024
BLOCK = hashlib.shake_256(b"documents").digest(MEGABYTE)


def token(documents: Harness, tenant: str) -> str:
    return f"Bearer {documents.issuer.token(tenant, 'operator')}"


@asynccontextmanager
async def measured_growth() -> AsyncIterator[list[float]]:
    """Give a list that holds, afterwards, by how many MiB this process was larger than before, at its largest."""
    process = psutil.Process()
    before, seen, growth = process.memory_info().rss, [0], list[float]()

    async def watch() -> None:
        while True:
            seen.append(process.memory_info().rss)
            await asyncio.sleep(0.02)

    watcher = asyncio.create_task(watch())
    yield growth
    watcher.cancel()
    with suppress(asyncio.CancelledError):
        await watcher
    growth.append((max(seen) - before) / MEGABYTE)


async def blocks(count: int, digest: "hashlib._Hash") -> AsyncIterator[bytes]:
    for chunk in (PDF, *[BLOCK] * count):
        digest.update(chunk)
        yield chunk


async def round_trip(documents: Harness, tenant: str, server: str, megabytes: int) -> None:
    """Upload and download so much; check every byte and the memory both took."""
    sent, received = hashlib.sha256(), hashlib.sha256()
    headers = {"Authorization": token(documents, tenant)}
    async with httpx.AsyncClient(base_url=server, headers=headers, timeout=120) as client, measured_growth() as growth:
        answer = await client.post(PATH, params={"title": "Large"}, content=blocks(megabytes, sent))
        assert answer.status_code == 201, answer.text
        record = answer.json()
        async with client.stream("GET", f"{PATH}/{record['id']}/content") as download:
            async for chunk in download.aiter_raw(MEGABYTE):
                received.update(chunk)
    assert (record["sha256"], record["size"]) == (sent.hexdigest(), megabytes * MEGABYTE + len(PDF))
    assert received.hexdigest() == sent.hexdigest()
    assert growth[0] < 64, f"memory grew by {growth[0]:.0f} MiB"


async def test_a_large_record_passes_through_little_memory(documents: Harness, tenant: str, server: str) -> None:
    await round_trip(documents, tenant, server, 4)  # so that the next growth is that of the size
    await round_trip(documents, tenant, server, 150)


async def open_upload(
    documents: Harness, tenant: str, server: str, length: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = urlsplit(server)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = (
        f"POST {PATH}?title=Cut HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: {token(documents, tenant)}\r\n"
        f"Content-Type: application/pdf\r\n{length}\r\n\r\n"
    )
    writer.write(head.encode() + framed(PDF, length))
    return reader, writer


def framed(content: bytes, length: str) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content) if "chunked" in length else content


@pytest.mark.parametrize("megabytes", [0, 1, 9, 20])
@pytest.mark.parametrize("length", ["Content-Length: 99000000", "Transfer-Encoding: chunked"])
async def test_a_body_cut_off_halfway_leaves_nothing(
    documents: Harness, tenant: str, server: str, megabytes: int, length: str
) -> None:
    _, writer = await open_upload(documents, tenant, server, length)
    for _ in range(megabytes):
        writer.write(framed(BLOCK, length))
        await writer.drain()
    if megabytes:
        async with asyncio.timeout(10):
            while not await rows(documents, tenant, "upload"):  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.02)
    writer.transport.abort()
    await eventually_nothing_left(documents, tenant)


async def test_a_reader_that_goes_away_leaves_nothing_of_its_content_to_the_next(
    documents: Harness, tenant: str, server: str, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"Authorization": token(documents, tenant)}
    async with httpx.AsyncClient(base_url=server, headers=headers, timeout=60) as client:
        answer = await client.post(PATH, params={"title": "Large"}, content=blocks(12, hashlib.sha256()))
        path = f"{PATH}/{answer.json()['id']}/content"
        for _ in range(12):
            async with client.stream("GET", path) as download:
                await anext(download.aiter_raw())
            part = await client.get(path, headers={"Range": f"bytes={10 * MEGABYTE}-{10 * MEGABYTE + 9}"})
            start = 10 * MEGABYTE - len(PDF)
            assert (part.status_code, part.content) == (206, (BLOCK * 11)[start : start + 10])
    assert not [record for record in caplog.records if record.name.startswith("urllib3")], "nothing had to be retried"


async def test_a_refused_upload_is_answered_before_its_body_is_sent(
    documents: Harness, tenant: str, server: str
) -> None:
    reader, writer = await open_upload(documents, tenant, server, "Content-Length: 99000000000")
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    assert answer.startswith(b"HTTP/1.1 413 ")
    writer.close()
    assert await objects(documents, tenant) == []


async def test_a_server_answers_problems_to_streams_too(documents: Harness, tenant: str, server: str) -> None:
    headers = {"Authorization": token(documents, tenant), "Content-Type": "image/png"}
    async with httpx.AsyncClient(base_url=server, headers=headers) as client:
        answer = await client.post(PATH, params={"title": "X"}, content=blocks(3, hashlib.sha256()))
    assert problem(answer)["code"] == "media-type-mismatch"
