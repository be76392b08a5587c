"""Real servers on loopback for the gateway's tests: uvicorn in the test's own loop, and a backend with manners to choose."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

CHUNK = bytes(range(256)) * 256


class QuietServer(uvicorn.Server):
    """A server that leaves the process's signals alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: ASGIApp, port: int = 0) -> AsyncIterator[int]:
    """Serve an app on a free port (or a given one) and yield the port."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server = QuietServer(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done(), "the server did not start"
        await asyncio.sleep(0.005)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


@dataclass
class Upload:
    """What arrived of one request body; `complete` is False when the sender broke off."""

    size: int = 0
    sha256: str = ""
    complete: bool | None = None
    content_length: str | None = None


@dataclass
class Backend:
    """A service that behaves as its path says, and remembers what it saw."""

    name: str = "billing"
    openapi: dict[str, object] = field(default_factory=lambda: {"openapi": "3.1.0", "info": {}, "paths": {}})
    requests: int = 0
    uploads: list[Upload] = field(default_factory=list)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    next_event: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    ready: bool = True

    def app(self) -> Starlette:
        methods = ["GET", "POST", "PUT", "DELETE", "PATCH"]
        own = {
            "echo": self.echo,
            "upload": self.upload,
            "refuse-early": self.refuse_early,
            "hang": self.hang,
            "stuck": self.stuck,
            "events": self.events,
            "bytes": self.send_bytes,
            "range": self.send_range,
            "break": self.break_off,
            "pause": self.pause,
            "not-modified": self.not_modified,
        }
        routes = [Route(f"/{self.name}/{path}", handler, methods=methods) for path, handler in own.items()]
        routes += [Route("/health/live", self.live), Route("/health/ready", self.is_ready)]
        return Starlette(routes=[*routes, Route("/openapi.json", self.document), Route("/secret", self.live)])

    async def live(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def is_ready(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"}, 200 if self.ready else 503)

    async def document(self, _: Request) -> Response:
        return JSONResponse(self.openapi)

    async def echo(self, request: Request) -> Response:
        self.requests += 1
        body = await request.body()
        answer = {
            "method": request.method,
            "path": request.scope["raw_path"].decode(),
            "query": request.url.query,
            "headers": [[name.decode(), value.decode()] for name, value in request.headers.raw],
            "body": body.decode(),
        }
        headers = {"x-backend": self.name, "connection": "keep-alive, x-private", "x-private": "1"}
        response = JSONResponse(answer, headers=headers)
        response.set_cookie("one", "1")
        response.set_cookie("two", "2")
        return response

    async def upload(self, request: Request) -> Response:
        seen = Upload(content_length=request.headers.get("content-length"))
        self.uploads.append(seen)
        self.entered.set()
        digest = hashlib.sha256()
        try:
            async for chunk in request.stream():
                seen.size += len(chunk)
                digest.update(chunk)
        except ClientDisconnect:
            seen.complete = False
            self.cancelled.set()
            raise
        seen.complete, seen.sha256 = True, digest.hexdigest()
        return JSONResponse({"size": seen.size, "sha256": seen.sha256})

    async def refuse_early(self, _: Request) -> Response:
        return JSONResponse({"code": "no"}, 409)

    async def hang(self, request: Request) -> Response:
        """Never answer; note when the caller goes."""
        self.requests += 1
        self.entered.set()
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self.cancelled.set()
        return Response()

    async def stuck(self, _: Request) -> Response:
        """Leave the body unread for longer than any test takes, or until the server stops."""
        await asyncio.sleep(20)
        return Response()

    async def events(self, _: Request) -> Response:
        async def stream() -> AsyncIterator[str]:
            try:
                while (event := await self.next_event.get()) is not None:
                    yield f"data: {event}\n\n"
            finally:
                self.cancelled.set()

        return StreamingResponse(stream(), media_type="text/event-stream")

    async def send_bytes(self, request: Request) -> Response:
        count = int(request.query_params["chunks"])

        async def stream() -> AsyncIterator[bytes]:
            for _ in range(count):
                yield CHUNK

        length = {"content-length": str(count * len(CHUNK))} if "length" in request.query_params else {}
        return StreamingResponse(stream(), headers=length)

    async def send_range(self, request: Request) -> Response:
        first, _, last = request.headers["range"].removeprefix("bytes=").partition("-")
        part = CHUNK[int(first) : int(last) + 1]
        return Response(part, 206, {"content-range": f"bytes {first}-{last}/{len(CHUNK)}"})

    async def break_off(self, _: Request) -> Response:
        async def stream() -> AsyncIterator[bytes]:
            yield CHUNK
            raise ConnectionResetError("on purpose")

        return StreamingResponse(stream())

    async def pause(self, request: Request) -> Response:
        """Send two pieces with a silence of `seconds` between them."""

        async def stream() -> AsyncIterator[bytes]:
            yield b"first"
            await asyncio.sleep(float(request.query_params["seconds"]))
            yield b"second"

        return StreamingResponse(stream())

    async def not_modified(self, _: Request) -> Response:
        return Response(status_code=304, headers={"etag": '"1"'})
