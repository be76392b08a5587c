"""How a part is served: its own failure comes out as it is, a stop lets requests end."""

import asyncio
import json
import socket
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp

from deploy.parts import PartError, operation, serve
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
