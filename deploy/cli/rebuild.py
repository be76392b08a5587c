"""`rebuild`: fold the facts, or the event log, again beside the live tables; say what differs, and mend it."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from deploy.cli.console import AsJson, CommandError, out, print_json
from deploy.cli.target import DEFAULT_DATA, USAGE, Data, check_tenant, command_line, running_stack

if TYPE_CHECKING:
    from services.analytics.settings import AnalyticsSettings

REBUILT = "analytics"
_DATABASES = ("TRASTIENDA_DATABASE_URL", "TRASTIENDA_ANALYTICS_DATABASE_URL")
COUNTS = ("rows", "missing", "extra", "different")


class Source(StrEnum):
    FACTS = "facts"
    LOG = "log"


def rebuild(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="analytics: the others derive nothing.")],
    tenant: Annotated[str | None, typer.Option(help="Whose data; everybody's unless said.")] = None,
    source: Annotated[
        Source, typer.Option("--from", help="The facts that are stored, or the event log.")
    ] = Source.FACTS,
    swap: Annotated[bool, typer.Option("--swap", help="Replace the rows that differ.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Fold again what is derived and compare; nothing stops meanwhile. Ends with 1 when rows differ and stay so."""
    if service != REBUILT:
        raise CommandError(f"{service!r} derives nothing that could be rebuilt; there is {REBUILT}", code=USAGE)
    if tenant is not None:
        check_tenant(tenant)
    answer = report(environment_of(data), tenant, source, swap=swap)
    if as_json:
        print_json(answer)
    else:
        show(answer, command_line("rebuild", REBUILT, "--from", source.value, "--swap", data=data))
    raise typer.Exit(0 if answer["right"] or swap else 1)


def environment_of(data: Path) -> Mapping[str, str]:
    """Return the settings: those of this environment, and where it names no database, those of what runs in `data`."""
    if any(os.environ.get(name) for name in _DATABASES):
        return os.environ
    return {**running_stack(data).environment, **os.environ}


def report(environ: Mapping[str, str], tenant: str | None, source: Source, *, swap: bool) -> dict[str, Any]:
    """Rebuild, and return what was found. Raises CommandError for what can be mended."""
    from deploy.registry import load_service
    from services.analytics.rebuilds.replay import ConsumerBehindError
    from services.analytics.settings import AnalyticsSettings
    from shared.eventlog import LogUnavailableError
    from shared.failures import first_line, is_transient

    try:
        settings = load_service(REBUILT).settings.load(environ)
        settings.require("database_url")
    except ValueError as error:
        raise CommandError(str(error)) from error
    assert isinstance(settings, AnalyticsSettings)
    try:
        return asyncio.run(_rebuilt(settings, tenant, source, swap=swap))
    except (ConsumerBehindError, LogUnavailableError) as error:
        raise CommandError(str(error)) from error
    except Exception as error:
        if not is_transient(error):
            raise
        raise CommandError(
            f"the database is away, or too busy: {first_line(error)}. Nothing was left half done"
        ) from error


async def _rebuilt(settings: "AnalyticsSettings", tenant: str | None, source: Source, *, swap: bool) -> dict[str, Any]:
    from services.analytics.rebuilds.service import rebuild_from_facts, rebuild_from_log, tenants_of
    from shared.eventlog.factory import open_event_log

    assert settings.database_url
    url, log_told = settings.database_url.get_secret_value(), None
    if source is Source.FACTS:
        tenants = [tenant] if tenant else await tenants_of(url)
        everyone = [await rebuild_from_facts(url, each, swap=swap) for each in tenants]
    else:
        log = open_event_log(
            settings.kafka_bootstrap, (settings.eventlog_url or settings.database_url).get_secret_value()
        )
        await log.start()
        try:
            everyone, replay = await rebuild_from_log(url, log, tenant, swap=swap, rule=settings.plausibility)
        finally:
            await log.close()
        log_told = {"messages": replay.messages, "refused": replay.refused}
    return {
        "from": source.value,
        "right": all(each.right for each in everyone),
        "swapped": any(each.swapped for each in everyone),
        "log": log_told,
        "tenants": [asdict(each) | {"right": each.right} for each in everyone],
    }


def show(answer: Mapping[str, Any], swap: str) -> None:
    table = Table()
    for heading in ("tenant", "table", *COUNTS):
        table.add_column(heading, justify="right" if heading in COUNTS else "left", no_wrap=True)
    for each in answer["tenants"]:
        for name, found in each["tables"].items():
            table.add_row(escape(each["tenant"]), name, *(f"{found[count]:,}" for count in COUNTS))
    out.print(table)
    for each in answer["tenants"]:
        for name, found in each["tables"].items():
            for row in found["examples"]:
                said = ", ".join(f"{key} {value}" for key, value in row.items() if key != "how")
                out.print(escape(f"{each['tenant']}, {name}: {row['how']} {said}"), highlight=False, soft_wrap=True)
        gone = ", ".join(f"{n:,} of {name}" for name, n in each["gone"].items() if n)
        if gone:
            out.print(escape(f"{each['tenant']}: no longer in the log, and kept: {gone}"), highlight=False)
    if answer["log"]:
        out.print("{messages:,} messages read, {refused:,} of them could not be kept".format(**answer["log"]))
    differs = "What differed was replaced." if answer["swapped"] else f"Rows differ. Mend them with {swap}"
    out.print("Nothing differs." if answer["right"] else escape(differs), highlight=False, soft_wrap=True)
