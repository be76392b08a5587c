"""PostgreSQL notifications as wake-ups: they make waiting short, they never carry data."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from shared.db import asyncpg_url

_RETRY_S = 1.0
logger = logging.getLogger(__name__)


class WakeUp:
    """Set by a notification; `wait` also ends after its time-out, so a missed one costs a little time, no data."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self, *_details: object) -> None:
        self._event.set()

    async def wait(self, timeout_s: float) -> None:
        await pause(self._event, timeout_s)
        self._event.clear()


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, but not past `stop`."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


@asynccontextmanager
async def listening(url: str, channel: str) -> AsyncIterator[WakeUp]:
    """Wake up on notifications of `channel`; reconnects for as long as the block lasts."""
    wake_up = WakeUp()
    task = asyncio.create_task(_listen(asyncpg_url(url), channel, wake_up))
    try:
        yield wake_up
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _listen(url: str, channel: str, wake_up: WakeUp) -> None:
    while True:
        lost = asyncio.Event()
        try:
            connection = await asyncpg.connect(url, timeout=10)
            try:
                connection.add_termination_listener(lambda _connection, lost=lost: lost.set())
                await connection.add_listener(channel, wake_up.set)
                wake_up.set()  # what came while nobody listened
                await lost.wait()
            finally:
                await _close(connection)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            logger.warning("cannot listen", extra={"channel": channel, "reason": str(error)})
            await asyncio.sleep(_RETRY_S)


async def _close(connection: asyncpg.Connection) -> None:
    try:
        await connection.close(timeout=2)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()
