"""One upstream: its connections, its breaker, and the probe that tells whether it lives."""

import asyncio
import logging
from time import monotonic

import aiohttp
from yarl import URL

from gateway.breaker import Breaker
from gateway.metrics import Red, breaker_state, requests_in_flight, upstream_ready
from gateway.settings import GatewaySettings

_log = logging.getLogger("gateway.upstream")
# Below the 5 s after which uvicorn closes an idle connection, so that a request rarely meets one being closed.
_KEEP_IDLE_S = 4.0
_CHUNK = 2**16
_LOOP_LAG_S = 0.25
_AUTO_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
UPSTREAM_ERRORS = (aiohttp.ClientError, OSError, TimeoutError)


class Upstream:
    """Holds its own connection pool: an upstream that hangs takes no connection from another."""

    def __init__(self, name: str, base: str, settings: GatewaySettings) -> None:
        self.name, self.base = name, base
        self.breaker = Breaker(name, settings.breaker_failures, settings.breaker_pause)
        self.red = Red(name)
        self.busy = 0
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._own_session: aiohttp.ClientSession | None = None
        self._probing: asyncio.Task[None] | None = None
        requests_in_flight.labels(name).set_function(lambda: float(self.busy))
        breaker_state.labels(name).set_function(lambda: float(self.breaker.state))
        self._alive = upstream_ready.labels(name)

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the gateway has not started")
        return self._session

    async def start(self) -> None:
        settings = self._settings
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=settings.upstream_connections, keepalive_timeout=_KEEP_IDLE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_AUTO_HEADERS,
            read_bufsize=_CHUNK,
            max_field_size=settings.header_limit,
            timeout=aiohttp.ClientTimeout(
                total=None, connect=settings.connect_timeout, sock_read=settings.header_timeout
            ),
        )
        # Probes must not queue behind the callers' requests for a connection.
        self._own_session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        self._probing = asyncio.create_task(self._probe_forever(), name=f"probe-{self.name}")

    async def close(self) -> None:
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)
        for session in (self._session, self._own_session):
            if session is not None:
                await session.close()
        breaker_state.remove(self.name)
        requests_in_flight.remove(self.name)

    async def get(self, path: str, seconds: float, headers: dict[str, str] | None = None) -> tuple[int, bytes, str]:
        """Return status, body and ETag of one of the upstream's own addresses. Raises UPSTREAM_ERRORS."""
        if self._own_session is None:
            raise RuntimeError("the gateway has not started")
        url, timeout = URL(self.base + path, encoded=True), aiohttp.ClientTimeout(total=seconds)
        async with self._own_session.get(url, timeout=timeout, allow_redirects=False, headers=headers) as answer:
            return answer.status, await answer.read(), answer.headers.get("ETag", "")

    async def probe(self) -> bool:
        """Ask once whether the process answers at all, and tell the breaker."""
        started, limit = monotonic(), self._settings.probe_timeout
        try:
            await self.get("/health/live", limit)
        except UPSTREAM_ERRORS as error:
            # A time-out that fired late says that this process was busy, nothing about the upstream.
            if monotonic() - started < limit + _LOOP_LAG_S:
                self.breaker.probe_failed()
                self._alive.set(0)
                _log.debug("probe failed", extra={"upstream": self.name, "error": repr(error)})
            return False
        self.breaker.probe_succeeded()
        self._alive.set(1)
        return True

    async def _probe_forever(self) -> None:
        while True:
            started = monotonic()
            await self.probe()
            await asyncio.sleep(max(0.05, self._settings.probe_interval - (monotonic() - started)))
