"""`bench`: ratios against a bare control, measured in the same run."""

from importlib import import_module
from importlib.util import find_spec
from typing import Annotated

import typer

from deploy.cli.console import CommandError
from deploy.cli.target import ROOT

FOLDER = ROOT / "tests" / "performance"


def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Which one; without a name that exists, they are listed.")],
) -> None:
    """Run a benchmark of tests/performance; further arguments are the benchmark's own (`--help` tells them)."""
    names = sorted(file.stem for file in FOLDER.glob("*.py") if not file.stem.startswith(("test_", "_", "conftest")))
    module = f"tests.performance.{name}"
    if name not in names or find_spec(module) is None:
        raise CommandError(f"no benchmark is called {name!r}; there are {', '.join(names)}", code=2)
    raise typer.Exit(import_module(module).main(context.args) or 0)
