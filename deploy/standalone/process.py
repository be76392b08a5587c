"""A server process of ours: started, watched, stopped, and recognised again after a crash."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from deploy.standalone import child
from deploy.standalone.errors import ServerError

LARGEST_LOG = 20_000_000  # bytes; looked at when the program starts
STEP = 0.02  # seconds between two looks at a process


@dataclass(frozen=True)
class Program:
    """What to run. `directory` is the server's own: it names it, holds its log and its run record."""

    name: str
    arguments: Sequence[str]
    directory: Path
    environment: Mapping[str, str]
    unprivileged: bool = False
    deadly: signal.Signals = signal.SIGTERM

    @property
    def log(self) -> Path:
        return self.directory / f"{self.name}.log"

    @property
    def record(self) -> Path:
        return self.directory / f"{self.name}.run.json"

    def command(self) -> list[str]:
        """Build the command: the program behind the wrapper that ties its life to ours."""
        options = ["--parent", str(os.getpid()), "--deadly", str(int(self.deadly))]
        if self.unprivileged:
            options += ["--unprivileged", str(self.directory)]
        return [sys.executable, "-I", "-S", child.__file__, *options, "--", *self.arguments]


class Server:
    """One running program. Start it from a thread that lives as long as it should: it dies with that thread."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._process = self._spawn()
        self._remember()

    def _spawn(self) -> subprocess.Popen[bytes]:
        if self.program.log.exists() and self.program.log.stat().st_size > LARGEST_LOG:
            self.program.log.replace(self.program.log.with_suffix(".log.1"))
        with self.program.log.open("ab") as log:
            return subprocess.Popen(
                self.program.command(),
                cwd=self.program.directory,
                env=dict(self.program.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches only us: we decide in which order things stop
            )

    def _remember(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            started = psutil.Process(self._process.pid).create_time()
            record = {"pid": self._process.pid, "started": started}
            self.program.record.write_text(json.dumps(record), encoding="utf-8")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def check(self) -> None:
        """Raise ServerError when the process has ended, with the end of its log."""
        if self.exit_code is not None:
            raise ServerError(f"{self.program.name} ended with code {self.exit_code}:\n{self.log_tail()}")

    def log_tail(self, lines: int = 8) -> str:
        text = self.program.log.read_text(encoding="utf-8", errors="replace") if self.program.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    async def stop(self, steps: Sequence[tuple[signal.Signals, float]]) -> None:
        """Send each signal and give it its seconds, until the process has ended; SIGKILL comes last by itself."""
        for number, seconds in (*steps, (signal.SIGKILL, 10.0)):
            if self.exit_code is not None:
                break
            self._process.send_signal(number)
            await self.ended(seconds)
        self.program.record.unlink(missing_ok=True)

    async def ended(self, seconds: float) -> None:
        """Wait until the process has ended, at most `seconds`."""
        deadline = time.monotonic() + seconds
        while self.exit_code is None and time.monotonic() < deadline:  # noqa: ASYNC110 - a process sets no event
            await asyncio.sleep(STEP)


def left_over(program: Program) -> psutil.Process | None:
    """Find the same server of an earlier run that was killed. Only ours: pid, start time and command line agree."""
    try:
        record = json.loads(program.record.read_text(encoding="utf-8"))
        found = psutil.Process(record["pid"])
        same_start = abs(found.create_time() - record["started"]) < 1
        ours = any(str(program.directory) in argument for argument in found.cmdline())
    except (OSError, ValueError, KeyError, psutil.Error):
        return None
    return found if same_start and ours else None


def end_left_over(program: Program, number: signal.Signals, patience: float = 5.0) -> bool:
    """End what an earlier run left behind; True when there was something."""
    found = left_over(program)
    if found is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.send_signal(number)
            with contextlib.suppress(psutil.TimeoutExpired):
                found.wait(patience)
            if found.is_running():
                found.kill()
                found.wait(patience)
    program.record.unlink(missing_ok=True)
    return found is not None
