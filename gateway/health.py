"""Whether the gateway can do its work, and which upstream keeps it from it."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Any

from gateway.breaker import State
from gateway.upstream import UPSTREAM_ERRORS, Upstream

_ASK_S = 2.0
_KEEP_S = 0.5
_OK = 200


class Readiness:
    """Asks the upstreams' own readiness, at most twice a second however often it is asked itself."""

    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        self._upstreams = upstreams
        self._asked_at = float("-inf")
        self._states: dict[str, str] = {}
        self._lock = asyncio.Lock()

    async def report(self) -> dict[str, Any]:
        """Return `ready` when all upstreams are, `degraded` when some are, `unavailable` when none is."""
        async with self._lock:
            if monotonic() - self._asked_at > _KEEP_S:
                found = await asyncio.gather(*map(_state, self._upstreams.values()))
                self._states = dict(zip(self._upstreams, found, strict=True))
                self._asked_at = monotonic()
        ready = sum(state == "ready" for state in self._states.values())
        status = "ready" if ready == len(self._states) else "degraded" if ready else "unavailable"
        upstreams = {
            name: {"status": state, "breaker": self._upstreams[name].breaker.state.name.lower().replace("_", "-")}
            for name, state in self._states.items()
        }
        return {"status": status, "upstreams": upstreams}


async def _state(upstream: Upstream) -> str:
    try:
        status, _, _ = await upstream.get("/health/ready", _ASK_S)
    except UPSTREAM_ERRORS:
        return "unreachable"
    upstream.breaker.probe_succeeded()
    if upstream.breaker.state is not State.CLOSED:
        return "recovering"
    return "ready" if status == _OK else "not-ready"
