"""Bodies pass piece by piece in both directions, and a broken one arrives broken."""

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator
from io import BytesIO
from time import monotonic

import aiohttp
import pytest

from tests.fixtures.pace import within
from tests.gateway.conftest import Door, OpenDoor, problem, until
from tests.gateway.servers import CHUNK


async def test_an_event_stream_arrives_event_by_event(door: Door) -> None:
    door.backend.cancelled.clear()
    async with door.client.get("/billing/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for event in ("one", "two", "three"):
            await door.backend.next_event.put(event)
            async with asyncio.timeout(2):
                assert await response.content.readuntil(b"\n\n") == f"data: {event}\n\n".encode()
        await door.backend.next_event.put(None)
        assert await response.content.read() == b""
    assert door.backend.cancelled.is_set()


async def test_who_hangs_up_on_a_stream_ends_it_upstream(door: Door) -> None:
    door.backend.cancelled.clear()
    async with door.client.get("/billing/events") as response:
        await door.backend.next_event.put("one")
        await response.content.readuntil(b"\n\n")
        response.close()
    async with asyncio.timeout(3):
        await door.backend.cancelled.wait()


async def test_who_hangs_up_while_waiting_ends_the_request_upstream(door: Door) -> None:
    door.backend.cancelled.clear()
    door.backend.entered.clear()
    waiting = asyncio.create_task(door.client.get("/billing/hang").__aenter__())
    await door.backend.entered.wait()
    waiting.cancel()
    async with asyncio.timeout(3):
        await door.backend.cancelled.wait()


async def test_a_range_passes(door: Door) -> None:
    async with door.client.get("/billing/range", headers={"Range": "bytes=10-19"}) as response:
        assert response.status == 206
        assert response.headers["content-range"] == f"bytes 10-19/{len(CHUNK)}"
        assert await response.read() == CHUNK[10:20]


@pytest.mark.parametrize("query", ["chunks=40", "chunks=40&length", "chunks=0", "chunks=0&length", "chunks=1&length"])
async def test_a_download_is_whole(door: Door, query: str) -> None:
    count = int(query.removeprefix("chunks=").split("&")[0])
    async with door.client.get(f"/billing/bytes?{query}") as response:
        assert ("content-length" in response.headers) == ("length" in query)
        assert await response.read() == CHUNK * count


async def test_an_upload_with_a_length_is_whole(door: Door) -> None:
    body = CHUNK * 40
    async with door.client.post("/billing/upload", data=BytesIO(body)) as response:
        seen = await response.json()
    assert (seen["size"], seen["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert door.backend.uploads[-1].content_length == str(len(body))


async def test_an_upload_in_chunks_is_whole(door: Door) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield CHUNK

    async with door.client.post("/billing/upload", data=pieces()) as response:
        seen = await response.json()
    assert seen["sha256"] == hashlib.sha256(CHUNK * 40).hexdigest()
    assert door.backend.uploads[-1].content_length is None


async def test_an_upload_passes_on_before_it_is_complete(door: Door) -> None:
    arrived: list[int] = []
    door.backend.entered.clear()

    async def pieces() -> AsyncIterator[bytes]:
        yield CHUNK
        await door.backend.entered.wait()
        await until(lambda: door.backend.uploads[-1].size)
        arrived.append(door.backend.uploads[-1].size)
        yield CHUNK

    async with door.client.post("/billing/upload", data=pieces()) as response:
        assert (await response.json())["size"] == 2 * len(CHUNK)
    assert arrived
    assert arrived[0] <= len(CHUNK)


def upload_head(door: Door, field: str) -> bytes:
    lines = ["POST /billing/upload HTTP/1.1", "Host: x", f"Authorization: Bearer {door.token}", field, "", ""]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    ("field", "part"),
    [
        ("Content-Length: 1000000", CHUNK),
        ("Transfer-Encoding: chunked", b"%x\r\n" % len(CHUNK) + CHUNK + b"\r\n"),
        ("Transfer-Encoding: chunked", b"%x\r\n" % len(CHUNK) + CHUNK[:1000]),
    ],
)
async def test_a_cut_off_upload_never_looks_complete(door: Door, field: str, part: bytes) -> None:
    door.backend.entered.clear()
    door.backend.cancelled.clear()
    before = len(door.backend.uploads)
    _, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(upload_head(door, field) + part)
    await writer.drain()
    async with asyncio.timeout(5):
        await door.backend.entered.wait()
        writer.close()
        await door.backend.cancelled.wait()
    assert [upload.complete for upload in door.backend.uploads[before:]] == [False]


async def test_an_answer_that_breaks_off_reaches_the_caller_broken(door: Door) -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        async with door.client.get("/billing/break") as response:
            await response.read()


async def test_a_body_over_the_limit_by_its_length_is_refused_before_it_is_sent(open_door: OpenDoor) -> None:
    async with open_door(body_limit=len(CHUNK)) as door:
        async with door.client.post("/billing/upload", data=CHUNK * 2) as response:
            document = await problem(response, 413, "body-too-large")
        assert document["limit"] == len(CHUNK)
        assert door.backend.uploads == []
        async with door.client.post("/billing/upload", data=CHUNK) as response:
            assert response.status == 200


async def test_a_body_over_the_limit_by_count_is_refused_and_broken_upstream(open_door: OpenDoor) -> None:
    async with open_door(body_limit=10 * len(CHUNK)) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(upload_head(door, "Transfer-Encoding: chunked"))
        sending = asyncio.create_task(send_chunks(writer, 11))
        async with asyncio.timeout(5):
            assert (await reader.readline()).startswith(b"HTTP/1.1 413")
            await door.backend.cancelled.wait()
        await sending
        writer.close()
        assert [upload.complete for upload in door.backend.uploads] == [False]


async def send_chunks(writer: asyncio.StreamWriter, count: int) -> None:
    for _ in range(count):
        writer.write(b"%x\r\n" % len(CHUNK) + CHUNK + b"\r\n")
        await writer.drain()


async def test_an_early_refusal_reaches_a_caller_who_is_still_sending(door: Door) -> None:
    async with door.client.post("/billing/refuse-early", data=BytesIO(CHUNK * 100)) as response:
        assert response.status == 409
        assert await response.json() == {"code": "no"}


async def test_a_refusal_by_the_gateway_reaches_a_caller_who_is_still_sending(door: Door) -> None:
    async with door.client.post(
        "/billing/upload", data=BytesIO(CHUNK * 100), headers={"Authorization": "Bearer x"}
    ) as response:
        await problem(response, 401, "invalid-token")


async def test_a_caller_who_stops_sending_is_refused(open_door: OpenDoor) -> None:
    async with open_door(idle_timeout=0.3) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(upload_head(door, "Content-Length: 1000000") + CHUNK)
        started = monotonic()
        async with asyncio.timeout(30):
            assert (await reader.readline()).startswith(b"HTTP/1.1 408")
            await door.backend.cancelled.wait()
        assert within(2, monotonic() - started)
        writer.close()
        assert [upload.complete for upload in door.backend.uploads] == [False]


async def test_a_caller_who_stops_reading_is_given_up(open_door: OpenDoor) -> None:
    async with open_door(idle_timeout=0.3) as door:
        with socket.create_connection(("127.0.0.1", door.port)) as client:
            head = f"GET /billing/bytes?chunks=2000 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {door.token}\r\n\r\n"
            client.sendall(head.encode())
            await until(lambda: door.gateway.upstreams["billing"].busy)
            await until(lambda: not door.gateway.upstreams["billing"].busy)
