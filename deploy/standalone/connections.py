"""The connections of a service that its parts share where they run in one process."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from shared.app import Runtime, Service, open_runtime
from shared.settings import ServiceSettings


class SharedRuntimes:
    """An opener for one process that runs several parts of a service: they use the same connections."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[AsyncExitStack, Runtime]] = {}
        self._users: Counter[str] = Counter()
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def __call__(self, service: Service, settings: ServiceSettings) -> AsyncIterator[Runtime]:
        """Give the service's runtime; the first part opens it, the last closes it."""
        async with self._opening:
            if service.name not in self._open:
                stack = AsyncExitStack()
                self._open[service.name] = stack, await stack.enter_async_context(open_runtime(service, settings))
            self._users[service.name] += 1
        try:
            yield self._open[service.name][1]
        finally:
            self._users[service.name] -= 1
            if not self._users[service.name]:
                await self._open.pop(service.name)[0].aclose()
