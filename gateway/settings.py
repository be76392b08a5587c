"""What the gateway can be told, under `TRASTIENDA_GATEWAY_`."""

import json
import re
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from shared.settings import ServiceSettings

_NAME = re.compile(r"^[a-z][a-z0-9-]{0,30}$")
_OWN_PATHS = frozenset({"docs", "health", "metrics"})


def _from_json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _checked(upstreams: dict[str, str]) -> dict[str, str]:
    for name, url in upstreams.items():
        if not _NAME.match(name) or name in _OWN_PATHS:
            raise ValueError(f"{name!r} cannot be the first part of a path")
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError(f"{url!r} is not like http://host:port")
    return {name: url.rstrip("/") for name, url in upstreams.items()}


Upstreams = Annotated[dict[str, str], BeforeValidator(_from_json), AfterValidator(_checked), Field(min_length=1)]


class GatewaySettings(ServiceSettings):
    """Times are seconds, sizes bytes.

    `upstreams` maps the first part of a path to a base address, as JSON: {"billing": "http://127.0.0.1:8002"}.
    `header_timeout` should exceed the services' own `request_timeout`, so that their clearer refusal arrives first.
    """

    section: ClassVar[str] = "gateway"

    upstreams: Upstreams
    upstream_connections: int = Field(1000, ge=1)
    connect_timeout: float = Field(2.0, gt=0)
    header_timeout: float = Field(40.0, gt=0)
    idle_timeout: float = Field(120.0, gt=0)
    probe_interval: float = Field(1.0, gt=0)
    probe_timeout: float = Field(1.5, gt=0)
    breaker_failures: int = Field(5, ge=1)
    breaker_pause: float = Field(5.0, gt=0)
    rate_limit: int = Field(12_000, ge=1)
    rate_window: float = Field(60.0, gt=0)
    token_cache_size: int = Field(10_000, ge=1)
    token_cache_seconds: float = Field(60.0, ge=0)
    header_limit: int = Field(32 * 1024, ge=1024)
    header_count_limit: int = Field(100, ge=10)
    openapi_refresh: float = Field(10.0, ge=0)
    access_log: bool = True
