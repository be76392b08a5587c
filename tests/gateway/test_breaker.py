"""An upstream that does not answer is left alone, and taken back when it does."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest

from gateway.breaker import Breaker, State
from tests.fixtures.pace import within
from tests.gateway.conftest import Door, OpenDoor, problem, until
from tests.gateway.servers import Backend, serving


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("billing", failures=3, pause=5.0, clock=clock)


def test_it_opens_after_failures_in_a_row(breaker: Breaker) -> None:
    for _ in range(2):
        breaker.failed()
    breaker.succeeded()
    for _ in range(2):
        breaker.failed()
    assert (breaker.state, breaker.wait()) == (State.CLOSED, 0)
    breaker.failed()
    assert breaker.state is State.OPEN
    assert breaker.wait() == 5.0


def test_one_trial_at_a_time_decides(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        breaker.failed()
    clock.now = 5.0
    assert [breaker.wait() for _ in range(3)] == [0, 5.0, 5.0]
    breaker.failed()
    assert breaker.state is State.OPEN
    clock.now = 10.0
    assert breaker.wait() == 0
    breaker.succeeded()
    assert (breaker.state, breaker.wait()) == (State.CLOSED, 0)


def test_a_trial_whose_caller_left_does_not_block_the_next(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        breaker.failed()
    clock.now = 5.0
    assert breaker.wait() == 0
    clock.now = 10.0
    assert breaker.wait() == 0


def test_two_failed_probes_open_and_a_good_one_closes(breaker: Breaker) -> None:
    breaker.probe_failed()
    breaker.probe_succeeded()
    breaker.probe_failed()
    assert breaker.wait() == 0
    breaker.probe_failed()
    assert breaker.wait() == 5.0
    breaker.probe_succeeded()
    assert breaker.wait() == 0


def test_probes_cannot_excuse_requests_that_time_out(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        breaker.probe_succeeded()
        breaker.failed(slow=True)
    breaker.probe_succeeded()
    assert breaker.state is State.OPEN
    clock.now = 5.0
    assert breaker.wait() == 0


@asynccontextmanager
async def hanging() -> AsyncIterator[int]:
    """Listen like a stopped process: connections are accepted by the kernel, and nothing ever answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        yield listener.getsockname()[1]


async def wait_for(door: Door, upstream: str, state: State, seconds: float) -> float:
    """Return the seconds until the breaker reached a state."""
    return await until(lambda: door.gateway.upstreams[upstream].breaker.state is state, seconds)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_dead_upstream_is_refused_at_once_and_taken_back(open_door: OpenDoor) -> None:
    port = free_port()
    upstreams = {"hr": f"http://127.0.0.1:{port}"}
    async with open_door(more_upstreams=upstreams, probe_interval=30, breaker_pause=0.3) as door:
        await until(lambda: door.gateway.upstreams["hr"].breaker._failed_probes)
        for _ in range(7):  # five tries find out, two more are not made: the caller is told the same
            async with door.client.get("/hr/echo") as response:
                await problem(response, 503, "service-unavailable")
                assert int(response.headers["retry-after"]) >= 1
        async with door.client.get("/hr/echo") as response:
            document = await problem(response, 503, "service-unavailable")
            assert int(response.headers["retry-after"]) == document["retry_after"] == 1
            assert document["service"] == "hr"
        async with door.client.get("/billing/echo") as response:
            assert response.status == 200
        async with serving(Backend("hr").app(), port):
            await asyncio.sleep(0.35)
            async with door.client.get("/hr/echo") as response:
                assert response.status == 200
            assert door.gateway.upstreams["hr"].breaker.state is State.CLOSED


async def timed(door: Door) -> float:
    """Return the seconds that a request to the healthy upstream takes."""
    started = monotonic()
    async with door.client.get("/billing/echo") as response:
        assert response.status == 200
    return monotonic() - started


async def test_a_stopped_upstream_opens_within_five_seconds_and_harms_no_other(open_door: OpenDoor) -> None:
    async with hanging() as port, open_door(more_upstreams={"hr": f"http://127.0.0.1:{port}"}) as door:
        before = [await timed(door) for _ in range(50)]
        waiting = [asyncio.create_task(door.client.get("/hr/echo").__aenter__()) for _ in range(20)]
        times = []
        watch = asyncio.create_task(wait_for(door, "hr", State.OPEN, 30))
        while not watch.done():
            times.append(await timed(door))
        assert within(5, await watch)
        assert sorted(times)[int(len(times) * 0.99)] < 2 * max(before) + 0.1
        async with door.client.get("/hr/echo") as response:
            await problem(response, 503, "service-unavailable")
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_restarted_upstream_is_taken_back_by_its_probe(open_door: OpenDoor) -> None:
    port = free_port()
    upstreams = {"hr": f"http://127.0.0.1:{port}"}
    async with open_door(more_upstreams=upstreams, probe_interval=0.1, breaker_pause=60) as door:
        await wait_for(door, "hr", State.OPEN, 5)
        async with serving(Backend("hr").app(), port):
            await wait_for(door, "hr", State.CLOSED, 3)
            async with door.client.get("/hr/echo") as response:
                assert response.status == 200


async def test_answers_that_time_out_open_it_too(open_door: OpenDoor) -> None:
    async with open_door(header_timeout=0.1, breaker_failures=2, probe_interval=0.1) as door:
        for _ in range(2):
            async with door.client.get("/billing/hang") as response:
                await problem(response, 504, "service-timeout")
        await asyncio.sleep(0.3)
        async with door.client.get("/billing/echo") as response:
            await problem(response, 503, "service-unavailable")


async def test_refusals_of_the_service_itself_do_not_count(open_door: OpenDoor) -> None:
    async with open_door(breaker_failures=2) as door:
        for _ in range(4):
            async with door.client.get("/billing/missing") as response:
                assert response.status == 404
        assert door.gateway.upstreams["billing"].breaker.state is State.CLOSED
