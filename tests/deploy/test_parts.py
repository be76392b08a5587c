"""How a part is served: its own failure comes out as it is, a stop lets requests end."""

import asyncio
import json
import socket
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI, Request
from starlette.types import ASGIApp

from deploy.parts import TRY_AGAIN, PartError, main, operation, serve
from deploy.protocol import HEAD_BYTES, BoundedProtocol
from deploy.standalone.ports import free_ports


async def fetch(url: str) -> tuple[int, bytes]:
    def get() -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    return await asyncio.to_thread(get)


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    port, stop = free_ports(1)[0], asyncio.Event()
    task = asyncio.create_task(serve(app, "127.0.0.1", port, stop))
    while not task.done():
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            await writer.wait_closed()
            break
    yield f"http://127.0.0.1:{port}"
    stop.set()
    async with asyncio.timeout(5):
        await task


async def test_a_relay_answers_health_and_metrics_and_nothing_else() -> None:
    async with served(operation) as url:
        status, body = await fetch(f"{url}/health/live")
        assert (status, json.loads(body)["status"]) == (200, "ok")
        assert b"trastienda_outbox_pending" in (await fetch(f"{url}/metrics"))[1]
        assert (await fetch(f"{url}/docs"))[0] == 404


async def test_a_running_request_ends_before_the_server_does() -> None:
    app, begun = FastAPI(), asyncio.Event()

    @app.get("/slow")
    async def slow() -> str:
        begun.set()
        await asyncio.sleep(0.5)
        return "done"

    async with served(app) as url:
        asked = asyncio.create_task(fetch(f"{url}/slow"))
        await begun.wait()
    assert await asked == (200, b'"done"')


async def test_what_keeps_an_application_from_starting_is_raised_as_it_is() -> None:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if not app.state._state:
            raise ValueError("not set: A_SETTING")
        yield

    with pytest.raises(ValueError, match="not set: A_SETTING"):
        await serve(FastAPI(lifespan=lifespan), "127.0.0.1", free_ports(1)[0], asyncio.Event())


async def test_a_busy_port_is_said_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PartError, match=f"cannot listen on 127.0.0.1:{port}"):
            await serve(operation, "127.0.0.1", port, asyncio.Event())


async def exchange(url: str, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Send the pieces and return all that comes until the server closes; fails after five seconds."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(5):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
            return await reader.read()
    finally:
        writer.close()


HEAD = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
LINES = b"".join(b"x-%d: y\r\n" % number for number in range(HEAD_BYTES // 8))
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n.\r\n0\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [HEAD + LINES + b"\r\n"],
        [HEAD, LINES + b"\r\n"],
        [HEAD, LINES],
        [HEAD, b"x: ", b"y" * (HEAD_BYTES + 1)],
        [b"GET /", b"y" * (HEAD_BYTES + 1)],
        [HEAD + b"\r\n", HEAD, LINES],
        [CHUNKED, b"x: " + b"y" * (HEAD_BYTES + 1)],
    ],
)
async def test_a_head_without_end_is_refused(pieces: list[bytes]) -> None:
    async with served(operation) as url:
        answer = await exchange(url, *pieces, pause=0.05)
        assert b"HTTP/1.1 431 " in answer
        assert answer.endswith(b"too large.")
        assert (await fetch(f"{url}/health/live"))[0] == 200


async def test_a_large_head_and_a_larger_body_pass() -> None:
    app = FastAPI()

    @app.post("/size")
    async def size(request: Request) -> str:
        return f"{len(await request.body())} {'trailer' in request.headers}"

    head = b"POST /size HTTP/1.1\r\nHost: x\r\nConnection: close\r\nx: " + b"y" * (HEAD_BYTES - 1024) + b"\r\n"
    body = b"z" * (4 * HEAD_BYTES)
    framed = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\ntrailer: late\r\n\r\n" % (len(body), body)
    async with served(app) as url:
        plain = await exchange(url, head, b"Content-Length: %d\r\n\r\n" % len(body), body)
        assert plain.endswith(b'"262144 False"')
        assert (await exchange(url, head, framed)).endswith(b'"262144 False"')


@pytest.mark.parametrize(
    ("answers", "pieces"),
    [
        (0, []),
        (0, [b"GET / HT"]),
        (0, [HEAD, b"x: y"]),
        (1, [HEAD + b"\r\n", b"GET /"]),
        (1, [HEAD + b"\r\n", b"\r\n"]),
    ],
)
async def test_a_head_that_does_not_come_is_not_waited_for(
    answers: int, pieces: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedProtocol, "head_within_s", 0.3)
    async with served(operation) as url:
        assert (await exchange(url, *pieces, pause=0.05)).count(b"HTTP/1.1 200 OK") == answers


async def test_an_answer_may_take_longer_than_a_head(monkeypatch: pytest.MonkeyPatch) -> None:
    app = FastAPI()
    monkeypatch.setattr(BoundedProtocol, "head_within_s", 0.1)

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(0.5)
        return "done"

    async with served(app) as url:
        pieces = (b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /slow")
        assert b"200 OK" in await exchange(url, *pieces, pause=0.05)


def test_a_server_that_is_away_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRASTIENDA_DATABASE_URL", "postgresql://nobody:nothing@127.0.0.1:9/none")
    monkeypatch.setattr("shared.logging.configure_logging", lambda _level: None)
    assert main(["migrate", "billing"]) == TRY_AGAIN
    assert "is away" in capsys.readouterr().err
