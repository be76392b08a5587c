"""`up`: servers, migrations, then every part - in this event loop, or each in a process of its own."""

import asyncio
import json
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from deploy.parts import Part, migrate, run_part
from deploy.registry import GATEWAY, SERVICES
from deploy.standalone import ports as loopback
from deploy.standalone.backing import Backing, watch
from deploy.standalone.directory import DataDirectory, StackState
from deploy.standalone.errors import ServerError
from deploy.standalone.issuer import ISSUER, DevelopmentIssuer
from deploy.standalone.keep import kept, new_secret, write_private
from deploy.standalone.keeper import keep, wait_until
from deploy.standalone.processes import part_program, run_process
from deploy.standalone.readiness import unready

if TYPE_CHECKING:
    from shared.app import Opener

logger = logging.getLogger(__name__)
READY_WITHIN_S = 90.0
PARTS_STOP_WITHIN_S = 2.6  # the servers need the rest of the five seconds that a stop may take
NOT_FOR_PARTS = ("TRASTIENDA_URL", "TRASTIENDA_TOKEN", "TRASTIENDA_DATA")


class Report(Protocol):
    """Where progress goes."""

    def done(self, what: str, seconds: float) -> None: ...

    def warn(self, text: str) -> None: ...


@dataclass(frozen=True)
class Options:
    """What `up` was asked for."""

    data: Path
    port_base: int = 8000
    processes: bool = False
    ready_file: Path | None = None
    further: str = ""  # options of a command to copy that asks for the same at another port

    @property
    def ports(self) -> dict[str, int]:
        """The gateway's port, then one per service, in a row."""
        return {name: self.port_base + number for number, name in enumerate((GATEWAY, *SERVICES))}


def check_ports(options: Options) -> None:
    """Raise ServerError naming who holds a port we need, with another base to try."""
    taken = loopback.busy(list(options.ports.values()))
    if not taken:
        return
    who = ", ".join(f"port {port} is used by {loopback.holder(port)}" for port in taken)
    free = loopback.free_base(len(options.ports), options.port_base + 100)
    raise ServerError(f"{who}. Try: ./trastienda up --port-base {free}{options.further}" if free else who)


def check_environment(environment: str, *, issues_tokens: bool) -> None:
    """Raise ServerError where this run would have to sign tokens and may not."""
    if issues_tokens and environment != "development":
        raise ServerError(
            f"TRASTIENDA_ENVIRONMENT is {environment}: set TRASTIENDA_ISSUER, for `up` signs tokens in development only"
        )


def parts_of(options: Options) -> list[Part]:
    """Return every part. In a process of its own, a relay or consumer gets a port for its metrics."""
    served = [Part("serve", name, port) for name, port in options.ports.items()]
    others = [(kind, name) for name in SERVICES for kind in ("relay", "consume")]
    taken = options.ports.values()
    ports = loopback.free_ports(len(others), taken) if options.processes else [0] * len(others)
    return served + [Part(kind, name, port) for (kind, name), port in zip(others, ports, strict=True)]


def metrics_ports(parts: Iterable[Part], options: Options) -> dict[str, int]:
    """Return where each relay and consumer answers: at its own port, or with the service whose process it shares."""
    return {part.label: part.port or options.ports[part.name] for part in parts if part.kind != "serve"}


class Stack:
    """One run of everything. `on_ready` is called once all of it answers."""

    def __init__(self, options: Options, report: Report) -> None:
        self.options = options
        self.directory = DataDirectory(options.data)
        self._report = report
        self._given = {n: v for n, v in os.environ.items() if n.startswith("TRASTIENDA_") and n not in NOT_FOR_PARTS}
        self._backing = Backing(self.directory.path, self._given)
        self._stop = asyncio.Event()
        self._failures: asyncio.Queue[str] = asyncio.Queue()
        self._starting = True
        self._running: dict[str, asyncio.Task[None]] = {}
        self._parts: list[Part] = []

    @property
    def url(self) -> str:
        return f"http://{loopback.LOOPBACK}:{self.options.port_base}"

    @property
    def issues_tokens(self) -> bool:
        """Tell whether this run signs its own tokens; else somebody's identity provider does."""
        return "TRASTIENDA_ISSUER" not in self._given

    async def run(self, on_ready: Callable[["Stack"], Awaitable[None]]) -> None:
        """Start, stay until a signal, stop. Raises ServerError when it cannot start; nothing is left behind."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        environment = self._given.get("TRASTIENDA_ENVIRONMENT", "development")
        check_environment(environment, issues_tokens=self.issues_tokens)
        with self.directory.exclusive():
            self._forget_ready()
            check_ports(self.options)
            try:
                await self._unless_stopped(self._start())
                if not self._stop.is_set():  # a start that was given up is not ready
                    await self._unless_stopped(on_ready(self))
                await self._stop.wait()
            finally:
                self._stop.set()
                self._forget_ready()
                await self._end()

    async def _unless_stopped(self, work: Awaitable[None]) -> None:
        """Do `work`; a signal gives it up."""
        task = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            return
        await task

    async def _start(self) -> None:
        try:
            await self._backing.start(self.timed)
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        environment = self.environment()
        for name in SERVICES:
            await self.timed(f"migrations of {name}", self._migrate(name, environment))
        self._launch(environment)
        await self.timed("gateway and services", self._answering())
        self._starting = False
        shape = "processes" if self.options.processes else "one process"
        metrics = metrics_ports(self._parts, self.options)
        state = StackState(os.getpid(), self.url, shape, self.options.ports, environment, metrics)
        self.directory.write_state(state)

    async def _migrate(self, name: str, environment: Mapping[str, str]) -> None:
        """Migrate a service. What a server or a setting refuses becomes a ServerError; the log keeps the rest."""
        try:
            await migrate(name, environment)
        except Exception as error:
            logger.exception("migration failed", extra={"service": name})
            reason = f"{type(error).__name__}: {error}".strip()
            raise ServerError(f"{name} could not be migrated: {reason}\nMore in {self.directory.logs}") from error

    async def timed(self, what: str, work: Awaitable[None]) -> None:
        began = time.monotonic()
        await work
        self._report.done(what, time.monotonic() - began)

    def environment(self) -> dict[str, str]:
        """Return the settings every part gets: what the user's environment says wins."""
        upstreams = {n: f"http://{loopback.LOOPBACK}:{p}" for n, p in self.options.ports.items() if n != GATEWAY}
        ours = {
            "TRASTIENDA_ENVIRONMENT": "development",
            "TRASTIENDA_DATABASE_POOL": "2",  # what a burst needs beyond is opened for it and closed after
            "TRASTIENDA_PSEUDONYM_KEY": kept(self.directory.keys / "pseudonym", new_secret),
            "TRASTIENDA_GATEWAY_UPSTREAMS": json.dumps(upstreams),
        }
        if self.issues_tokens:
            environment = self._given.get("TRASTIENDA_ENVIRONMENT", "development")
            ours["TRASTIENDA_ISSUER"] = ISSUER
            ours["TRASTIENDA_JWKS_FILE"] = str(DevelopmentIssuer(self.directory.keys, environment).jwks_file)
        return ours | self._backing.environment | self._given

    def _launch(self, environment: Mapping[str, str]) -> None:
        from deploy.standalone.connections import SharedRuntimes

        opener = SharedRuntimes()
        self._parts = parts_of(self.options)
        runs: dict[str, Callable[[asyncio.Event], Awaitable[None]]] = {}
        for part in self._parts:
            if self.options.processes:
                program = part_program(part, self.directory.path, environment)
                runs[part.label] = partial(run_process, program)
            else:
                runs[part.label] = partial(_run_here, part, environment, opener)
        for name, embedded in self._backing.embedded().items():
            runs[name] = partial(watch, name, embedded)
        for label, run in runs.items():
            self._running[label] = asyncio.create_task(keep(label, run, self._stop, self._failed))

    def _failed(self, label: str, reason: str) -> None:
        if self._starting:
            self._failures.put_nowait(f"{label}: {reason}")
        else:
            self._report.warn(f"{label}: {reason.splitlines()[0]}; starting it again (see {self.directory.logs})")

    async def _answering(self) -> None:
        """Wait until every part answers. Raises ServerError when one fails first."""
        urls = [f"http://{loopback.LOOPBACK}:{part.port}/health/ready" for part in self._parts if part.port]
        deadline = time.monotonic() + READY_WITHIN_S
        waiting: Mapping[str, str] = {}
        while time.monotonic() < deadline:
            if not self._failures.empty():
                raise ServerError(self._failures.get_nowait())
            waiting = await unready(urls)
            if not waiting:
                return
            await wait_until(self._stop, 0.1)
        raise ServerError(f"not ready after {READY_WITHIN_S:.0f} s: {waiting}")

    def announce(self) -> None:
        """Write the ready file: whoever waits for it may use what it names."""
        if self.options.ready_file is not None:
            urls = {name: f"http://{loopback.LOOPBACK}:{port}" for name, port in self.options.ports.items()}
            content = {"url": self.url, "urls": urls, "pid": os.getpid(), "data": str(self.directory.path)}
            try:
                write_private(self.options.ready_file.absolute(), json.dumps(content, indent=1))
            except OSError as error:  # its directory went away meanwhile
                raise ServerError(f"the ready file {self.options.ready_file} cannot be written: {error}") from error

    def _forget_ready(self) -> None:
        if self.options.ready_file is not None:
            self.options.ready_file.unlink(missing_ok=True)

    async def _end(self) -> None:
        """Stop the parts, then the servers they use: nobody needs the store once no request runs."""
        doors = [task for label, task in self._running.items() if label.startswith("serve ")]
        s3 = asyncio.create_task(self._stop_s3_after(doors))
        if self._running:
            _, late = await asyncio.wait(self._running.values(), timeout=PARTS_STOP_WITHIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)
        await asyncio.gather(s3, self._backing.stop_postgres())

    async def _stop_s3_after(self, doors: list[asyncio.Task[None]]) -> None:
        if doors:
            await asyncio.wait(doors, timeout=PARTS_STOP_WITHIN_S)
        await self._backing.stop_s3()


async def _run_here(part: Part, environment: Mapping[str, str], opener: "Opener", stop: asyncio.Event) -> None:
    await run_part(part, environment, stop, opener=opener)
