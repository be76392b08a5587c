"""Stops sending to an upstream that does not answer, so that callers wait for nothing and it can recover."""

import logging
from collections.abc import Callable
from enum import IntEnum
from time import monotonic

_log = logging.getLogger("gateway.breaker")
_FAILED_PROBES = 2


class State(IntEnum):
    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breaker:
    """Opens after `failures` requests in a row without an answer, or two failed probes in a row.

    Open, it lets one request through after `pause` seconds (half open): an answer closes it. A probe that succeeds
    closes it at once, except where requests timed out while probes went well: only a request can prove that over.
    """

    def __init__(self, name: str, failures: int, pause: float, clock: Callable[[], float] = monotonic) -> None:
        self.name = name
        self.state = State.CLOSED
        self._limit, self._pause, self._clock = failures, pause, clock
        self._failures = self._failed_probes = 0
        self._slow = False
        self._next_try = 0.0

    def wait(self) -> float:
        """Return 0 when a request may pass now (half open: it is the trial), else the seconds until one may."""
        if self.state is State.CLOSED:
            return 0.0
        now = self._clock()
        if now < self._next_try:
            return self._next_try - now
        self._next_try = now + self._pause
        self._enter(State.HALF_OPEN)
        return 0.0

    def succeeded(self) -> None:
        """Note an answer, whatever its status."""
        self._failures = 0
        if self.state is not State.CLOSED:
            self._close()

    def failed(self, *, slow: bool = False) -> None:
        """Note a request without an answer; `slow` when it timed out on an open connection."""
        self._failures += 1
        if self.state is State.HALF_OPEN or self._failures >= self._limit:
            self._open(slow=slow)

    def probe_succeeded(self) -> None:
        self._failed_probes = 0
        if self.state is not State.CLOSED and not self._slow:
            self._close()

    def probe_failed(self) -> None:
        self._failed_probes += 1
        if self._failed_probes >= _FAILED_PROBES:
            self._open(slow=False)

    def _open(self, *, slow: bool) -> None:
        self._slow = slow
        self._next_try = self._clock() + self._pause
        self._enter(State.OPEN)

    def _close(self) -> None:
        self._failures = 0
        self._enter(State.CLOSED)

    def _enter(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            _log.warning("breaker", extra={"upstream": self.name, "state": state.name.lower()})
