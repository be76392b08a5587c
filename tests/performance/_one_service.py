"""A service behind uvicorn, in a process of its own, as benchmarks ask it.

Its one argument is a JSON object: `service`, `url` of the database, `keys` (a folder), `tenant`, `roles`, and `settings` of
the service. Prints its port and a token per role as one JSON object, and serves until its input ends.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from deploy.registry import load_service
from deploy.standalone.issuer import ISSUER, DevelopmentIssuer
from shared.app import create_app
from tests.fixtures.services import Harness, serving

NO_STORE = {"s3_endpoint": "http://127.0.0.1:9", "s3_access_key": "none", "s3_secret_key": "none"}
_START_S = 60.0


@dataclass(frozen=True)
class Running:
    """`tokens` by role."""

    pid: int
    port: int
    tokens: dict[str, str]


@asynccontextmanager
async def running(
    service: str, url: str, keys: Path, tenant: str, roles: Sequence[str], **settings: Any
) -> AsyncIterator[Running]:
    """Run a service. Its database is migrated before."""
    asked = {"service": service, "url": url, "keys": str(keys), "tenant": tenant, "roles": roles, "settings": settings}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.performance._one_service", json.dumps(asked)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        told = json.loads(await asyncio.wait_for(process.stdout.readline(), _START_S))
        yield Running(process.pid, told["port"], told["tokens"])
    finally:
        process.stdin.close()
        await process.wait()


async def main(asked: dict[str, Any]) -> None:
    issuer, service = DevelopmentIssuer(Path(asked["keys"]), "development"), load_service(asked["service"])
    settings = service.settings(
        environment="development",
        database_url=SecretStr(asked["url"]),
        issuer=ISSUER,
        jwks_file=issuer.jwks_file,
        pseudonym_key=SecretStr("bench"),
        **asked["settings"],
    )
    app = create_app(service, settings)
    async with app.router.lifespan_context(app), serving(Harness(service, settings, app, issuer)) as address:
        tokens = {role: issuer.token(asked["tenant"], role) for role in asked["roles"]}
        sys.stdout.write(json.dumps({"port": urlsplit(address).port, "tokens": tokens}) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
