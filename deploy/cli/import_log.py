"""`import-log`: send an event log to analytics and wait until the indicators show it."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from deploy.cli.console import AsJson, CommandError, err, out, print_json
from deploy.cli.target import DEFAULT_DATA, DEFAULT_TENANT, Data, Tenant, answer_of, command_line, find_target

if TYPE_CHECKING:
    import httpx

CHUNK = 256 * 1024
LOOK_S = 0.2


def import_log(
    file: Annotated[
        Path,
        typer.Argument(help="A XES, CSV or OCEL file, gzipped or not.", exists=True, dir_okay=False, readable=True),
    ],
    process: Annotated[str, typer.Option(help="What the process is called.")],
    automatic: Annotated[list[str] | None, typer.Option(help="A resource that is a machine; repeatable.")] = None,
    cost_attribute: Annotated[str | None, typer.Option(help="The attribute that holds a cost.")] = None,
    currency: Annotated[str | None, typer.Option(help="The currency of the costs, e.g. EUR.")] = None,
    log_format: Annotated[
        str | None, typer.Option("--format", help="xes, csv or ocel; else told by the content.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="Of a CSV, where its name is unusual: case=Ticket; repeatable.")
    ] = None,
    timestamp_format: Annotated[
        str | None, typer.Option(help="Of a CSV, e.g. %d/%m/%Y %H:%M; ISO 8601 needs none.")
    ] = None,
    case_object_type: Annotated[
        str | None, typer.Option(help="Of an OCEL, which type of object gives the cases; needed when it has several.")
    ] = None,
    missing: Annotated[
        str | None, typer.Option(help="withdraw: the log tells its cases whole, what else is known of them goes.")
    ] = None,
    withdraw: Annotated[
        str | None, typer.Option(help="Import nothing: take back what importing the log so brought; the reason.")
    ] = None,
    revision: Annotated[int | None, typer.Option(help="Another one imports anew what was withdrawn.")] = None,
    tenant: Tenant = DEFAULT_TENANT,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Import an event log, or withdraw one; ends when the indicators show it."""
    asked: dict[str, Any] = {"process": process, "automatic": automatic, "cost_attribute": cost_attribute}
    asked |= {"currency": currency, "format": log_format, "timestamp_format": timestamp_format, **columns(column or [])}
    asked |= {"case_object_type": case_object_type, "missing": missing, "withdraw": withdraw, "revision": revision}
    parameters = {name: value for name, value in asked.items() if value is not None}
    with find_target(data, tenant, "admin").client(timeout=300.0) as client, progress_bar() as progress:
        job = send(client, file, parameters, progress)
        job = wait_for(client, f"/analytics/jobs/{job['id']}", progress)
    if withdraw is not None and not job["result"]["withdrawn"]:
        raise CommandError("nothing of this log was known: say --process and the rest as it was imported")
    if as_json:
        print_json(job)
    else:
        did = f"Imported {file.name} as" if withdraw is None else f"Withdrew {file.name} from"
        following = command_line("kpi", "--process", process, tenant=tenant, data=data)
        show(f"{did} process {process}. Next: {following}", job["result"] or {})


def show(said: str, report: dict[str, Any]) -> None:
    """Print what was done and the report's figures that say something."""
    out.print(escape(said), highlight=False, soft_wrap=True)
    for name, value in report.items():
        if value not in (None, [], {}):
            out.print(escape(f"  {name.replace('_', ' ')}: {value}"), highlight=False)


def columns(given: list[str]) -> dict[str, str]:
    """Turn `case=Ticket` into the API's `case_column`. Raises CommandError for another form."""
    pairs = [each.partition("=") for each in given]
    if any(not name or not column for name, _, column in pairs):
        raise CommandError("--column takes what it holds and its name, as in --column case=Ticket", code=2)
    return {f"{name}_column": column for name, _, column in pairs}


def progress_bar() -> Progress:
    """Return a bar that shows itself on a terminal only."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )


def send(client: "httpx.Client", file: Path, parameters: dict[str, Any], progress: Progress) -> dict[str, Any]:
    task = progress.add_task("sending", total=file.stat().st_size, note="")
    headers = {"Content-Type": "application/octet-stream", "Idempotency-Key": str(uuid.uuid4())}
    content = chunks(file, progress, task)
    answer: dict[str, Any] = answer_of(
        client.post("/analytics/event-logs", params=parameters, content=content, headers=headers)
    )
    return answer


def chunks(file: Path, progress: Progress, task: TaskID) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            yield chunk
            progress.advance(task, len(chunk))


def wait_for(client: "httpx.Client", path: str, progress: Progress) -> dict[str, Any]:
    """Follow a job to its end. Raises CommandError when it fails."""
    task = progress.add_task("importing", total=None, note="")
    while True:
        job: dict[str, Any] = answer_of(client.get(path))
        progress.update(task, completed=job["done"], total=job["total"], note=f"{job['done']:,}")
        if job["status"] == "failed":
            detail = (job["error"] or {}).get("detail") or {}
            raise CommandError(f"the import failed: {detail.get('en') or job['error']}")
        if job["status"] == "succeeded":
            return job
        time.sleep(LOOK_S)
