"""The process that the indicators' benchmark asks: analytics behind uvicorn. Arguments: database's URL, folder for keys.

Prints its port and a viewer's and an administrator's token as one JSON object, and serves until its input ends.
"""

import asyncio
import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from deploy.standalone.issuer import ISSUER, DevelopmentIssuer
from services.analytics.app import SERVICE
from shared.app import create_app
from tests.fixtures.services import Harness, serving
from tests.performance._kpi_facts import ASKED

_PATIENCE_S = 600.0  # a statement of exact=true may take longer than a request should


async def main(url: str, folder: Path) -> None:
    issuer = DevelopmentIssuer(folder, "development")
    settings = SERVICE.settings(
        environment="development",
        database_url=SecretStr(url),
        s3_endpoint="http://127.0.0.1:9",  # none: no indicator reads a document
        s3_access_key="none",
        s3_secret_key=SecretStr("none"),
        issuer=ISSUER,
        jwks_file=issuer.jwks_file,
        pseudonym_key=SecretStr("bench"),
        request_timeout=_PATIENCE_S,
    )
    app = create_app(SERVICE, settings)
    async with (
        app.router.lifespan_context(app),
        serving(Harness(SERVICE, settings, app, issuer)) as address,
    ):
        tokens = {role: issuer.token(ASKED, role) for role in ("viewer", "admin")}
        sys.stdout.write(json.dumps({"port": urlsplit(address).port, **tokens}) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
