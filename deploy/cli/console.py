"""What commands say: results to standard output, everything else to standard error."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console

out = Console()
err = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print the data as JSON.")]


class CommandError(Exception):
    """Something the user can mend. Shown as it is, without a traceback; `code` becomes the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def print_json(value: Any) -> None:
    """Print for programs: no colour, no wrapping."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
