"""Streams one request to an upstream and its answer back, with bounded memory and a time-out on every silence."""

import asyncio
from contextlib import suppress

import aiohttp
from multidict import CIMultiDict, istr
from yarl import URL

from gateway.exchange import BrokenAnswerError, ClientGoneError, Exchange, RequestBody
from gateway.headers import Incoming, response_headers
from gateway.refusals import BodyStalled, ServiceTimeout, ServiceUnavailable, ServiceUnreachable
from gateway.settings import GatewaySettings
from gateway.upstream import UPSTREAM_ERRORS, Upstream
from shared.errors import BodyTooLarge

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_REQUEST_ID, _TRACEPARENT = istr("X-Request-Id"), istr("Traceparent")
_CONTENT_LENGTH = istr("Content-Length")
_FOR, _PROTO, _HOST = istr("X-Forwarded-For"), istr("X-Forwarded-Proto"), istr("X-Forwarded-Host")
# Most answers are here sooner; only a longer one is worth a task that watches for a caller hanging up.
_WATCH_AFTER_S = 0.05


class Proxy:
    """Forwards to upstreams; holds no state of its own."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings

    async def forward(self, exchange: Exchange, incoming: Incoming, upstream: Upstream) -> None:
        """Send the request on and relay the answer.

        Raises a refusal as long as nothing was sent to the caller, ClientGoneError when the caller hung up. An answer
        that breaks off half-way is left incomplete, which the server turns into a closed connection.
        """
        if wait := upstream.breaker.wait():
            raise ServiceUnavailable(service=upstream.name, retry_after=wait)
        body = self._body(exchange, incoming)
        watch = _Watch(exchange)
        upstream.busy += 1
        try:
            response = await self._request(exchange, incoming, upstream, body)
            try:
                await self._relay(exchange, response)
            finally:
                response.close()
            await exchange.finish()
        except asyncio.CancelledError:
            if not watch.fired:
                raise
            watch.acknowledge()
            raise ClientGoneError from None
        finally:
            upstream.busy -= 1
            watch.stop()

    def _body(self, exchange: Exchange, incoming: Incoming) -> RequestBody | None:
        if not incoming.has_body:
            return None
        limit = self._settings.body_limit
        exchange.body_pending = True
        if int(incoming.own.get(b"content-length", b"0")) > limit:
            raise BodyTooLarge(limit=limit)
        return RequestBody(exchange, limit, self._settings.idle_timeout, self._settings.header_timeout)

    async def _request(
        self, exchange: Exchange, incoming: Incoming, upstream: Upstream, body: RequestBody | None
    ) -> aiohttp.ClientResponse:
        """Return the upstream's answer as soon as its headers are there."""
        try:
            response = await self._attempt(exchange, incoming, upstream, body)
        except UPSTREAM_ERRORS as error:
            raise _refusal(error, upstream, body) from error
        upstream.breaker.succeeded()
        return response

    async def _attempt(
        self, exchange: Exchange, incoming: Incoming, upstream: Upstream, body: RequestBody | None
    ) -> aiohttp.ClientResponse:
        """Send the request, with one more try where repeating it cannot do anything twice.

        A failed connect is tried again here; the client library does it for a connection that breaks before the
        answer, for the same methods.
        """
        method: str = exchange.scope["method"]
        url, headers = _target(exchange, upstream), _headers(exchange, incoming)
        send = upstream.session.request
        if body is not None:
            try:
                async with asyncio.timeout(self._settings.idle_timeout) as body.deadline:
                    return await send(method, url, headers=headers, data=body, allow_redirects=False)
            finally:
                body.deadline = None
        try:
            return await send(method, url, headers=headers, allow_redirects=False)
        except aiohttp.ClientConnectorError:
            if method not in _IDEMPOTENT:
                raise
            return await send(method, url, headers=headers, allow_redirects=False)

    async def _relay(self, exchange: Exchange, response: aiohttp.ClientResponse) -> None:
        headers = response_headers(response.raw_headers, response.status)
        await exchange.start(response.status, headers)
        content = response.content
        if not content.is_eof():
            self._allow_idle(response)
        try:
            chunk = await content.readany()
            if content.at_eof():
                await exchange.send_body(chunk)
            else:
                await self._relay_rest(exchange, content, chunk)
        except UPSTREAM_ERRORS as error:
            raise BrokenAnswerError(repr(error)) from error

    async def _relay_rest(self, exchange: Exchange, content: aiohttp.StreamReader, chunk: bytes) -> None:
        """Pass on piece by piece; a caller that takes nothing for the idle time is given up."""
        idle, now = self._settings.idle_timeout, asyncio.get_running_loop().time
        more = True
        try:
            async with asyncio.timeout(None) as sending:
                while more:
                    more = not content.at_eof()
                    sending.reschedule(now() + idle)
                    await exchange.send_body(chunk, more=more)
                    sending.reschedule(None)
                    if more:
                        chunk = await content.readany()
        except TimeoutError as error:
            if sending.expired():
                raise ClientGoneError from error
            raise

    def _allow_idle(self, response: aiohttp.ClientResponse) -> None:
        """From here on the upstream may be silent for the idle time, as event streams are."""
        connection = response.connection
        if connection is not None and connection.protocol is not None:
            connection.protocol.read_timeout = self._settings.idle_timeout
            connection.protocol.start_timeout()


def _target(exchange: Exchange, upstream: Upstream) -> URL:
    scope = exchange.scope
    target = upstream.base + scope["raw_path"].decode("latin-1")
    if query := scope["query_string"]:
        target += "?" + query.decode("latin-1")
    return URL(target, encoded=True)


def _headers(exchange: Exchange, incoming: Incoming) -> CIMultiDict[str]:
    headers = CIMultiDict(incoming.forward)
    headers[_REQUEST_ID] = exchange.request_id
    headers[_TRACEPARENT] = exchange.trace.traceparent
    own, scope = incoming.own, exchange.scope
    headers[_PROTO] = scope["scheme"]
    if client := scope.get("client"):
        headers[_FOR] = client[0]
    if (host := own.get(b"host")) is not None:
        headers[_HOST] = host.decode("latin-1")
    if (length := own.get(b"content-length")) is not None and b"transfer-encoding" not in own:
        headers[_CONTENT_LENGTH] = length.decode("ascii")
    return headers


def _refusal(error: Exception, upstream: Upstream, body: RequestBody | None) -> Exception:
    """Return what the caller is told, and tell the breaker when it was the upstream's fault."""
    if body is not None and body.failure is not None:
        return body.failure
    if not isinstance(error, TimeoutError):
        upstream.breaker.failed()
        if isinstance(error, aiohttp.ClientConnectorError):  # nothing was sent: trying again is safe
            return ServiceUnavailable(service=upstream.name, retry_after=1)
        return ServiceUnreachable(service=upstream.name)
    if body is not None and body.waits_for_client:
        return BodyStalled()
    upstream.breaker.failed(slow=not isinstance(error, aiohttp.ConnectionTimeoutError))
    return ServiceTimeout(service=upstream.name)


class _Watch:
    """Ends the exchange when the caller hangs up while the upstream is still at work."""

    def __init__(self, exchange: Exchange) -> None:
        self.fired = False
        self._exchange = exchange
        self._loop = asyncio.get_running_loop()
        self._owner = asyncio.current_task(self._loop)
        self._watcher: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(_WATCH_AFTER_S, self._begin)

    def stop(self) -> None:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()

    def acknowledge(self) -> None:
        if self._owner is not None:
            self._owner.uncancel()

    def _begin(self) -> None:
        """Watch once the body is through; until then its reader notices, and two readers would steal from each other."""
        if self._exchange.body_pending:
            self._timer = self._loop.call_later(_WATCH_AFTER_S, self._begin)
        else:
            self._watcher = self._loop.create_task(self._watch())

    async def _watch(self) -> None:
        with suppress(asyncio.CancelledError):
            while (await self._exchange.receive())["type"] != "http.disconnect":
                pass
            if self._owner is not None:
                self.fired = True
                self._owner.cancel()
