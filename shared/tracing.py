"""W3C trace context: which request caused what, across the gateway, services, outbox and consumers."""

import os
import re
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Self

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """One span's place in a trace (https://www.w3.org/TR/trace-context/)."""

    trace_id: str
    span_id: str
    flags: str = "01"

    @classmethod
    def new(cls) -> Self:
        return cls(os.urandom(16).hex(), os.urandom(8).hex())

    @classmethod
    def parse(cls, header: str | None) -> Self | None:
        """Return the context of a `traceparent` header, or nothing when it is absent or malformed."""
        match = _TRACEPARENT.fullmatch(header or "")
        if match is None or set(match[1]) == {"0"} or set(match[2]) == {"0"}:
            return None
        return cls(match[1], match[2], match[3])

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


current_trace: ContextVar[TraceContext | None] = ContextVar("trace", default=None)
current_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def acceptable_request_id(header: str | None) -> str | None:
    """Return a client's request id when it is safe to log and echo."""
    return header if header and _REQUEST_ID.fullmatch(header) else None


def continue_trace(header: str | None) -> TraceContext:
    """Return a new span below the caller's, or a new trace."""
    parent = TraceContext.parse(header)
    return TraceContext(parent.trace_id, os.urandom(8).hex(), parent.flags) if parent else TraceContext.new()
