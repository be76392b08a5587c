"""The processes that the gateway's benchmark measures: `backend`, and `gateway UPSTREAM JWKS`."""

import os
import socket
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from deploy.standalone.issuer import ISSUER
from gateway.app import create_gateway
from gateway.settings import GatewaySettings
from shared.auth import Verifier
from shared.logging import configure_logging

ANSWER: dict[str, str | int] = {"id": "0198c0de-0000-7000-8000-000000000000", "state": "approved", "lines": 3}


def backend() -> FastAPI:
    app = FastAPI()

    @app.get("/billing/invoice")
    async def invoice() -> dict[str, str | int]:
        return ANSWER

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    return app


def gateway(upstream: str, jwks: Path) -> ASGIApp:
    settings = GatewaySettings(
        upstreams={"billing": upstream}, issuer=ISSUER, jwks_file=jwks, environment="development", rate_limit=10**9
    )
    return create_gateway(settings, Verifier(settings))


def main(arguments: list[str]) -> None:
    """Serve on a free port, whose number is the only line printed."""
    configure_logging()
    app = backend() if arguments[0] == "backend" else gateway(arguments[1], Path(arguments[2]))
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)  # from here on a connection waits instead of being refused
    os.write(sys.stdout.fileno(), f"{listener.getsockname()[1]}\n".encode())
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=1, loop="uvloop", http="httptools"
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1:])
