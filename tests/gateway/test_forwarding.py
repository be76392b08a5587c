"""What reaches the service, what comes back, and what happens when it does not."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from yarl import URL

from tests.gateway.conftest import Door, OpenDoor, problem

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


async def raw_get(door: Door, target: str) -> tuple[bytes, bytes]:
    """Send a target as it is, which no client library does; return status line and body."""
    request = f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {door.token}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(request.encode())
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(int(re.findall(rb"content-length: (\d+)", head)[0]))
    writer.close()
    return head.splitlines()[0], body


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_method_path_query_and_body_arrive_as_sent(door: Door, method: str) -> None:
    target = "/billing/echo?a=%C3%B1&b=1%2F2&b=&c=+%20#"
    async with door.client.request(method, URL(target, encoded=True), data=b"body", allow_redirects=False) as response:
        seen = await response.json()
    assert seen["method"] == method
    assert (seen["path"], seen["query"]) == ("/billing/echo", "a=%C3%B1&b=1%2F2&b=&c=+%20")
    assert seen["body"] == "body"


@pytest.mark.parametrize(
    "path", ["/billing/a%2Fb", "/billing/%C3%B1", "/billing//x", "/billing/a;b=c", "/billing/x%20y"]
)
async def test_an_encoded_path_is_not_decoded_on_the_way(door: Door, path: str) -> None:
    async with door.client.get(URL(path, encoded=True)) as response:
        assert response.status == 404
        assert (await response.text()) == "Not Found"


async def test_headers_arrive_and_come_back(door: Door) -> None:
    sent = {"Idempotency-Key": "k-1", "If-Match": '"3"', "X-Custom": "añil", "Accept": "application/json"}
    async with door.client.post("/billing/echo", data=b"{}", headers=sent) as response:
        seen = dict((await response.json())["headers"])
        assert response.headers["x-backend"] == "billing"
        assert response.headers.getall("set-cookie") == ["one=1; Path=/; SameSite=lax", "two=2; Path=/; SameSite=lax"]
        assert len(response.headers.getall("date")) == 1
        assert len(response.headers.getall("server")) == 1
    assert seen["idempotency-key"] == "k-1"
    assert seen["if-match"] == '"3"'
    assert seen["x-custom"] == "añil"
    assert seen["accept"] == "application/json"
    assert seen["content-length"] == "2"


async def test_nothing_is_added_that_the_caller_did_not_say(door: Door) -> None:
    _, body = await raw_get(door, "/billing/echo")
    names = {name for name, _ in json.loads(body)["headers"]}
    ours = {"x-request-id", "traceparent", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"}
    assert names == {"host", "authorization"} | ours


async def test_hop_by_hop_headers_stay_on_their_hop(door: Door) -> None:
    sent = {
        "Connection": "keep-alive, X-Mine",
        "X-Mine": "1",
        "TE": "trailers",
        "Proxy-Authorization": "x",
        "Upgrade": "h2c",
    }
    async with door.client.get("/billing/echo", headers=sent) as response:
        seen = dict((await response.json())["headers"])
        assert "keep-alive" not in response.headers
    assert not {"x-mine", "te", "proxy-authorization", "upgrade"} & set(seen)


async def test_head_and_not_modified_have_no_body(door: Door) -> None:
    async with door.client.head("/billing/bytes?chunks=3&length") as response:
        assert response.status == 200
        assert response.headers["content-length"] == str(3 * 65536)
        assert await response.read() == b""
    async with door.client.get("/billing/not-modified") as response:
        assert (response.status, response.headers["etag"]) == (304, '"1"')
        assert await response.read() == b""
    async with door.client.get("/billing/echo") as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "path", ["/billing/../secret", "/billing/%2e%2e/secret", "/billing/./echo", "/billing/x/..%2f..%2fsecret"]
)
async def test_no_path_climbs_out_of_its_service(door: Door, path: str) -> None:
    status, body = await raw_get(door, path)
    assert status == b"HTTP/1.1 400 Bad Request"
    assert json.loads(body)["code"] == "unsafe-path"


async def test_an_unknown_service_is_told_in_the_callers_language(door: Door) -> None:
    async with door.client.get("/nothing/here", headers={"Accept-Language": "es"}) as response:
        document = await problem(response, 404, "unknown-service")
        assert response.headers["content-language"] == "es"
    assert document["title"] == "No encontrado"
    assert document["detail"].startswith("Ningún servicio")
    assert document["instance"] == "/nothing/here"
    async with door.client.get("/nothing") as response:
        assert (await problem(response, 404, "unknown-service"))["title"] == "Not found"


async def test_the_gateways_own_pages_take_only_get(door: Door) -> None:
    async with door.client.post("/docs") as response:
        await problem(response, 405, "method-not-allowed")
        assert response.headers["allow"] == "GET, HEAD"


async def test_a_request_id_is_kept_when_sane_and_made_otherwise(door: Door) -> None:
    for sent, kept in (("order-0815.retry_2", True), ("x", False), ("a b c d e f g h", False), ("x" * 65, False)):
        async with door.client.get("/billing/echo", headers={"X-Request-Id": sent}) as response:
            answered = response.headers.getall("x-request-id")
            seen = dict((await response.json())["headers"])["x-request-id"]
        assert answered == [seen]
        assert (seen == sent) if kept else UUID7.fullmatch(seen)


async def test_a_trace_is_continued_or_begun(door: Door) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "tracestate": "a=1"}
    async with door.client.get("/billing/echo", headers=headers) as response:
        seen = dict((await response.json())["headers"])
        assert response.headers["traceparent"] == seen["traceparent"]
    assert seen["traceparent"].startswith(f"00-{trace}-")
    assert "00f067aa0ba902b7" not in seen["traceparent"]
    assert seen["tracestate"] == "a=1"
    async with door.client.get("/billing/echo", headers={"traceparent": "garbage"}) as response:
        seen = dict((await response.json())["headers"])
    assert TRACEPARENT.fullmatch(seen["traceparent"])


@pytest.mark.parametrize("headers", [{"X-Long": "x" * 40_000}, {f"X-{number}": "1" for number in range(120)}])
async def test_too_many_headers_are_refused(door: Door, headers: dict[str, str]) -> None:
    async with door.client.get("/billing/echo", headers=headers) as response:
        document = await problem(response, 431, "headers-too-large")
    assert document["limit"] == 32 * 1024


async def test_an_address_that_is_too_long_is_refused(door: Door) -> None:
    async with door.client.get(f"/billing/echo?q={'x' * 40_000}") as response:
        await problem(response, 431, "headers-too-large")


async def test_a_header_that_is_no_text_is_refused(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(b"GET /billing/echo HTTP/1.1\r\nHost: x\r\nX-Bad: \xff\xfe\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 400")
    writer.close()


async def test_a_slow_service_is_not_waited_for_for_ever(open_door: OpenDoor) -> None:
    async with open_door(header_timeout=0.2) as door:
        async with door.client.get("/billing/hang") as response:
            document = await problem(response, 504, "service-timeout")
        assert document["service"] == "billing"
        async with asyncio.timeout(2):
            await door.backend.cancelled.wait()


async def test_silence_between_pieces_has_a_limit_of_its_own(open_door: OpenDoor) -> None:
    async with open_door(header_timeout=0.2, idle_timeout=1.0) as door:
        async with door.client.get("/billing/pause?seconds=0.5") as response:
            assert await response.read() == b"firstsecond"
        with pytest.raises(aiohttp.ClientPayloadError):
            async with door.client.get("/billing/pause?seconds=3") as response:
                await response.read()


@asynccontextmanager
async def hanging_up() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that reads a request and closes; yields its port and what it read."""
    seen: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if request := await reader.readline():
            seen.append(request)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], seen


@pytest.mark.parametrize(("method", "tries"), [("GET", 2), ("DELETE", 2), ("POST", 1), ("PATCH", 1)])
async def test_only_what_can_be_repeated_is_tried_twice(open_door: OpenDoor, method: str, tries: int) -> None:
    async with hanging_up() as (port, seen), open_door(more_upstreams={"hr": f"http://127.0.0.1:{port}"}) as door:
        async with door.client.request(method, "/hr/echo") as response:
            await problem(response, 502, "service-unreachable")
        assert len([line for line in seen if b"/hr/echo" in line]) == tries


async def test_a_request_with_a_body_is_never_sent_twice(open_door: OpenDoor) -> None:
    async with hanging_up() as (port, seen), open_door(more_upstreams={"hr": f"http://127.0.0.1:{port}"}) as door:
        async with door.client.put("/hr/echo", data=b"x") as response:
            await problem(response, 502, "service-unreachable")
        assert len([line for line in seen if b"/hr/echo" in line]) == 1


async def test_nonsense_instead_of_http_is_a_bad_gateway(open_door: OpenDoor) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"hello\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with (
        server,
        open_door(more_upstreams={"hr": f"http://127.0.0.1:{port}"}, probe_interval=60) as door,
        door.client.get("/hr/echo", headers={"Accept-Language": "es"}) as response,
    ):
        document = await problem(response, 502, "service-unreachable")
    assert "hr" in document["detail"]


async def test_a_connect_that_hangs_is_given_up(open_door: OpenDoor) -> None:
    """A full listening queue drops connection attempts, as a host that is gone does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        settings = {
            "connect_timeout": 0.3,
            "probe_interval": 60,
            "more_upstreams": {"hr": f"http://127.0.0.1:{address[1]}"},
        }
        async with open_door(**settings) as door, door.client.get("/hr/echo") as response:
            await problem(response, 504, "service-timeout")
        for filler in fillers:
            filler.close()
