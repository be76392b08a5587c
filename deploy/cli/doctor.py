"""`doctor`: what is installed, reachable, migrated and at work."""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from deploy.bootstrap import Environment
from deploy.cli.check import Check
from deploy.cli.console import AsJson, out, print_json
from deploy.cli.target import DEFAULT_DATA, ROOT, Data, command_line
from deploy.standalone.directory import DataDirectory, StackState
from deploy.standalone.errors import ServerError

LEAST_FREE = 2 * 1024**3
MARKS = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "failed": "[red]✗[/]"}


def doctor(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Check the installation; the exit code is 0 when nothing failed."""
    checks = [*installed(), *storage(data), *reachable(data)]
    healthy = all(check.status != "failed" for check in checks)
    if as_json:
        print_json({"ok": healthy, "checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            out.print(f"{MARKS[check.status]} {check.name:<22} {check.detail}", highlight=False, soft_wrap=True)
    raise typer.Exit(0 if healthy else 1)


def installed() -> Iterator[Check]:
    yield Check("python", "ok", sys.version.split()[0])
    from deploy.standalone import postgres, seaweed

    environment = Environment(ROOT)
    kind = environment.kind_for("run")
    fits = environment.fits(kind)
    yield Check(
        "environment", "ok" if fits else "warning", f"{kind} lock" if fits else "not made from the lock by ./trastienda"
    )
    yield version_of("postgresql", lambda: [str(postgres.binaries() / "postgres"), "--version"])
    yield version_of("seaweedfs", lambda: [str(seaweed.binary()), "version"])


def version_of(name: str, command: Any) -> Check:
    try:
        said = subprocess.run(command(), capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, ServerError, subprocess.SubprocessError) as error:
        return Check(name, "failed", str(error))
    return Check(name, "ok", said.splitlines()[0])


def storage(data: Path) -> Iterator[Check]:
    existing = next(folder for folder in (data.absolute(), *data.absolute().parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    yield Check("disk", "ok" if free > LEAST_FREE else "warning", f"{free / 1024**3:.1f} GiB free for {data}")


def reachable(data: Path) -> Iterator[Check]:
    """Ask every part that runs; for another installation only its gateway can be asked."""
    if url := os.environ.get("TRASTIENDA_URL"):
        yield from gateway(url.rstrip("/"))
        return
    state = DataDirectory(data).running()
    if state is None:
        yield Check(
            "running", "failed", f"nothing runs in {data.absolute()}; start it with {command_line('up', data=data)}"
        )
        return
    yield Check("running", "ok", f"pid {state.pid}, {state.shape}, {state.url}")
    yield from gateway(state.url)
    yield from services(state)
    from deploy.cli.work import work

    yield from work(state)


def gateway(url: str) -> Iterator[Check]:
    report = ready_report(url)
    yield Check("gateway", "ok" if report.get("status") == "ready" else "failed", str(report.get("status")))
    for name, upstream in report.get("upstreams", {}).items():
        yield Check(f"gateway -> {name}", "ok" if upstream["status"] == "ready" else "failed", upstream["status"])


def services(state: StackState) -> Iterator[Check]:
    """Say of each service whether its database is migrated, its event log and store answer."""
    for name, port in state.ports.items():
        for part, said in ready_report(f"http://127.0.0.1:{port}").get("parts", {}).items():
            what = "migrated" if part == "database" and said == "ok" else said
            yield Check(f"{name} {part}", "ok" if said == "ok" else "failed", what)


def ready_report(url: str) -> dict[str, Any]:
    """Return what /health/ready says, whatever its status; a part that is away says so as its status."""
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=10) as answer:  # noqa: S310 - the installation's address
            report: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            report = json.load(error)
    except (OSError, ValueError) as error:
        return {"status": str(error)}
    return report
