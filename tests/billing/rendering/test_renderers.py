"""Renderer processes that die, take too long or grow: what the caller hears, and that the next one is served."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from services.billing.einvoices.canonical import canonical_json
from services.billing.einvoices.limits import PoolLimits
from services.billing.rendering.errors import RendererLost, RenderersBusy, RenderingTooLarge
from services.billing.rendering.messages import Order
from services.billing.rendering.pool import Renderers
from services.billing.rendering.standing import About
from services.billing.rendering.worker import draw
from tests.billing.einvoices.test_pool import environment_of
from tests.billing.einvoices.whole_invoices import invent
from tests.performance.einvoice import plain

_SHORT = Order(
    format="pdf", language="es", invoice=canonical_json(invent(random.Random(5))), about=About(origin="unfiled")
)
_LONG = msgspec.structs.replace(_SHORT, invoice=canonical_json(plain(4_000)))


@asynccontextmanager
async def renderers(**limits: float) -> AsyncIterator[Renderers]:
    chosen = PoolLimits(**{"workers": 1, "patience_s": 60.0, "timeout_s": 60.0, **limits})  # type: ignore[arg-type] # whole where they must be
    async with Renderers(chosen).running() as running:
        yield running


def pid_of(pool: Renderers) -> int:
    (worker,) = pool._alive
    return worker.pid


async def test_another_process_draws_the_same_bytes() -> None:
    async with renderers() as pool:
        assert await pool.draw(_SHORT) == draw(_SHORT)


async def test_4000_lines_are_drawn_within_the_memory_of_a_renderer() -> None:
    async with renderers() as pool:
        assert (await pool.draw(_LONG)).startswith(b"%PDF-")
        page = await pool.draw(msgspec.structs.replace(_LONG, format="html"))
        assert page.count(b"Printing paper") == 4_000


async def test_what_takes_too_long_is_refused_and_its_process_replaced() -> None:
    async with renderers(timeout_s=0.15) as pool:
        await warm(pool)
        before = pid_of(pool)
        with pytest.raises(RenderingTooLarge) as refused:
            await pool.draw(_LONG)
        assert refused.value.values == {"format": "pdf", "obstacle": "time-limit"}
        await warm(pool)
        assert pid_of(pool) != before


async def warm(pool: Renderers) -> None:
    """Wait for a process; drawing nothing takes no time."""
    with pool.admission():
        pool._give_back(await pool._take())


async def test_what_needs_too_much_memory_is_refused() -> None:
    async with renderers(most_megabytes=120) as pool:
        with pytest.raises(RenderingTooLarge) as refused:
            await pool.draw(_LONG)
        assert refused.value.values["obstacle"] == "memory-limit"


async def test_a_process_killed_at_work_is_told_and_replaced() -> None:
    async with renderers() as pool:
        await pool.draw(_SHORT)
        asked = asyncio.create_task(pool.draw(_LONG))
        await asyncio.sleep(0.2)
        os.kill(pid_of(pool), signal.SIGKILL)
        with pytest.raises(RendererLost):
            await asked
        assert (await pool.draw(_SHORT)).startswith(b"%PDF-")


async def test_who_cannot_be_served_in_time_is_told_so() -> None:
    async with renderers(patience_s=0.01) as pool:
        with pytest.raises(RenderersBusy):
            await pool.draw(_SHORT)  # it is still starting
    async with renderers(waiting=1) as pool:
        with pool.admission(), pytest.raises(RenderersBusy):
            await pool.draw(_SHORT)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the system does not show a process's environment")
async def test_a_process_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRASTIENDA_PSEUDONYM_KEY", "do-not-tell")
    async with renderers() as pool:
        await pool.draw(_SHORT)
        environment = environment_of(pid_of(pool))
    assert environment is not None
    assert "PATH=" in environment
    assert "do-not-tell" not in environment
