"""HTTP/1.1 with bounds on what a stranger may send before anything of ours has seen it.

httptools, unlike h11, bounds neither the size of a request's head nor the time until it is whole, and both are
spent before any token is looked at. Request bodies are bounded by the applications, which know whose they are.
"""

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 64 * 1024
_TOO_LARGE = b"The head of the request is too large."
_ANSWER = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(_TOO_LARGE), _TOO_LARGE)
)


class HeadTooLargeError(Exception):
    """Stops the parser; nobody but the protocol sees it."""


class BoundedProtocol(HttpToolsProtocol):
    """Answers 431 to heads, trailers and framing above `head_bytes` and closes when a head takes too long.

    What is counted are bytes that brought neither a whole head nor content: so one number bounds a line without end,
    a million lines, and what may follow the content. A request that comes in one piece costs an addition.
    """

    head_bytes: ClassVar[int] = HEAD_BYTES
    head_within_s: ClassVar[float] = 15.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pending = 0
        self._expects_head = True
        self._too_large = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        super().connection_made(transport)
        self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._pending += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._pending > self.head_bytes:
            self._refuse()
        elif self._pending and self._expects_head and self._deadline is None:
            self._start_deadline()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._expects_head:  # else a trailer: too late to mean anything to whoever has read the head
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > self.head_bytes:
            self._too_large = True
            raise HeadTooLargeError
        self._pending, self._expects_head = 0, False
        self._end_deadline()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._pending = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._pending, self._expects_head = 0, True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._too_large:
            self._refuse()
        else:
            super().send_400_response(msg)

    def _refuse(self) -> None:
        """Answer 431, unless another answer is under way: it would end up inside that one."""
        if not self._answering:
            self.transport.write(_ANSWER)
        self.transport.close()

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

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
