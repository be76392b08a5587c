"""How a part is served: its own failure comes out as it is, a stop lets requests end."""

import asyncio
import json
import socket
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp

from deploy.parts import TRY_AGAIN, PartError, main, operation, serve
from deploy.protocol import HEAD_BYTES, BoundedProtocol
from deploy.standalone.ports import free_ports
from shared.errors import PROBLEM_BASE, PROBLEM_SCHEMA


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
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
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


async def exchange(url: str, *pieces: bytes, pause: float = 0.0, ends: bool = False) -> bytes:
    """Send the pieces, end the sending when `ends`, and return all that comes until the server closes.

    Fails after five seconds.
    """
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(5):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
            if ends:
                writer.write_eof()
            return await reader.read()
    finally:
        writer.close()


def problem_in(answer: bytes) -> dict[str, Any]:
    """Return the problem that the last answer of a connection is, after checking that it is a whole one."""
    head, _, body = answer[answer.rindex(b"HTTP/1.1 4") :].decode().partition("\r\n\r\n")
    fields = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:])
    document: dict[str, Any] = json.loads(body)
    assert fields["content-type"] == "application/problem+json"
    assert int(fields["content-length"]) == len(body.encode())
    assert fields["connection"] == "close"
    assert document.keys() >= set(PROBLEM_SCHEMA["required"])
    assert document["type"] == PROBLEM_BASE + document["code"]
    assert document["request_id"] == fields["x-request-id"]
    return document | {"language": fields["content-language"]}


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
        refusal = problem_in(answer)
        assert (refusal["status"], refusal["code"]) == (431, "headers-too-large")
        assert (await fetch(f"{url}/health/live"))[0] == 200


SPANISH = b"Host: x\r\nAccept-Language: es-ES, en;q=0.5\r\nX-Request-Id: abcdefgh-1\r\n"
POST = b"POST /health/live HTTP/1.1\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [b"FETCH / HTTP/1.1\r\n" + SPANISH + b"\r\n"],
        [b"GET / HTTP/1.1\r\n" + SPANISH + b"no colon\r\n\r\n"],
        [b"GET / HTTP/1.1\r\n", SPANISH, b"no colon\r\n\r\n"],
        [b"GET /\xc3\xb1 HTTP/1.1\r\n" + SPANISH + b"\r\n"],
        [POST + SPANISH + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
        [POST + SPANISH + b"Transfer-Encoding: chunked\r\n\r\n", b"nonsense\r\n"],
        [HEAD + b"\r\n", b"GET / HTTP/1.1\r\n" + SPANISH, b"no colon\r\n\r\n"],
    ],
    ids=["method", "line", "line in pieces", "address", "two lengths", "chunk size", "the second request"],
)
async def test_what_is_no_request_gets_a_problem_in_the_callers_language(pieces: list[bytes]) -> None:
    async with served(operation) as url:
        answer = await exchange(url, *pieces, pause=0.05)
        refusal = problem_in(answer)
        assert (refusal["status"], refusal["code"], refusal["language"]) == (400, "malformed-request", "es")
        assert refusal["request_id"] == "abcdefgh-1"
        assert refusal["title"] == "Petición incorrecta"
        assert refusal["reason"]
        english = [piece.replace(SPANISH, b"Host: x\r\n") for piece in pieces]
        assert problem_in(await exchange(url, *english, pause=0.05))["title"] == "Bad request"


async def test_a_refusal_arrives_though_more_was_sent_than_anybody_read() -> None:
    async with served(operation) as url:
        answer = await exchange(url, HEAD + b"x: " + b"y" * (32 * HEAD_BYTES))
        assert problem_in(answer)["code"] == "headers-too-large"


async def test_a_refusal_never_stands_inside_another_answer() -> None:
    app = FastAPI()

    @app.get("/slow")
    async def slow() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"begun"
            await asyncio.sleep(0.3)
            yield b"ended"

        return StreamingResponse(pieces())

    async with served(app) as url:
        answer = await exchange(url, b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n", b"nonsense\r\n\r\n", pause=0.1)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"malformed" not in answer


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize(
    "framed", [b"Content-Length: 9\r\n\r\nhalf", b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"]
)
@pytest.mark.parametrize("pause", [0.0, 0.1])
def test_a_body_that_ends_half_way_is_told_so_and_never_whole(
    loop: Callable[[], asyncio.AbstractEventLoop], framed: bytes, pause: float
) -> None:
    seen: list[str] = []
    app = FastAPI()

    @app.post("/size")
    async def size(request: Request) -> int:
        try:
            return len(await request.body())
        except ClientDisconnect:
            seen.append("disconnect")
            raise

    async def run() -> None:
        async with served(app) as url:
            answer = await exchange(url, b"POST /size HTTP/1.1\r\n" + SPANISH + framed, pause=pause, ends=True)
            refusal = problem_in(answer)
            assert (refusal["status"], refusal["code"], refusal["language"]) == (400, "incomplete-body", "es")
            assert refusal["instance"] == "/size"
            assert answer.count(b"HTTP/1.1 ") == 1
            for _ in range(50):
                if seen:
                    break
                await asyncio.sleep(0.02)
        assert seen == ["disconnect"]

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


async def test_who_ends_after_an_early_answer_gets_no_second_one() -> None:
    async with served(operation) as url:  # it answers without reading the body
        answer = await exchange(url, POST + b"Host: x\r\nContent-Length: 9\r\n\r\nhalf", pause=0.1, ends=True)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.count(b"HTTP/1.1 ") == 1


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
