"""Which installation a command talks to: TRASTIENDA_URL, else what runs in the data directory."""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from deploy.cli.console import CommandError
from deploy.standalone.directory import DataDirectory, StackState

if TYPE_CHECKING:
    import httpx

ROOT = Path(__file__).parents[2]
DEFAULT_DATA = ROOT / ".trastienda"
DEFAULT_TENANT = "local"
HTTP_ERROR = 400
USAGE = 2  # what typer exits with for an option that cannot be

Data = Annotated[Path, typer.Option("--data", envvar="TRASTIENDA_DATA", help="Where `up` keeps everything.")]
Tenant = Annotated[str, typer.Option("--tenant", help="Whose data.")]


@dataclass(frozen=True)
class Target:
    """A gateway and the token to use there."""

    url: str
    token: str

    @contextmanager
    def client(self, timeout: float = 60.0) -> Iterator["httpx.Client"]:
        """Give a client with the token. A gateway that cannot be reached becomes a CommandError."""
        import httpx

        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            with httpx.Client(base_url=self.url, headers=headers, timeout=timeout) as client:
                yield client
        except httpx.TransportError as error:
            raise CommandError(f"{self.url} cannot be reached: {error}") from error


def command_line(*words: object, data: Path, tenant: str = DEFAULT_TENANT) -> str:
    """Return a command to be copied: it reaches the same tenant in the same directory."""
    options = [] if tenant == DEFAULT_TENANT else ["--tenant", tenant]
    options += [] if data == DEFAULT_DATA else ["--data", str(data)]
    return shlex.join(["./trastienda", *map(str, words), *options])


def running_stack(data: Path) -> StackState:
    """Return what runs in `data`. Raises CommandError when nothing does."""
    state = DataDirectory(data).running()
    if state is None:
        start = command_line("up", data=data)
        raise CommandError(f"nothing runs in {data.absolute()}. Start it with {start}, or set TRASTIENDA_URL")
    return state


def find_target(data: Path, tenant: str, role: str) -> Target:
    """Find the gateway and make or take a token. Raises CommandError saying what is missing."""
    token = os.environ.get("TRASTIENDA_TOKEN")
    url = os.environ.get("TRASTIENDA_URL")
    if not url:
        url = running_stack(data).url
    elif not token:
        data = data_behind(url, data)
    return Target(url.rstrip("/"), token or make_token(data, tenant, role))


def data_behind(url: str, given: Path) -> Path:
    """Return the data directory of the `up` that answers at `url`, on this machine, for its keys.

    Raises CommandError where no such `up` is found: another installation's tokens cannot be made here.
    """
    from deploy.cli.whereabouts import data_of_port

    port = urlsplit(url).port
    state = DataDirectory(given).running()
    if state is not None and urlsplit(state.url).port == port:
        return given
    found = data_of_port(port, DEFAULT_DATA) if port is not None else None
    if found is None:
        raise CommandError("TRASTIENDA_URL is set and is no `up` of this machine: set TRASTIENDA_TOKEN as well")
    return found


def make_token(data: Path, tenant: str, role: str) -> str:
    """Sign a token with the installation's development keys.

    Raises CommandError for an unknown role, a tenant that no installation admits, and where there are no keys.
    """
    from deploy.registry import SERVICES
    from deploy.standalone.issuer import DevelopmentIssuer, NotInProductionError
    from shared.auth import ROLES

    roles = (*ROLES, *SERVICES)
    if role not in roles:
        raise CommandError(f"no role is called {role!r}; there are {', '.join(roles)}")
    check_tenant(tenant)
    environment = os.environ.get("TRASTIENDA_ENVIRONMENT", "development")
    keys = DataDirectory(data).keys
    if environment == "development" and not (keys / "issuer.pem").exists():
        start = command_line("up", data=data)
        raise CommandError(
            f"there are no keys to sign a token with in {data.absolute()}. {start} makes them; "
            "where another issuer signs, set TRASTIENDA_TOKEN"
        )
    try:
        return DevelopmentIssuer(keys, environment).token(tenant, role)
    except NotInProductionError as error:
        raise CommandError(str(error)) from error


def check_tenant(tenant: str) -> None:
    """Raise CommandError for a name that every verifier refuses."""
    from shared.auth import InvalidToken, principal_of
    from shared.errors import TEXTS

    try:
        principal_of({"tenant": tenant, "sub": "anybody", "scope": "", "exp": 0})
    except InvalidToken as error:
        rule = f"{TEXTS['tokens'][error.values['reason']][0]}, beginning with a letter or digit"
        raise CommandError(f"--tenant {shlex.quote(tenant)} cannot be: {rule}", code=USAGE) from error


def answer_of(response: "httpx.Response") -> Any:
    """Return an answer's JSON. Raises CommandError with the problem's own words."""
    if response.status_code < HTTP_ERROR:
        return response.json()
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    detail = problem.get("detail") or problem.get("title") or response.text[:300] or response.reason_phrase
    lines = [f"{response.status_code} {problem.get('code', '')}".strip() + f": {detail}"]
    lines += [f"  {key}: {problem[key]}" for key in ("errors", "hint", "request_id") if problem.get(key)]
    raise CommandError("\n".join(lines))
