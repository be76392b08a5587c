"""A load generator that costs little: prepared request bytes on a few keep-alive connections."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import perf_counter


@dataclass
class Sample:
    """What one run saw. Latencies are seconds; `errors` counts every answer that was not 200, and broken connections."""

    seconds: float = 0.0
    errors: int = 0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Connection(asyncio.Protocol):
    """Sends a request, waits for its whole answer, and so on; paced when `interval` is above zero."""

    def __init__(self, request: bytes, sample: Sample, until: float, interval: float, first: float) -> None:
        self._request, self._sample, self._until = request, sample, until
        self._interval, self._due = interval, first
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        if not self.done.done():
            self._sample.errors += 1
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator or len(body) < _content_length(head):
            return
        self._buffer = b""
        self._sample.latencies.append(perf_counter() - self._sent_at)
        if not head.startswith(b"HTTP/1.1 200"):
            self._sample.errors += 1
        self._next()

    def _next(self) -> None:
        now = perf_counter()
        if now >= self._until:
            self.done.set_result(None)
            self._transport.close()
        elif self._interval and now < self._due:
            self._loop.call_later(self._due - now, self._send_due)
        else:
            self._send_due()

    def _send_due(self) -> None:
        """Count a paced request from when it was due, so that a stall is seen by every request it delays."""
        now = perf_counter()
        self._sent_at = self._due if self._interval else now
        self._due += self._interval
        self._transport.write(self._request)


def _content_length(head: bytes) -> int:
    lower = head.lower()
    start = lower.index(b"content-length:") + 15
    end = lower.find(b"\r\n", start)
    return int(lower[start : end if end > 0 else None])


async def generate(
    port: int, path: str, headers: Iterable[tuple[str, str]], *, connections: int, seconds: float, rate: float = 0.0
) -> Sample:
    """Send GETs for some seconds: as fast as answers come, or `rate` in all per second."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    request = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\naccept: application/json\r\n{lines}\r\n".encode()
    sample, loop, start = Sample(), asyncio.get_running_loop(), perf_counter()
    interval = connections / rate if rate else 0.0
    protocols = []
    for number in range(connections):
        first = start + interval * number / connections

        def make(first: float = first) -> _Connection:
            return _Connection(request, sample, start + seconds, interval, first)

        protocols.append((await loop.create_connection(make, "127.0.0.1", port))[1])
    await asyncio.gather(*(protocol.done for protocol in protocols))
    sample.seconds = perf_counter() - start
    return sample
