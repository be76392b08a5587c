"""Puts the commands together and turns their errors into messages and exit codes."""

import sys

import typer
from rich.markup import escape

from deploy.cli import demo
from deploy.cli.bench import bench
from deploy.cli.console import CommandError, err
from deploy.cli.doctor import doctor
from deploy.cli.import_log import import_log
from deploy.cli.kpi import kpi
from deploy.cli.parts import consume, migrate, relay, serve
from deploy.cli.rebuild import rebuild
from deploy.cli.test import test
from deploy.cli.token import token
from deploy.cli.up import up
from deploy.cli.withdraw import withdraw
from deploy.standalone.errors import ServerError

INTERRUPTED = 130

app = typer.Typer(
    name="trastienda",
    help="A back office that measures itself. Start with: ./trastienda up",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (up, token, kpi, withdraw, doctor, serve, relay, consume, migrate, rebuild):
    app.command()(command)
app.command("import-log")(import_log)
PASSES_ARGUMENTS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
app.command(context_settings={**PASSES_ARGUMENTS_ON, "help_option_names": []})(test)
app.command(context_settings=PASSES_ARGUMENTS_ON)(bench)
app.add_typer(demo.app, name="demo")


def main() -> int:
    """Run a command and return its exit code."""
    try:
        app(prog_name="trastienda")
    except (CommandError, ServerError) as error:
        err.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        return getattr(error, "code", 1)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has gone: `kpi | head -1`
        return 0
    return 0
