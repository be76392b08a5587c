"""`token`: a development token, alone on standard output."""

from typing import Annotated

import typer

from deploy.cli.target import DEFAULT_DATA, DEFAULT_TENANT, Data, Tenant, make_token

Role = Annotated[
    str, typer.Option("--role", help="viewer, operator, manager, director, admin, or a service's name for its machine.")
]


def token(role: Role, tenant: Tenant = DEFAULT_TENANT, data: Data = DEFAULT_DATA) -> None:
    """Print a token for a tenant and a role, and nothing else."""
    typer.echo(make_token(data, tenant, role))
