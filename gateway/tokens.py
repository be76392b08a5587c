"""Verified tokens, remembered for a short time: checking a signature costs as much as forwarding a request."""

from collections.abc import Callable
from hashlib import sha256
from time import time

from shared.auth import Principal, Verifier, bearer_token


class TokenCache:
    """Keeps at most `size` principals by the hash of their token, until the token expires or `seconds` pass."""

    def __init__(self, verifier: Verifier, size: int, seconds: float, clock: Callable[[], float] = time) -> None:
        self._verifier, self._size, self._seconds, self._clock = verifier, size, seconds, clock
        self._known: dict[bytes, tuple[Principal, float]] = {}

    async def principal(self, authorization: bytes) -> Principal:
        """Return who sends this Authorization header. Raises InvalidToken; refusals are not remembered."""
        key = sha256(authorization).digest()
        known = self._known.get(key)
        if known is not None:
            if self._clock() < known[1]:
                return known[0]
            del self._known[key]
        principal = await self._verifier.verify(bearer_token(authorization.decode("latin-1")))
        self._keep(key, principal)
        return principal

    def _keep(self, key: bytes, principal: Principal) -> None:
        while len(self._known) >= self._size:
            del self._known[next(iter(self._known))]
        self._known[key] = (principal, min(principal.expires_at, self._clock() + self._seconds))


def reaches(principal: Principal, service: str) -> bool:
    """Tell whether some grant is for this service at all; which operation it may use is the service's to say."""
    for grant in principal.scopes:
        resource = grant.rpartition(":")[0]
        if resource == "*" or resource.partition(".")[0] == service:
            return True
    return False
