"""The service on a real socket, for what only a socket shows."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.fixtures.services import Harness, serving


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(documents: Harness) -> AsyncIterator[str]:
    """The service behind uvicorn; its address."""
    async with serving(documents) as address:
        yield address
