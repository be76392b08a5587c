"""`withdraw`: take back single events, by their ids. A whole log goes with `import-log --withdraw`."""

from typing import Annotated
from uuid import UUID

import typer

from deploy.cli.console import AsJson, out, print_json
from deploy.cli.target import DEFAULT_DATA, DEFAULT_TENANT, Data, Tenant, answer_of, find_target


def withdraw(
    events: Annotated[list[UUID], typer.Argument(metavar="EVENT", help="Ids of operations, observations or answers.")],
    reason: Annotated[str, typer.Option(help="Why they should never have counted; names nobody.")],
    tenant: Tenant = DEFAULT_TENANT,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Let events count nowhere, as if they had never been sent. Nothing takes it back."""
    items = [{"event": str(event), "reason": reason} for event in events]
    with find_target(data, tenant, "admin").client() as client:
        answer = answer_of(client.post("/analytics/withdrawals", json={"withdrawals": items}))
    if as_json:
        print_json(answer)
    else:
        out.print(f"Withdrew {len(events)}; it shows within seconds, or when the event arrives.", highlight=False)
