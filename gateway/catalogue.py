"""Keeps the merged OpenAPI document fresh."""

import asyncio
import logging
from collections.abc import Mapping
from hashlib import sha256
from time import monotonic
from typing import Any

import msgspec

from gateway.openapi import merge
from gateway.upstream import UPSTREAM_ERRORS, Upstream

_log = logging.getLogger("gateway.catalogue")
_FETCH_S = 3.0
_OK = 200
_RETRY_MISSING_S = 1.0


class NoDocumentError(Exception):
    """The upstream gave no OpenAPI document."""


class Catalogue:
    """Asks every upstream for its document when the last answer is older than `refresh` seconds.

    While one of them is missing it is asked again after a second, so that a service that starts late shows up.
    """

    def __init__(self, upstreams: Mapping[str, Upstream], refresh: float) -> None:
        self._upstreams, self._refresh = upstreams, refresh
        self._fresh_until = float("-inf")
        self._body, self._etag = b"", ""
        self._lock = asyncio.Lock()

    async def document(self) -> tuple[bytes, str]:
        """Return the document as JSON and its ETag."""
        if monotonic() >= self._fresh_until:
            async with self._lock:
                if monotonic() >= self._fresh_until:
                    await self._collect()
        return self._body, self._etag

    async def _collect(self) -> None:
        names = list(self._upstreams)
        results = await asyncio.gather(*map(_fetch, self._upstreams.values()), return_exceptions=True)
        documents: dict[str, dict[str, Any]] = {}
        missing: dict[str, str] = {}
        for name, result in zip(names, results, strict=True):
            if isinstance(result, NoDocumentError):
                missing[name] = str(result)
            elif isinstance(result, BaseException):
                raise result
            else:
                documents[name] = result
        if missing:
            _log.warning("openapi incomplete", extra={"missing": missing})
        self._body = msgspec.json.encode(merge(documents, missing))
        self._etag = f'"{sha256(self._body).hexdigest()[:32]}"'
        self._fresh_until = monotonic() + (min(_RETRY_MISSING_S, self._refresh) if missing else self._refresh)


async def _fetch(upstream: Upstream) -> dict[str, Any]:
    try:
        status, body, _ = await upstream.get("/openapi.json", _FETCH_S)
    except UPSTREAM_ERRORS as error:
        raise NoDocumentError("unreachable") from error
    if status != _OK:
        raise NoDocumentError(f"answered {status}")
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise NoDocumentError("not a JSON object") from error
