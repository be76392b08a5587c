"""`demo`: some months of a small company's back office, in a tenant of its own."""

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from deploy.cli.console import CommandError, err, out
from deploy.cli.target import DEFAULT_DATA, Data, command_line, make_token, running_stack
from deploy.standalone.directory import DataDirectory

TENANT = "demo"
Seed = Annotated[int, typer.Option(help="Same seed, same data.")]

app = typer.Typer(help="Load or clear the demo tenant.", no_args_is_help=True)


def marker(data: Path) -> Path:
    """Return the file that says which seed is loaded, and for which day."""
    return DataDirectory(data).path / "demo-seed"


def begun(data: Path) -> Path:
    """Return the file that says which seed and day a load began with, for as long as it has not ended."""
    return DataDirectory(data).path / "demo-begun"


def begin(data: Path, seed: int, today: date) -> date:
    """Return the day to load the demo for: today, or that on which the same load began and was cut off."""
    if not begun(data).exists():
        begun(data).write_text(f"{seed} {today}", encoding="utf-8")
    return date.fromisoformat(begun(data).read_text(encoding="utf-8").split()[1])


def cut_off_note(data: Path, seed: int) -> str:
    """Say that a load with another seed was cut off, if so: the tenant would hold parts of both."""
    if not begun(data).exists():
        return ""
    loading = begun(data).read_text(encoding="utf-8").split()[0]
    if loading == str(seed):
        return ""
    going_on = command_line("demo", "load", "--seed", loading, data=data)
    clearing = command_line("demo", "clear", data=data)
    return f"A load with seed {loading} was cut off: {going_on} goes on, {clearing} removes it."


def load_note(data: Path, seed: int) -> str:
    """Say that a demo is there already, and how to get the one that was asked for."""
    loaded = marker(data).read_text(encoding="utf-8").split()[0]
    clearing = command_line("demo", "clear", data=data)
    if loaded == str(seed):
        return f"The demo is there already, with seed {loaded}; {clearing} removes it."
    loading = command_line("demo", "load", "--seed", seed, data=data)
    return f"The demo is there already, with seed {loaded}, not {seed}. For that: {clearing} && {loading}"


@app.command()
def load(seed: Seed = 1, data: Data = DEFAULT_DATA) -> None:
    """Play the demo into the running installation, unless it is there already."""
    from deploy.demo import drained
    from deploy.demo import load as play
    from deploy.demo.clear import BusyError
    from deploy.demo.stage import DemoError

    if marker(data).exists():
        out.print(escape(load_note(data, seed)), highlight=False, soft_wrap=True)
        return
    if note := cut_off_note(data, seed):
        raise CommandError(note)
    environment = running_stack(data).environment
    until = begin(data, seed, datetime.now(UTC).date())
    try:
        asyncio.run(play(environment, lambda role: make_token(data, TENANT, role), seed, until))
    except DemoError as error:
        raise CommandError(str(error)) from error
    begun(data).replace(marker(data))
    try:
        asyncio.run(drained(environment))
    except BusyError as error:
        err.print(f"The demo is in, but the indicators do not show all of it yet: {escape(str(error))}", soft_wrap=True)


@app.command()
def clear(data: Data = DEFAULT_DATA) -> None:
    """Remove the demo tenant and everything it has."""
    from deploy.demo import clear as remove
    from deploy.demo.clear import BusyError

    try:
        asyncio.run(remove(running_stack(data).environment, TENANT))
    except BusyError as error:
        raise CommandError(str(error)) from error
    for file in (marker(data), begun(data)):
        file.unlink(missing_ok=True)
    out.print("The demo is gone.")
