"""The parts that run: HTTP servers, relays, consumers, migrations. `python -m deploy.parts` runs one as a process.

This is what containers run (`serve billing`, `relay billing`, ...), with nothing but the part's own packages;
`up` runs the same functions, all in one event loop or each in a process of its own.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.lifespan.on import LifespanOn

from deploy.protocol import BoundedProtocol
from deploy.registry import GATEWAY, SERVICES, load_service

if TYPE_CHECKING:
    from shared.app import Opener

KINDS = ("serve", "relay", "consume", "migrate")
DRAIN_S = 2  # how long running requests may take once a stop is asked for
KEEP_ALIVE_S = 65  # longer than the clients and proxies in front keep theirs
CANNOT_START, TRY_AGAIN = 78, 75
logger = logging.getLogger(__name__)


class PartError(Exception):
    """A part could not start; the message says why."""


@dataclass(frozen=True)
class Part:
    """One thing that runs until it is told to stop. Without a port, a relay or consumer answers no HTTP."""

    kind: str
    name: str
    port: int = 0

    @property
    def label(self) -> str:
        return f"{self.kind} {self.name}"


class Lifespan(LifespanOn):
    """Keeps what made an application fail to start, so that it can be told instead of logged as a traceback."""

    failure: Exception | None = None

    async def main(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        app: Any = self.config.loaded_app
        try:
            await app(scope, self.receive, self.send)
        except Exception as error:
            self.failure, self.error_occurred = error, True
            if self.startup_event.is_set() and not self.startup_failed:
                logger.exception("the application ended badly")
        finally:
            self.startup_event.set()
            self.shutdown_event.set()

    async def send(self, message: Any) -> None:
        if message["type"] == "lifespan.startup.failed":  # its text is a traceback; what is raised says more
            self.startup_failed = True
        else:
            await super().send(message)


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals to whoever runs it and raises instead of exiting."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        config.load()
        config.lifespan_class = Lifespan

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as error:
            failure = getattr(self.lifespan, "failure", None)
            raise failure or PartError("the application did not start; the log says why") from error


def listen(host: str, port: int) -> socket.socket:
    """Bind before anything else starts. Raises PartError for a busy port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
    except OSError as error:
        opened.close()
        raise PartError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return opened


def application(name: str, environ: Mapping[str, str], opener: "Opener | None" = None) -> Any:
    """Build the gateway's or a service's ASGI application."""
    if name == GATEWAY:
        from gateway.app import create_gateway
        from gateway.settings import GatewaySettings
        from shared.auth import Verifier

        settings = GatewaySettings.load(environ)
        return create_gateway(settings, Verifier(settings))
    from shared.app import create_app, open_runtime

    service = load_service(name)
    return create_app(service, service.settings.load(environ), opener or open_runtime)


async def operation(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer health and metrics for a part that has no HTTP of its own: it runs, or the process has ended."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    from shared.metrics import render

    alive = (b'{"status":"ok","parts":{}}', "application/json")
    answers = {"/health/live": alive, "/health/ready": alive, "/metrics": render()}
    body, media_type = answers.get(scope["path"], (b"", "text/plain"))
    headers = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200 if body else 404, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def serve(app: Any, host: str, port: int, stop: asyncio.Event) -> None:
    """Answer HTTP until `stop` is set, then let running requests end."""
    opened = listen(host, port)
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )
    server = Server(config)
    running = asyncio.create_task(server.serve([opened]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await running
    finally:
        stopping.cancel()
        running.cancel()
        opened.close()


async def run_part(
    part: Part,
    environ: Mapping[str, str],
    stop: asyncio.Event,
    host: str = "127.0.0.1",
    opener: "Opener | None" = None,
) -> None:
    """Run a part until `stop` is set. Raises what made it end before. `opener` gives services their connections."""
    if part.kind == "serve":
        return await serve(application(part.name, environ, opener), host, part.port, stop)
    from shared.app import open_runtime, run_relay, run_worker

    service = load_service(part.name)
    run = run_relay if part.kind == "relay" else run_worker
    work = run(service, service.settings.load(environ), stop, opener or open_runtime)
    if not part.port:
        return await work
    return await _with_operation(work, host, part.port)


async def _with_operation(work: Coroutine[Any, Any, None], host: str, port: int) -> None:
    """Answer health and metrics for as long as `work` lasts."""
    ended = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(operation, host, port, ended))
            await group.create_task(work)
            ended.set()
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def migrate(name: str, environ: Mapping[str, str]) -> None:
    from shared.app import migrate as migrate_service

    service = load_service(name)
    await migrate_service(service, service.settings.load(environ))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="deploy.parts", description="Run one part until SIGTERM")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("name", choices=(*SERVICES, GATEWAY), metavar="service")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, help="default: 8000 for serve; relay and consume answer none without it")
    parser.add_argument("--of", help="the data directory of the `up` that started this; only to recognise it")
    options = parser.parse_args(arguments)
    if options.name == GATEWAY and options.kind != "serve":
        parser.error("the gateway has nothing to relay, consume or migrate")
    return options


async def run_until_signal(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    port = options.port or (8000 if options.kind == "serve" else 0)
    if options.kind == "migrate":
        await migrate(options.name, os.environ)
    else:
        await run_part(Part(options.kind, options.name, port), os.environ, stop, options.host)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one part; settings come from the environment. Returns the exit code."""
    import uvloop

    from shared.failures import first_line, is_transient
    from shared.logging import configure_logging

    options = parse(arguments)
    try:
        configure_logging(os.environ.get("TRASTIENDA_LOG_LEVEL", "INFO"))
        uvloop.run(run_until_signal(options))
    except (PartError, ValueError) as error:
        # ValueError: a setting is missing, unknown or does not fit; a traceback would hide which one.
        sys.stderr.write(f"{options.kind} {options.name}: {error}\n")
        return CANNOT_START
    except Exception as error:
        if not is_transient(error):
            raise
        sys.stderr.write(f"{options.kind} {options.name}: a server it needs is away: {first_line(error)}\n")
        return TRY_AGAIN
    return 0


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)  # taking the interpreter down module by module costs a good part of the time a stop may take
