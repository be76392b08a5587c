"""`up`: everything on this machine, ready to be tried."""

import asyncio
import io
import logging
import os
import sys
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, redirect_stderr
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.cells import cell_len
from rich.markup import escape
from rich.panel import Panel

from deploy.cli.console import CommandError, out
from deploy.cli.demo import TENANT, cut_off_note, load_note, marker
from deploy.cli.target import DEFAULT_DATA, DEFAULT_TENANT, USAGE, Data, command_line, make_token
from deploy.standalone.errors import ServerError

if TYPE_CHECKING:
    from deploy.standalone.process import Program
    from deploy.standalone.supervisor import Stack

LARGEST_LOG = 20_000_000  # characters


class ConsoleReport:
    """Progress of the start, a line when something is done."""

    def done(self, what: str, seconds: float) -> None:
        out.print(f"  [green]✓[/] {what} [dim]{seconds:.1f} s[/]", highlight=False)

    def warn(self, text: str) -> None:
        out.print(f"  [yellow]![/] {escape(text)}", highlight=False, soft_wrap=True)


def up(
    port_base: Annotated[
        int, typer.Option(min=1, max=65530, help="The gateway's port; the services take the next ones.")
    ] = 8000,
    data: Data = DEFAULT_DATA,
    processes: Annotated[bool, typer.Option("--processes", help="Each part as a process of its own.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Load some months of a demo company.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the demo: same seed, same data.")] = 1,
    ready_file: Annotated[
        Path | None, typer.Option(help="Written when everything answers, removed at the end.")
    ] = None,
) -> None:
    """Start everything: servers, gateway, services, relays, consumers. Ctrl-C stops it."""
    import uvloop

    from deploy.standalone.supervisor import Options, Stack

    check_ready_file(ready_file)
    flags = [*(["--processes"] if processes else []), *(["--demo", "--seed", seed] if demo else [])]
    further = command_line(*flags, data=data).removeprefix("./trastienda")
    options = Options(data, port_base, processes, ready_file, further)
    stack = Stack(options, ConsoleReport())
    stack.directory.prepare()
    out.print(f"Trastienda starts in [bold]{escape(str(data))}[/]", highlight=False, soft_wrap=True)
    with logging_to(stack.directory.logs / "trastienda.log"):
        uvloop.run(stack.run(partial(welcome, demo_seed=seed if demo else None)))
    out.print("Stopped; nothing is left running.")


def check_ready_file(file: Path | None) -> None:
    """Raise CommandError where it could not be written once everything has started."""
    if file is None:
        return
    folder = file.absolute().parent
    if not folder.is_dir():
        reason = f"{folder} is no directory"
    elif file.is_dir():
        reason = "it is a directory"
    elif not os.access(folder, os.W_OK | os.X_OK):
        reason = f"{folder} cannot be written to"
    else:
        return
    raise CommandError(f"--ready-file {file} cannot be: {reason}", code=USAGE)


class LogFile(io.TextIOBase):
    """A file that begins anew when it is large; the one before is kept."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream = file.open("a", encoding="utf-8")

    def write(self, text: str) -> int:
        if self._stream.tell() > LARGEST_LOG:
            self._stream.close()
            self._file.replace(self._file.with_suffix(".log.1"))
            self._stream = self._file.open("a", encoding="utf-8")
        return self._stream.write(text)

    def flush(self) -> None:
        if not self._stream.closed:
            self._stream.flush()

    def close(self) -> None:
        self._stream.close()
        super().close()


@contextmanager
def logging_to(file: Path) -> Iterator[None]:
    """Send everything for standard error to a file: the terminal is for people."""
    from shared.logging import configure_logging

    with LogFile(file) as log, redirect_stderr(log):
        try:
            configure_logging(os.environ.get("TRASTIENDA_LOG_LEVEL", "INFO"))
        except ValueError as error:
            raise ServerError(f"TRASTIENDA_LOG_LEVEL: {error}") from error
        try:
            yield
        finally:
            logging.getLogger().handlers.clear()


async def welcome(stack: "Stack", demo_seed: int | None) -> None:
    if demo_seed is not None:
        data = stack.options.data
        note = load_note(data, demo_seed) if marker(data).exists() else cut_off_note(data, demo_seed)
        if note:
            out.print(f"  {escape(note)}", highlight=False, soft_wrap=True)
        else:
            await load_demo(stack, demo_seed)
    show_tokens(stack)
    show_box(stack, demo=demo_seed is not None)
    stack.announce()


def load_demo(stack: "Stack", seed: int) -> Awaitable[None]:
    """Play the demo from a process of its own: what it needs in memory goes when it is done."""
    from deploy.standalone.process import Program
    from deploy.standalone.processes import python_environment

    arguments = [sys.executable, "-P", "-m", "deploy.cli", "demo", "load", "--seed", str(seed)]
    program = Program(
        name="demo",
        arguments=[*arguments, "--data", str(stack.directory.path)],
        directory=stack.directory.logs,
        environment=python_environment(),
    )
    return stack.timed("demo company", _run_to_the_end(program))


async def _run_to_the_end(program: "Program") -> None:
    from deploy.standalone.process import Server

    server = Server(program)
    try:
        while server.exit_code is None:  # noqa: ASYNC110 - a process sets no event
            await asyncio.sleep(0.1)
    finally:
        code = server.exit_code
        await asyncio.shield(server.stop(()))
    if code != 0:
        raise ServerError(f"the demo could not be loaded:\n{server.log_tail(20)}")


def show_tokens(stack: "Stack") -> None:
    """Print a token per role, each whole on one line so that it can be copied."""
    if not stack.issues_tokens:
        return
    from deploy.registry import SERVICES
    from shared.auth import ROLES

    out.print(f"\nTokens of tenant [bold]{DEFAULT_TENANT}[/], valid for a day:", highlight=False)
    for role in (*ROLES, *SERVICES):
        token = make_token(stack.directory.path, DEFAULT_TENANT, role)
        out.print(f"[bold]{role:<10}[/] {token}", highlight=False, soft_wrap=True)


def show_box(stack: "Stack", *, demo: bool) -> None:
    """Say where everything is and what to try, each command whole on one line so that it can be copied."""
    data = stack.options.data
    kpi = command_line("kpi", data=data, tenant=TENANT) if demo else command_line("kpi", data=data)
    lines = [
        *(f"{name:<14} http://127.0.0.1:{port}" for name, port in stack.options.ports.items()),
        f"{'documentation':<14} {stack.url}/docs",
        "",
        "Try next:",
        f"  {kpi}",
        f"  {command_line('import-log', 'FILE', '--process', 'NAME', data=data)}",
        f"  {command_line('doctor', data=data)}",
        "",
        "Ctrl-C stops everything.",
    ]
    text, width = escape("\n".join(lines)), max(map(cell_len, lines)) + 4
    if width <= out.width:
        out.print(Panel(text, title="Ready", width=width), highlight=False)
    else:  # a box would break the commands
        out.print(f"\n[bold]Ready[/]\n{text}", highlight=False, soft_wrap=True)
