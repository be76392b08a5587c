"""Which header fields pass through the gateway, and which are its own business."""

from collections.abc import Iterable
from typing import NamedTuple

from multidict import istr

from gateway.refusals import HeadersTooLarge, MalformedHeader
from shared.auth import InvalidToken

RawHeaders = Iterable[tuple[bytes, bytes]]

_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade".split()
)
# Never forwarded as they came: the gateway or its client sets them anew, or nobody behind should believe them.
_CONSUMED = _HOP_BY_HOP | frozenset(
    b"content-length expect forwarded host traceparent x-forwarded-for x-forwarded-host x-forwarded-port "
    b"x-forwarded-prefix x-forwarded-proto x-real-ip x-request-id".split()
)
_SPOOFABLE = (b"x-tenant", b"x_tenant", b"x-trastienda-", b"x_trastienda_")
# The gateway's own server states these; two of one kind would contradict each other.
_NOT_RELAYED = _HOP_BY_HOP | frozenset(b"date server traceparent x-request-id".split())
_HARMLESS_CONNECTION = frozenset({b"", b"close", b"keep-alive"})

# Ready-made names spare a conversion per field and request.
_COMMON_NAMES = """
accept accept-encoding accept-language authorization cache-control content-type cookie idempotency-key if-match
if-modified-since if-none-match last-event-id origin pragma prefer range referer sec-fetch-dest sec-fetch-mode
sec-fetch-site tracestate user-agent work-started-at
"""
_COMMON = {name.encode(): istr(name) for name in _COMMON_NAMES.split()}


class Incoming(NamedTuple):
    """A request's fields: those to send on, and those the gateway reads, by lower-case name."""

    forward: list[tuple[str, str]]
    own: dict[bytes, bytes]

    @property
    def has_body(self) -> bool:
        return b"transfer-encoding" in self.own or self.own.get(b"content-length", b"0") != b"0"


def split_headers(raw: RawHeaders, target: int, limit: int, count_limit: int) -> Incoming:
    """Sort a request's fields; `target` is the length of its address, which counts too.

    Raises HeadersTooLarge, MalformedHeader.
    """
    forward: list[tuple[str, str]] = []
    own: dict[bytes, bytes] = {}
    size, count = target, 0
    try:
        for name, value in raw:
            size += len(name) + len(value)
            count += 1
            if name in _CONSUMED:
                own[name] = value
            elif (common := _COMMON.get(name)) is not None:
                forward.append((common, value.decode()))
            elif not name.startswith(_SPOOFABLE):
                forward.append((istr(name.decode()), value.decode()))
    except UnicodeDecodeError as error:
        raise MalformedHeader from error
    if size > limit or count > count_limit:
        raise HeadersTooLarge(limit=limit, count=count_limit)
    connection = own.get(b"connection")
    if connection is not None and connection.lower() not in _HARMLESS_CONNECTION:
        forward = _without_named(forward, connection)
    return Incoming(forward, own)


def authorization(raw: RawHeaders) -> bytes:
    """Return the Authorization field. Raises InvalidToken when there is none, or more than one to choose from."""
    values = [value for name, value in raw if name == b"authorization"]
    if len(values) != 1:
        raise InvalidToken(reason="several" if values else "missing")
    return values[0]


def response_headers(raw: RawHeaders, status: int) -> list[tuple[bytes, bytes]]:
    """Return what the caller gets of the upstream's fields."""
    bodiless = status in {204, 304}
    headers = []
    for name, value in raw:
        lower = name.lower()
        if lower in _NOT_RELAYED or (bodiless and lower == b"content-length"):
            continue
        headers.append((lower, value))
    return headers


def _without_named(forward: list[tuple[str, str]], connection: bytes) -> list[tuple[str, str]]:
    """Drop the fields that `Connection` declares to be for this hop alone (RFC 9110, 7.6.1)."""
    named = {token.strip().lower() for token in connection.decode("latin-1").split(",")}
    return [(name, value) for name, value in forward if name.lower() not in named]
