"""Keep something running: start it again with growing pauses, and say what happened."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

FIRST_PAUSE_S, LAST_PAUSE_S = 0.5, 15.0
STEADY_S = 30.0  # having run so long, the next failure counts as the first
logger = logging.getLogger(__name__)


class OnFailure(Protocol):
    def __call__(self, label: str, reason: str) -> None: ...


async def wait_until(event: asyncio.Event, seconds: float) -> bool:
    """Tell whether `event` was set within `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def keep(
    label: str, run: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event, failed: OnFailure
) -> None:
    """Call `run(stop)` again and again until `stop` is set. Only cancellation ends it otherwise."""
    pause = FIRST_PAUSE_S
    while not stop.is_set():
        began = asyncio.get_running_loop().time()
        reason = await _run_once(label, run, stop)
        if stop.is_set():
            logger.info("part stopped", extra={"part": label})
            return
        steady = asyncio.get_running_loop().time() - began > STEADY_S
        pause = FIRST_PAUSE_S if steady else pause
        failed(label, reason)
        await wait_until(stop, pause)
        pause = min(pause * 2, LAST_PAUSE_S)


async def _run_once(label: str, run: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event) -> str:
    try:
        await run(stop)
    except Exception as error:
        logger.exception("part failed", extra={"part": label})
        causes = error.exceptions if isinstance(error, BaseExceptionGroup) else [error]
        return "; ".join(f"{type(cause).__name__}: {cause}" for cause in causes)
    return "ended by itself"
