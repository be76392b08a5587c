"""Wait for something that another task does."""

import asyncio
from collections.abc import Awaitable, Callable, Generator


async def eventually(check: Callable[[], object] | Callable[[], Awaitable[object]], patience_s: float = 15.0) -> None:
    """Return once `check` gives something true. Raises TimeoutError after `patience_s`."""
    async with asyncio.timeout(patience_s):
        for pause_s in _pauses():
            found = check()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(pause_s)


def _pauses() -> Generator[float, None, None]:
    yield from (0.002, 0.005, 0.01)
    while True:
        yield 0.02
