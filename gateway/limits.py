"""How many requests a tenant may send: one token bucket each, in this process."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

_PRUNE_ABOVE = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class RateLimiter:
    """A bucket holds `limit` tokens and fills in `window` seconds; a request takes one.

    Tenants come from verified tokens only, so strangers cannot grow the table.
    """

    def __init__(self, limit: int, window: float, clock: Callable[[], float] = monotonic) -> None:
        self.limit, self.window = limit, window
        self.policy = f'"tenant";q={limit};w={round(window)}'.encode()
        self._rate = limit / window
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, tenant: str) -> float:
        """Take a token and return how many are left; below zero none was there and -n / rate seconds are missing."""
        now = self._clock()
        bucket = self._buckets.get(tenant)
        if bucket is None:
            self._prune(now)
            bucket = self._buckets[tenant] = _Bucket(self.limit, now)
        tokens = min(self.limit, bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
        bucket.tokens = tokens if tokens < 1 else tokens - 1
        return tokens - 1

    def wait(self, left: float) -> float:
        """Return the seconds until a request passes, for what `take` returned below zero."""
        return -left / self._rate

    def headers(self, left: float) -> list[tuple[bytes, bytes]]:
        """Return the RateLimit fields (draft-ietf-httpapi-ratelimit-headers): what is left, seconds until full."""
        left = max(0.0, left)
        until_full = (self.limit - left) / self._rate
        return [(b"ratelimit-policy", self.policy), (b"ratelimit", b'"tenant";r=%d;t=%d' % (left, until_full + 1))]

    def _prune(self, now: float) -> None:
        """Forget full buckets when there are many: a new one is the same."""
        if len(self._buckets) >= _PRUNE_ABOVE:
            full_since = now - self.window
            self._buckets = {name: bucket for name, bucket in self._buckets.items() if bucket.at > full_since}
