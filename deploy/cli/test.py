"""`test`: run every test; extra arguments go to pytest."""

import os
import subprocess
import sys

import typer

from deploy.cli.target import ROOT


def test(context: typer.Context) -> None:
    """Run the tests; arguments after it go to pytest."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("TRASTIENDA_") or _for_tests(name)}
    # A run starts hundreds of interpreters, and without byte code each would compile all that it imports anew.
    own.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "pytest", *context.args]
    raise typer.Exit(subprocess.run(command, cwd=ROOT, env=own, check=False).returncode)


def _for_tests(name: str) -> bool:
    """Tell what tests may see: a setting of somebody's installation must not reach the tests; what names test servers must."""
    return name.startswith("TRASTIENDA_TEST_") or name == "TRASTIENDA_KAFKA_BOOTSTRAP"
