"""How much a tenant may ask."""

import re

from hypothesis import given
from hypothesis import strategies as st

from gateway import limits
from gateway.limits import RateLimiter
from tests.gateway.conftest import OpenDoor, problem


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(
    limit=st.integers(1, 20),
    window=st.floats(0.5, 50),
    pauses=st.lists(st.floats(0, 5), min_size=1, max_size=200),
)
def test_never_more_than_the_bucket_and_what_flowed_in(limit: int, window: float, pauses: list[float]) -> None:
    clock = Clock()
    limiter = RateLimiter(limit, window, clock)
    passed = 0
    for pause in pauses:
        clock.now += pause
        passed += limiter.take("t") >= 0
    assert passed <= limit + limit / window * sum(pauses) + 1e-6


@given(limit=st.integers(1, 20), window=st.floats(0.5, 50))
def test_who_waits_as_told_passes_and_not_much_earlier(limit: int, window: float) -> None:
    clock = Clock()
    limiter = RateLimiter(limit, window, clock)
    assert [limiter.take("t") >= 0 for _ in range(limit)] == [True] * limit
    wait = limiter.wait(limiter.take("t"))
    assert 0 < wait <= window * 1.001
    clock.now += wait * 0.99
    assert limiter.take("t") < 0
    clock.now += wait * 0.02
    assert limiter.take("t") >= 0


def test_tenants_do_not_share() -> None:
    limiter = RateLimiter(1, 60, Clock())
    assert limiter.take("a") >= 0
    assert limiter.take("a") < 0
    assert limiter.take("b") >= 0


def test_full_buckets_are_forgotten_and_empty_ones_are_not() -> None:
    clock = Clock()
    limiter = RateLimiter(1, 60, clock)
    for number in range(limits._PRUNE_ABOVE):
        limiter.take(f"old-{number}")
    clock.now = 61
    limiter.take("old-0")
    limiter.take("new")
    assert len(limiter._buckets) == 2
    assert limiter.take("old-0") < 0


async def test_the_limit_is_told_and_kept(open_door: OpenDoor) -> None:
    async with open_door(rate_limit=3, rate_window=60) as door:
        left = []
        for _ in range(3):
            async with door.client.get("/billing/echo") as response:
                assert response.status == 200
                assert response.headers["ratelimit-policy"] == '"tenant";q=3;w=60'
                match = re.fullmatch(r'"tenant";r=(\d+);t=(\d+)', response.headers["ratelimit"])
                assert match
                left.append(int(match[1]))
                assert 0 < int(match[2]) <= 61
        assert left == [2, 1, 0]
        async with door.client.get("/billing/echo", headers={"Accept-Language": "es-ES, en;q=0.5"}) as response:
            document = await problem(response, 429, "rate-limited")
            assert response.headers["content-language"] == "es"
            assert 1 <= int(response.headers["retry-after"]) <= 21
            assert response.headers["ratelimit"].startswith('"tenant";r=0;')
        assert "organización" in document["detail"]
        assert door.backend.requests == 3
        other = {"Authorization": f"Bearer {door.issuer.token('other', 'viewer')}"}
        async with door.client.get("/billing/echo", headers=other) as response:
            assert response.status == 200


async def test_strangers_use_up_nothing(open_door: OpenDoor) -> None:
    async with open_door(rate_limit=1, rate_window=60) as door:
        for _ in range(3):
            async with door.client.get("/billing/echo", headers={"Authorization": "Bearer x"}) as response:
                await problem(response, 401, "invalid-token")
        async with door.client.get("/billing/echo") as response:
            assert response.status == 200
