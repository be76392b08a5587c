"""Worker processes beside the service: the event loop waits for them, and is never held up by what they do.

A process is started fresh (never forked), is given no secrets, answers one message at a time, and is replaced after so many
messages, above so much memory, and when it dies or takes too long. What runs in them: `einvoices/` judges files there,
`rendering/` draws invoices.
"""

import asyncio
import logging
import os
import resource
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

import msgspec

from services.billing.einvoices.limits import PoolLimits
from services.billing.einvoices.verdicts import LENGTH, Obstacle
from shared.errors import DomainError

_ROOT = Path(__file__).parents[2]
_START_WITHIN_S = 60.0
_WATCH_S = 0.1
_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.5, 15.0
_MEGABYTE = 1024 * 1024
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "SYSTEMROOT")
logger = logging.getLogger(__name__)


class Reply(Protocol):
    """What a process says: when it is ready, and about each message. `resident` are the bytes it holds then."""

    @property
    def resident(self) -> int: ...


Answer = TypeVar("Answer", bound=Reply)


@dataclass(frozen=True, slots=True)
class Program(Generic[Answer]):
    """What a process runs: a module with its one argument, how its answers are read, the refusal when none is free."""

    module: str
    argument: str
    replies: "msgspec.msgpack.Decoder[Answer]"
    busy: type[DomainError]


class WorkerGoneError(Exception):
    """The process gave no answer."""

    def __init__(self, obstacle: Obstacle, detail: str) -> None:
        self.obstacle = obstacle
        super().__init__(detail)


class Worker(Generic[Answer]):
    """One process, and the pipes to it."""

    def __init__(self, process: asyncio.subprocess.Process, replies: "msgspec.msgpack.Decoder[Answer]") -> None:
        assert process.stdin
        assert process.stdout
        self._process, self._stdin, self._stdout, self._replies = process, process.stdin, process.stdout, replies
        self.answered = 0
        self.resident = 0
        self.broken = False  # an answer is owed that nobody waits for any more
        self.leaving = False  # another one is to take its place

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        return self._process.pid

    @classmethod
    async def start(cls, program: Program[Answer]) -> "Worker[Answer]":
        """Return a process that has said that it is ready. Raises WorkerGoneError."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            program.module,
            program.argument,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=_ROOT,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            limit=_MEGABYTE,
        )
        worker = cls(process, program.replies)
        try:
            async with asyncio.timeout(_START_WITHIN_S):
                await worker._receive()
        except TimeoutError:
            await worker.end()
            raise WorkerGoneError("time-limit", f"it was not ready within {_START_WITHIN_S:.0f} s") from None
        except BaseException:
            await worker.end()
            raise
        return worker

    async def ask(self, head: bytes, content: bytes, limits: PoolLimits) -> Answer:
        """Return the answer to one message. Raises WorkerGoneError; the process is of no use then."""
        self.broken = True
        try:
            self._stdin.write(head)
            self._stdin.write(content)
            answer = asyncio.ensure_future(self._drained_answer())
            try:
                await self._watch(answer, limits)
                reply = await answer
            finally:
                answer.cancel()
        except (ConnectionError, BrokenPipeError):
            raise WorkerGoneError("validator-ended", "the pipe closed") from None
        self.answered += 1
        self.broken = False
        return reply

    async def _drained_answer(self) -> Answer:
        await self._stdin.drain()
        return await self._receive()

    async def _watch(self, answer: "asyncio.Future[Answer]", limits: PoolLimits) -> None:
        deadline = asyncio.get_running_loop().time() + limits.timeout_s
        while not (await asyncio.wait({answer}, timeout=_WATCH_S))[0]:
            if asyncio.get_running_loop().time() > deadline:
                raise WorkerGoneError("time-limit", f"it took more than {limits.timeout_s:g} s")
            if self._resident_now() > limits.most_megabytes * _MEGABYTE:
                raise WorkerGoneError("memory-limit", f"it needed more than {limits.most_megabytes} MB of memory")

    def _resident_now(self) -> int:
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * resource.getpagesize()
        except (OSError, IndexError):  # no such file on this system, or the process has just ended
            return 0

    async def _receive(self) -> Answer:
        try:
            size = LENGTH.unpack(await self._stdout.readexactly(LENGTH.size))[0]
            reply = self._replies.decode(await self._stdout.readexactly(size))
        except asyncio.IncompleteReadError:
            raise WorkerGoneError("validator-ended", "the pipe closed") from None
        self.resident = reply.resident
        return reply

    async def end(self) -> None:
        """Kill the process; it holds nothing that would have to be saved."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._stdin.close()
        await self._process.wait()


class Processes(Generic[Answer]):
    """The processes of one service that run a program. Enter `running()` to have them."""

    def __init__(self, program: Program[Answer], limits: PoolLimits) -> None:
        self._program, self._limits = program, limits
        self._idle: asyncio.Queue[Worker[Answer]] = asyncio.Queue()
        self._alive: set[Worker[Answer]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self._stopped = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Start the processes one after the other, in the background, and end them afterwards."""
        if self._limits.ahead:
            self._launch(self._start(self._limits.workers))
        try:
            yield self
        finally:
            self._stopped = True
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.gather(*(worker.end() for worker in self._alive))

    @contextmanager
    def admission(self) -> Iterator[None]:
        """Hold a place among those who wait. Raises the program's `busy`."""
        if self._waiting >= self._limits.waiting:
            raise self._program.busy
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    async def ask(self, head: bytes, content: bytes) -> Answer:
        """Return the answer to a message. Raises the program's `busy` when no process is free in time, and WorkerGoneError."""
        worker = await self._take()
        try:
            return await worker.ask(head, content, self._limits)
        except WorkerGoneError as gone:
            logger.warning("a process was lost", extra={"program": self._program.module, "reason": str(gone)})
            raise
        finally:
            self._give_back(worker)

    @property
    def _patience_s(self) -> float:
        """Return how long a message waits for a process: where none but new ones are to come, as long as one may take to start."""
        is_starting = not self._limits.ahead and all(worker.leaving for worker in self._alive)
        return max(self._limits.patience_s, _START_WITHIN_S) if is_starting else self._limits.patience_s

    async def _take(self) -> Worker[Answer]:
        """Return a process that lives; one that died while it had nothing to do is replaced."""
        patience_s = self._patience_s
        if not self._alive and not self._limits.ahead and not self._tasks:
            self._launch(self._start(self._limits.workers))
        try:
            async with asyncio.timeout(patience_s):
                while not (worker := await self._idle.get()).alive:
                    self._launch(self._replace(worker))
        except TimeoutError:
            raise self._program.busy from None
        return worker

    def _give_back(self, worker: Worker[Answer]) -> None:
        """Let the next message have the process, or have it replaced."""
        spent = worker.answered >= self._limits.documents or worker.resident > self._limits.megabytes * _MEGABYTE
        if not worker.broken and not spent:
            self._idle.put_nowait(worker)
        elif not self._stopped:
            worker.leaving = True
            self._launch(self._replace(worker))

    async def _replace(self, worker: Worker[Answer]) -> None:
        await worker.end()
        self._alive.discard(worker)
        await self._start(1)

    async def _start(self, count: int) -> None:
        pause = _FIRST_PAUSE_S
        while count:
            try:
                worker = await Worker.start(self._program)
            except (WorkerGoneError, OSError):
                logger.exception("a process did not start", extra={"program": self._program.module})
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LAST_PAUSE_S)
                continue
            self._alive.add(worker)
            self._idle.put_nowait(worker)
            count -= 1

    def _launch(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
