"""Puts the gateway together: an ASGI application without a framework, since every layer would run per request."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.access_log import AccessLog
from gateway.catalogue import Catalogue
from gateway.docs import SECURITY_HEADERS, Docs
from gateway.exchange import BrokenAnswerError, ClientGoneError, Exchange
from gateway.headers import authorization, split_headers
from gateway.health import Readiness
from gateway.limits import RateLimiter
from gateway.metrics import Red, client_gone_total, rate_limited_total
from gateway.proxy import Proxy
from gateway.refusals import RateLimited, UnknownService, UnsafePath
from gateway.settings import GatewaySettings
from gateway.tokens import TokenCache, reaches
from gateway.upstream import Upstream
from shared.auth import NotAllowed, Principal, Verifier
from shared.errors import DomainError, MethodNotAllowed
from shared.metrics import render

_log = logging.getLogger("gateway")
_JSON = "application/json"
_OWN = "gateway"


def create_gateway(settings: GatewaySettings, verifier: Verifier) -> ASGIApp:
    """Return the gateway for these upstreams. Run it with lifespan on: it opens its connections there."""
    return Gateway(settings, verifier)


class Gateway:
    """Answers its own few addresses and streams everything else to the upstream that the path names."""

    def __init__(self, settings: GatewaySettings, verifier: Verifier) -> None:
        self._settings = settings
        self.upstreams = {name: Upstream(name, url, settings) for name, url in settings.upstreams.items()}
        self._tokens = TokenCache(verifier, settings.token_cache_size, settings.token_cache_seconds)
        self._limiter = RateLimiter(settings.rate_limit, settings.rate_window)
        self._proxy = Proxy(settings)
        self._catalogue = Catalogue(self.upstreams, settings.openapi_refresh)
        self._readiness = Readiness(self.upstreams)
        self._docs = Docs()
        self._access_log = AccessLog() if settings.access_log else None
        self._red = Red(_OWN)
        self._own = {
            "/": self._root,
            "/health/live": self._live,
            "/health/ready": self._ready,
            "/metrics": self._metrics,
            "/openapi.json": self._openapi,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(Exchange(scope, receive, send))
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hold the connections to the upstreams open."""
        try:
            for upstream in self.upstreams.values():
                await upstream.start()
            yield
        finally:
            for upstream in self.upstreams.values():
                await upstream.close()
            if self._access_log is not None:
                self._access_log.flush()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self.running():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, exchange: Exchange) -> None:
        upstream = self.upstreams.get(exchange.path[1:].partition("/")[0])
        try:
            if upstream is None:
                await self._answer(exchange)
            else:
                await self._admit(exchange, upstream)
        except DomainError as error:
            await exchange.refuse(error)
        except ClientGoneError:
            client_gone_total.labels(upstream.name if upstream else _OWN).inc()
        except BrokenAnswerError as error:
            _log.warning("answer broke off", extra={"path": exchange.path, "reason": str(error)})
        except Exception:  # noqa: BLE001 - the last place where a caller can still be told
            _log.exception("request failed", extra={"path": exchange.path})
            if exchange.status == 0:
                await exchange.refuse(DomainError())
        self._record(exchange, upstream)

    async def _admit(self, exchange: Exchange, upstream: Upstream) -> None:
        """Check who asks and how often, then forward."""
        raw, settings = exchange.scope["headers"], self._settings
        target = len(exchange.scope["raw_path"]) + len(exchange.scope["query_string"])
        incoming = split_headers(raw, target, settings.header_limit, settings.header_count_limit)
        exchange.body_pending = incoming.has_body
        principal = await self._tokens.principal(authorization(raw))
        exchange.tenant = principal.tenant
        self._count(exchange, principal)
        if not reaches(principal, upstream.name):
            raise NotAllowed(scope=f"{upstream.name}.*")
        if "/." in exchange.path and not {".", ".."}.isdisjoint(exchange.path.split("/")):
            raise UnsafePath
        await self._proxy.forward(exchange, incoming, upstream)

    def _count(self, exchange: Exchange, principal: Principal) -> None:
        left = self._limiter.take(principal.tenant)
        exchange.extra = self._limiter.headers(left)
        if left < 0:
            rate_limited_total.inc()
            limit, window = self._limiter.limit, self._limiter.window
            raise RateLimited(limit=limit, window=round(window), retry_after=self._limiter.wait(left))

    def _record(self, exchange: Exchange, upstream: Upstream | None) -> None:
        if exchange.status:
            (upstream.red if upstream else self._red).observe(exchange.status, exchange.seconds)
        if self._access_log is not None:
            self._access_log.add(exchange, upstream.name if upstream else _OWN)

    async def _answer(self, exchange: Exchange) -> None:
        """Answer one of the gateway's own addresses, which need no token."""
        handler = self._own.get(exchange.path)
        file = None if handler else await self._docs.file(exchange.path)
        if handler is None and file is None:
            raise UnknownService
        if exchange.scope["method"] not in {"GET", "HEAD"}:
            refusal = MethodNotAllowed(method=exchange.scope["method"])
            refusal.headers = {"Allow": "GET, HEAD"}
            raise refusal
        if handler is not None:
            await handler(exchange)
        elif file is not None:
            await exchange.answer(200, *file, (b"cache-control", b"max-age=300"), *SECURITY_HEADERS)

    async def _root(self, exchange: Exchange) -> None:
        await exchange.answer(307, "text/plain", b"", (b"location", b"/docs"))

    async def _live(self, exchange: Exchange) -> None:
        await exchange.answer(200, _JSON, b'{"status":"alive"}')

    async def _ready(self, exchange: Exchange) -> None:
        report = await self._readiness.report()
        status = 503 if report["status"] == "unavailable" else 200
        await exchange.answer(status, _JSON, msgspec.json.encode(report), (b"cache-control", b"no-store"))

    async def _metrics(self, exchange: Exchange) -> None:
        body, content_type = render()
        await exchange.answer(200, content_type, body)

    async def _openapi(self, exchange: Exchange) -> None:
        body, etag = await self._catalogue.document()
        headers = ((b"etag", etag.encode()), (b"cache-control", b"no-cache"))
        known = next((value for name, value in exchange.scope["headers"] if name == b"if-none-match"), b"")
        if etag in known.decode("latin-1"):
            await exchange.answer(304, _JSON, b"", *headers)
        else:
            await exchange.answer(200, _JSON, body, *headers)
