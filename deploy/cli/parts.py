"""`serve`, `relay`, `consume`, `migrate`: one part alone, as containers run it."""

import os
from typing import Annotated

import typer

from deploy.cli.console import CommandError
from deploy.cli.target import DEFAULT_DATA, Data
from deploy.standalone.directory import DataDirectory

Name = Annotated[str, typer.Argument(metavar="SERVICE", help="documents, billing, hr or analytics.")]
Port = Annotated[int, typer.Option("--port", help="Where to listen.")]
Host = Annotated[str, typer.Option("--host", help="On which address; 0.0.0.0 is every one.")]


def run(kind: str, name: str, data: DataDirectory, *options: str) -> None:
    """Run the part; settings come from the environment, else from what runs in the data directory."""
    from deploy.parts import main
    from deploy.registry import GATEWAY, SERVICES

    known = (*SERVICES, GATEWAY) if kind == "serve" else SERVICES
    if name not in known:
        raise CommandError(f"no service is called {name!r}; there are {', '.join(known)}", code=2)
    state = data.running()
    if state is not None:
        os.environ.update({key: value for key, value in state.environment.items() if key not in os.environ})
    raise typer.Exit(main([kind, name, *options]))


def serve(service: Name, port: Port = 8000, host: Host = "127.0.0.1", data: Data = DEFAULT_DATA) -> None:
    """Answer HTTP for one service, or as the gateway."""
    run("serve", service, DataDirectory(data), "--port", str(port), "--host", host)


def relay(service: Name, data: Data = DEFAULT_DATA) -> None:
    """Publish a service's events."""
    run("relay", service, DataDirectory(data))


def consume(service: Name, data: Data = DEFAULT_DATA) -> None:
    """Run a service's consumers and jobs."""
    run("consume", service, DataDirectory(data))


def migrate(service: Name, data: Data = DEFAULT_DATA) -> None:
    """Bring a service's schema, bucket and topics to the newest version."""
    run("migrate", service, DataDirectory(data))
