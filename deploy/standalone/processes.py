"""Each part as a process of its own, as containers run them, on one machine."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.parts import Part
from deploy.standalone.keeper import wait_until
from deploy.standalone.process import Program, Server, end_left_over

LOOK_S = 0.2
STOP = ((signal.SIGTERM, 2.0),)  # then SIGKILL: the stop of everything must end within five seconds


def part_program(part: Part, data: Path, environment: Mapping[str, str]) -> Program:
    """Describe the process of a part. It dies with us at once: all it does survives that by design."""
    arguments = [sys.executable, "-P", "-m", "deploy.parts", part.kind, part.name, "--of", str(data / "logs")]
    if part.port:
        arguments += ["--port", str(part.port)]
    return Program(
        name=part.label.replace(" ", "-"),
        arguments=arguments,
        directory=data / "logs",
        environment=python_environment() | dict(environment),
        deadly=signal.SIGKILL,
    )


def python_environment() -> dict[str, str]:
    """Return what a Python process of ours inherits: everything but settings, which are passed explicitly."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("TRASTIENDA_")}
    return own | {"PYTHONPATH": str(Path(__file__).parents[2])}


async def run_process(program: Program, stop: asyncio.Event) -> None:
    """Run until `stop` is set. Raises ServerError when the process ends before."""
    await asyncio.to_thread(end_left_over, program, signal.SIGTERM)
    server = Server(program)
    try:
        while not stop.is_set():
            server.check()
            await wait_until(stop, LOOK_S)
    finally:
        try:
            await server.stop(STOP)
        except asyncio.CancelledError:
            await server.stop(())  # no patience is left: SIGKILL
            raise
