"""`kpi`: the indicators, as the API gives them."""

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from deploy.cli.console import AsJson, out
from deploy.cli.target import DEFAULT_DATA, DEFAULT_TENANT, Data, Tenant, answer_of, find_target

Text = Annotated[str | None, typer.Option(help="Only this one.")]
Zone = Annotated[str | None, typer.Option(help="Whose days are meant, as Europe/Madrid; UTC unless said.")]
Calendar = Annotated[str | None, typer.Option(help="Waits, lead times and cases in its working time.")]
AsOf = Annotated[str | None, typer.Option(help="What was known then (ISO 8601); without it, all that is known.")]
Exact = Annotated[
    bool, typer.Option(help="Percentiles from every operation instead of within 1 %, and variants (--json).")
]


def kpi(
    process: Text = None,
    activity: Text = None,
    team: Text = None,
    actor_kind: Annotated[str | None, typer.Option(help="person or automation.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="First moment (ISO 8601).")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Moment after the last.")] = None,
    group_by: Annotated[
        list[str] | None, typer.Option(help="process, activity, team, day, ...; repeat it for two.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option(help="In which currency costs are told, where there are several.")
    ] = None,
    time_zone: Zone = None,
    calendar: Calendar = None,
    as_of: AsOf = None,
    exact: Exact = False,
    tenant: Tenant = DEFAULT_TENANT,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show the indicators of a process, a team or everything."""
    asked = {
        "process": process,
        "activity": activity,
        "team": team,
        "actor_kind": actor_kind,
        "from": since,
        "to": until,
        "group_by": group_by,
        "currency": currency,
        "time_zone": time_zone,
        "calendar": calendar,
        "as_of": as_of,
        "exact": exact,
    }
    filters = {name: value for name, value in asked.items() if value}
    with find_target(data, tenant, "viewer").client() as client:
        response = client.get("/analytics/kpis", params=filters)
        answer = answer_of(response)
    if as_json:
        typer.echo(response.text)
    else:
        show(answer)


def show(answer: dict[str, Any]) -> None:
    """Print every list of indicators, each followed by its advice."""
    for title, kpis in lists_of(answer):
        out.print(table_of(title, kpis))
        for each in kpis:
            out.print(f"[dim]{each['id']}[/] {escape(each['advice'])}", highlight=False)


def lists_of(answer: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return each list of indicators with its title: that of everything, then one per group."""
    groups = [
        (", ".join(f"{key}: {value or '-'}" for key, value in g["group"].items()), g["kpis"]) for g in answer["groups"]
    ]
    return [("", answer["kpis"]), *groups]


def table_of(title: str, kpis: list[dict[str, Any]]) -> Table:
    table = Table(title=title or None, title_justify="left")
    for heading in ("indicator", "value", "unit", "n", "band"):
        table.add_column(heading, justify="right" if heading in {"value", "n"} else "left", no_wrap=True)
    for each in kpis:
        value = "-" if each["value"] is None else f"{float(each['value']):,.3f}"
        table.add_row(each["id"], value, each["unit"] or "", f"{each['n']:,}", each["band"])
    return table
