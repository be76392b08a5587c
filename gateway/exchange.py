"""One request and its answer, with the ids both carry."""

import asyncio
import logging
from time import perf_counter

from starlette.types import Receive, Scope, Send

from shared.errors import PROBLEM_JSON, BodyTooLarge, DomainError, preferred_language, problem_document
from shared.ids import uuid7
from shared.tracing import acceptable_request_id, continue_trace, current_request_id, current_trace

_log = logging.getLogger("gateway")
_LINGER_S = 2.0


class ClientGoneError(Exception):
    """The caller hung up or stopped reading; there is nobody to answer."""


class BrokenAnswerError(Exception):
    """The upstream broke off after its answer had begun; the caller must see it as incomplete."""


class Exchange:
    """What happens to one request; sets the request id and the trace for logs and problems."""

    __slots__ = (
        "body_pending",
        "extra",
        "lingers",
        "path",
        "receive",
        "request_id",
        "scope",
        "send",
        "started_at",
        "status",
        "tenant",
        "trace",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self.receive, self.send = scope, receive, send
        self.path: str = scope["path"]
        self.started_at = perf_counter()
        self.status = 0
        self.tenant: str | None = None
        self.body_pending = self.lingers = False
        self.extra: list[tuple[bytes, bytes]] = []
        request_id = traceparent = None
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                request_id = acceptable_request_id(value.decode("latin-1"))
            elif name == b"traceparent":
                traceparent = value.decode("latin-1")
        self.request_id = request_id or str(uuid7())
        self.trace = continue_trace(traceparent)
        current_request_id.set(self.request_id)
        current_trace.set(self.trace)

    @property
    def seconds(self) -> float:
        return perf_counter() - self.started_at

    async def start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Send the status line; every answer carries the ids, and the tenant's limit once it is known."""
        self.status = status
        headers += self.extra
        headers.append((b"x-request-id", self.request_id.encode()))
        headers.append((b"traceparent", self.trace.traceparent.encode()))
        self.lingers = self.body_pending
        if self.lingers:
            headers.append((b"connection", b"close"))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def answer(self, status: int, content_type: str, body: bytes, *headers: tuple[bytes, bytes]) -> None:
        """Send a whole answer of the gateway's own."""
        length = (b"content-length", str(len(body)).encode())
        kind = (b"content-type", content_type.encode())
        await self.start(status, [kind, length, *headers] if status not in {204, 304} else [*headers])
        await self.send_body(body)
        await self.finish()

    async def send_body(self, body: bytes, *, more: bool = False) -> None:
        await self.send({"type": "http.response.body", "body": body, "more_body": more or self.lingers})

    async def refuse(self, error: DomainError) -> None:
        """Send a problem document in the caller's language."""
        accept = next((value for name, value in self.scope["headers"] if name == b"accept-language"), b"")
        language = preferred_language(accept.decode("latin-1"))
        body = problem_document(error, language, self.path)
        headers = [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
        await self.answer(error.status, PROBLEM_JSON, body, (b"content-language", language.encode()), *headers)

    async def finish(self) -> None:
        """End an answer given before the request's body was read.

        The connection closes then. What still arrives is taken for a moment first: a close with unread data resets
        the connection, and the caller would lose the answer.
        """
        if not self.lingers:
            return
        try:
            async with asyncio.timeout(_LINGER_S):
                while self.body_pending:
                    message = await self.receive()
                    self.body_pending = message["type"] == "http.request" and message.get("more_body", False)
        except TimeoutError:
            _log.info("unread body", extra={"path": self.path})
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})


class RequestBody:
    """A request's body as it arrives, for one reader. Raises instead of ending when it is not whole.

    `deadline` ends the sending when no piece moved for `idle` seconds; `answer_within` is left on top after the last.
    """

    def __init__(self, exchange: Exchange, limit: int, idle: float, answer_within: float) -> None:
        self._exchange, self._limit, self._left = exchange, limit, limit
        self._idle, self._answer_within = idle, answer_within
        self.failure: DomainError | ClientGoneError | None = None
        self.waits_for_client = False
        self.deadline: asyncio.Timeout | None = None

    def __aiter__(self) -> "RequestBody":
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece; each one gives the peers another `idle` seconds."""
        while self._exchange.body_pending:
            self._postpone(self._idle)
            self.waits_for_client = True
            message = await self._exchange.receive()
            self.waits_for_client = False
            if message["type"] != "http.request":
                self._exchange.body_pending = False
                self.failure = ClientGoneError()
                raise self.failure
            chunk: bytes = message.get("body", b"")
            self._exchange.body_pending = message.get("more_body", False)
            self._left -= len(chunk)
            if self._left < 0:
                self.failure = BodyTooLarge(limit=self._limit)
                raise self.failure
            if chunk:
                return chunk
        self._postpone(self._idle + self._answer_within)
        raise StopAsyncIteration

    def _postpone(self, seconds: float) -> None:
        """Move on the deadline of whoever sends this body."""
        if self.deadline is not None and not self.deadline.expired():
            self.deadline.reschedule(asyncio.get_running_loop().time() + seconds)
