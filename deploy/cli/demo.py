"""`demo`: some months of a small company's back office, in a tenant of its own."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from deploy.cli.console import CommandError, out
from deploy.cli.target import DEFAULT_DATA, Data, command_line, make_token, running_stack
from deploy.standalone.directory import DataDirectory

TENANT = "demo"
Seed = Annotated[int, typer.Option(help="Same seed, same data.")]

app = typer.Typer(help="Load or clear the demo tenant.", no_args_is_help=True)


def marker(data: Path) -> Path:
    """Return the file that says which seed is loaded."""
    return DataDirectory(data).path / "demo-seed"


def load_note(data: Path, seed: int) -> str:
    """Say that a demo is there already, and how to get the one that was asked for."""
    loaded = marker(data).read_text(encoding="utf-8").strip()
    clearing = command_line("demo", "clear", data=data)
    if loaded == str(seed):
        return f"The demo is there already, with seed {loaded}; {clearing} removes it."
    loading = command_line("demo", "load", "--seed", seed, data=data)
    return f"The demo is there already, with seed {loaded}, not {seed}. For that: {clearing} && {loading}"


@app.command()
def load(seed: Seed = 1, data: Data = DEFAULT_DATA) -> None:
    """Play the demo through the running installation's APIs, unless it is there already."""
    from deploy.demo import load as play
    from deploy.demo.load import DemoError

    if marker(data).exists():
        out.print(escape(load_note(data, seed)), highlight=False, soft_wrap=True)
        return
    try:
        asyncio.run(play(running_stack(data).url, lambda role: make_token(data, TENANT, role), seed))
    except DemoError as error:
        raise CommandError(str(error)) from error
    marker(data).write_text(str(seed), encoding="utf-8")


@app.command()
def clear(data: Data = DEFAULT_DATA) -> None:
    """Remove the demo tenant and everything it has."""
    from deploy.demo import clear as remove
    from deploy.demo.clear import BusyError

    try:
        asyncio.run(remove(running_stack(data).environment, TENANT))
    except BusyError as error:
        raise CommandError(str(error)) from error
    marker(data).unlink(missing_ok=True)
    out.print("The demo is gone.")
