"""HTTP/1.1 with bounds on what a stranger may send before anything of ours has seen it, and an answer when it is wrong.

httptools, unlike h11, bounds neither the size of a request's head nor the time until it is whole, and both are
spent before any token is looked at. Request bodies are bounded by the applications, which know whose they are.
"""

import asyncio
import re
import sys
from collections.abc import Iterable
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from shared.errors import PROBLEM_JSON, DomainError, IncompleteBody, preferred_language, problem_document
from shared.ids import uuid7
from shared.tracing import acceptable_request_id, current_request_id

HEAD_BYTES = 64 * 1024
LINGER_S = 2.0
_LINE = re.compile(rb"^(accept-language|x-request-id):([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


class HeadTooLarge(DomainError):
    """The gateway has the same refusal for heads that its own, lower bounds do not admit."""

    code, status = "headers-too-large", 431
    en = "Address and headers are more than {limit} bytes."
    es = "La dirección y las cabeceras pasan de {limit} bytes."
    hint_en = "Send fewer or shorter headers, and what is long in the body."
    hint_es = "Envíe menos cabeceras o más cortas, y lo que sea largo en el cuerpo."


class MalformedRequest(DomainError):
    """`reason` is the parser's own word, in English."""

    code, status = "malformed-request", 400
    en = "What was received is no valid HTTP/1.1 request."
    es = "Lo recibido no es una petición HTTP/1.1 válida."
    hint_en = "Check the method, the header lines and the framing: Content-Length or Transfer-Encoding, not both."
    hint_es = "Revise el método, las cabeceras y el encuadre: Content-Length o Transfer-Encoding, no ambos."


class BoundedProtocol(HttpToolsProtocol):
    """Answers 431 to heads, trailers and framing above `head_bytes` and closes when a head takes too long.

    What is counted are bytes that brought neither a whole head nor content: so one number bounds a line without end,
    a million lines, and what may follow the content. A request that comes in one piece costs an addition.

    What never reaches an application is refused here, as a problem like every other refusal.
    """

    head_bytes: ClassVar[int] = HEAD_BYTES
    head_within_s: ClassVar[float] = 15.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pending = 0
        self._pieces: list[bytes] = []  # those that the head under way came in
        self._expects_head = True
        self._too_large = self._refused = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        super().connection_made(transport)
        self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._pending += len(data)
        self._pieces.append(data)
        super().data_received(data)
        if self._refused or self.transport.is_closing():
            return
        if not self._expects_head or not self._pending:
            self._pieces.clear()
        if self._pending > self.head_bytes:
            self._refuse(HeadTooLarge(limit=self.head_bytes))
        elif self._pending and self._expects_head and self._deadline is None:
            self._start_deadline()

    def eof_received(self) -> None:
        """Tell a sender that ended inside a body, and may still be reading; then let the connection close.

        The application gets a disconnect and no end of the body, so that it stores nothing. After a whole request the
        end means that the caller hung up: who closes and who only ended sending look the same until something is
        written, and work for nobody must end.
        """
        if not self._refused and not self._expects_head and not self.cycle.response_complete:
            self._refuse(IncompleteBody())

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._expects_head:  # else a trailer: too late to mean anything to whoever has read the head
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > self.head_bytes:
            self._too_large = True
            raise HeadTooLarge(limit=self.head_bytes)
        super().on_headers_complete()
        self._pending, self._expects_head = 0, False
        self._end_deadline()

    def on_body(self, body: bytes) -> None:
        self._pending = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._pending, self._expects_head = 0, True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser, or a callback that it called, would not take. uvicorn calls it with the error in hand."""
        reason = str(sys.exception() or msg)
        self._refuse(HeadTooLarge(limit=self.head_bytes) if self._too_large else MalformedRequest(reason=reason))

    def _refuse(self, error: DomainError) -> None:
        """Answer with the problem, unless another answer is under way: it would end up inside that one. Then close."""
        self._refused = True
        self._end_deadline()
        if self._answering:
            self.transport.close()
            return
        if not self._expects_head and self.cycle is not None:  # its application waits for the body
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(self._answer(error))
        if self.transport.can_write_eof():  # a close with unread data resets the connection, and the answer is lost
            self.transport.write_eof()
            self.flow.resume_reading()
            self.loop.call_later(LINGER_S, self.transport.close)
        else:
            self.transport.close()

    def _answer(self, error: DomainError) -> bytes:
        known = self._known_fields()
        language = preferred_language(known.get(b"accept-language"))
        request_id = acceptable_request_id(known.get(b"x-request-id")) or str(uuid7())
        token = current_request_id.set(request_id)
        try:
            body = problem_document(error, language, "" if self._expects_head else self.scope["path"])
        finally:
            current_request_id.reset(token)
        headers = {
            "content-type": PROBLEM_JSON,
            "content-length": str(len(body)),
            "content-language": language,
            "x-request-id": request_id,
            "connection": "close",
        }
        lines = [*self.server_state.default_headers, *((k.encode(), v.encode()) for k, v in headers.items())]
        return b"".join([STATUS_LINE[error.status], *(b"%b: %b\r\n" % line for line in lines), b"\r\n", body])

    def _known_fields(self) -> dict[bytes, str]:
        """Return what is known of how to answer: of a head that is not whole, from its bytes."""
        fields: Iterable[tuple[bytes, bytes]] = (
            _LINE.findall(b"".join(self._pieces)) if self._expects_head else self.headers
        )
        return {name.lower(): value.decode("latin-1").strip() for name, value in fields}

    @property
    def _answering(self) -> bool:
        """Tell whether an application has an answer to give that this connection still waits for."""
        if self.cycle is None or self.cycle.response_complete:
            return False
        waits_for_body = not self._expects_head and not self.pipeline
        return self.cycle.response_started or not waits_for_body

    def _start_deadline(self) -> None:
        self._deadline = self.loop.call_later(self.head_within_s, self._late)

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        if self._answering:  # the head of a next request may wait for the answer to the one before
            self._start_deadline()
        else:
            self.transport.close()
