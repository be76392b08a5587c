"""A gateway in front of backends, and clients with tokens."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from deploy.standalone.issuer import ISSUER, DevelopmentIssuer
from gateway.app import Gateway
from gateway.settings import GatewaySettings
from shared.auth import Verifier
from tests.gateway.servers import Backend, serving


@dataclass
class Door:
    """A running gateway, the backend behind it, and a client that sends an operator's token."""

    gateway: Gateway
    backend: Backend
    port: int
    backend_port: int
    client: aiohttp.ClientSession
    issuer: DevelopmentIssuer

    @property
    def token(self) -> str:
        return self.issuer.token("local", "operator")


OpenDoor = Callable[..., AbstractAsyncContextManager[Door]]


@pytest.fixture(scope="session")
def open_door(issuer: DevelopmentIssuer) -> OpenDoor:
    """Return a context manager that starts a backend and a gateway; keywords are settings."""

    @asynccontextmanager
    async def opened(**changes: Any) -> AsyncIterator[Door]:
        backend = Backend()
        async with AsyncExitStack() as stack:
            backend_port = await stack.enter_async_context(serving(backend.app()))
            upstreams = {"billing": f"http://127.0.0.1:{backend_port}", **changes.pop("more_upstreams", {})}
            settings = GatewaySettings(
                upstreams=upstreams, issuer=ISSUER, jwks_file=issuer.jwks_file, environment="development", **changes
            )
            gateway = Gateway(settings, Verifier(settings))
            port = await stack.enter_async_context(serving(gateway))
            token = issuer.token("local", "operator")
            client = aiohttp.ClientSession(
                f"http://127.0.0.1:{port}",
                headers={"Authorization": f"Bearer {token}"},
                timeout=aiohttp.ClientTimeout(total=60),
                auto_decompress=False,
            )
            await stack.enter_async_context(client)
            yield Door(gateway, backend, port, backend_port, client, issuer)

    return opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def door(open_door: OpenDoor) -> AsyncIterator[Door]:
    """One gateway with the default settings for every test that needs no other."""
    async with open_door() as opened:
        yield opened


async def until(condition: Callable[[], object], seconds: float = 5) -> float:
    """Wait until something holds; return the seconds it took. Raises TimeoutError."""
    started = monotonic()
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in the code under test
            await asyncio.sleep(0.01)
    return monotonic() - started


async def problem(response: aiohttp.ClientResponse, status: int, code: str) -> dict[str, Any]:
    """Return a problem document after checking that it is one."""
    assert response.status == status, await response.text()
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = await response.json(content_type=None)
    assert (document["status"], document["code"]) == (status, code)
    assert document["request_id"] == response.headers["x-request-id"]
    return document
