"""The service on a real socket, for what only a socket shows."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
import uvicorn

from tests.fixtures.services import Harness


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(documents: Harness) -> AsyncIterator[str]:
    """The service behind uvicorn; its address."""
    config = uvicorn.Config(documents.app, port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving
