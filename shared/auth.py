"""Who is asking, for which tenant, and what they may do. Tokens are JWTs, verified here and in the gateway."""

import asyncio
import hashlib
import hmac
import json
import logging
import re
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar, Literal, Self

import jwt
from fastapi import Depends, Request

from shared.errors import TEXTS, DomainError, Unavailable, Words
from shared.settings import Settings

logger = logging.getLogger(__name__)
ALGORITHMS = ["RS256", "ES256"]
_REQUIRED = ["exp", "iss", "aud", "sub", "tenant", "scope"]
_LEEWAY_S = 30
_KEYS_KEPT_S = 300
_KEYS_RETRY_S = 10
_FAILED_RETRY_S = 1
# Tenants become parts of object keys and headers; subjects are text of at most OpenID Connect's 255 characters.
TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SUBJECT = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,255}")

# A role is a set of grants; `*` stands for any service and resource, or any action.
_READ, _WORK = ("*:read",), ("*:read", "*:write", "*:read-personal")
ROLES: Mapping[str, tuple[str, ...]] = {
    "viewer": _READ,
    "operator": _WORK,
    "manager": (*_WORK, "*:approve", "*:level-1"),
    "director": (*_WORK, "*:approve", "*:level-9"),
    "admin": ("*:*",),
}
MACHINE_ROLES = frozenset({"documents", "billing", "hr", "analytics"})


_FAULTS: Mapping[type[jwt.PyJWTError], str] = {
    jwt.DecodeError: "malformed",
    jwt.InvalidTokenError: "header",
    jwt.InvalidAlgorithmError: "algorithm",
    jwt.InvalidKeyError: "key",
    jwt.InvalidSignatureError: "signature",
    jwt.ExpiredSignatureError: "expired",
    jwt.ImmatureSignatureError: "not-yet-valid",
    jwt.InvalidIssuerError: "other-issuer",
    jwt.InvalidAudienceError: "other-audience",
    jwt.MissingRequiredClaimError: "claim-missing",
    jwt.InvalidIssuedAtError: "claim-iat",
    jwt.exceptions.InvalidSubjectError: "claim-sub",
    jwt.exceptions.InvalidJTIError: "claim-jti",
    jwt.PyJWTError: "unacceptable",
}


class InvalidToken(DomainError):
    code, status = "invalid-token", 401
    en = "The access token is missing or not valid: {reason}."
    es = "Falta el token de acceso o no es válido: {reason}."
    hint_en = "Send `Authorization: Bearer <token>` with a token of this installation that has not expired."
    hint_es = "Envíe `Authorization: Bearer <token>` con un token de esta instalación que no haya caducado."
    words: ClassVar[Words] = {"reason": TEXTS["tokens"]}
    headers: Mapping[str, str] = {"WWW-Authenticate": 'Bearer error="invalid_token"'}

    @classmethod
    def of(cls, error: jwt.PyJWTError) -> Self:
        """Return the refusal that an error of the token library means; its own words are for nobody else."""
        reason = next(_FAULTS[kind] for kind in type(error).__mro__ if kind in _FAULTS)
        claim = {"claim": error.claim} if isinstance(error, jwt.MissingRequiredClaimError) else {}
        return cls(reason=reason, **claim)


class NotAllowed(DomainError):
    code, status = "not-allowed", 403
    en = "This needs the scope {scope}, which the token does not grant."
    es = "Hace falta el permiso {scope}, que el token no concede."
    hint_en = "Use a token whose role or scope grants it."
    hint_es = "Use un token cuyo rol o permiso lo conceda."


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller. `kind` says whether its work counts as a person's or as automation's."""

    id: str
    tenant: str
    scopes: frozenset[str]
    kind: Literal["person", "automation"] = "person"
    team: str | None = None
    expires_at: float = 0.0

    def allows(self, scope: str) -> bool:
        """Tell whether some grant covers `<service>.<resource>:<action>`."""
        return any(_covers(grant, scope) for grant in self.scopes)


def _covers(grant: str, scope: str) -> bool:
    granted_resource, _, granted_action = grant.rpartition(":")
    resource, _, action = scope.rpartition(":")
    if granted_action not in {"*", action}:
        return False
    service, _, rest = granted_resource.partition(".")
    return granted_resource in {"*", resource} or (rest == "*" and resource.startswith(f"{service}."))


def grants_of(roles: Iterable[str]) -> frozenset[str]:
    """Return the grants of roles. An unknown name grants nothing: identity providers send every group they know."""
    grants: set[str] = set()
    for role in roles:
        grants.update(ROLES.get(role, ()))
        if role in MACHINE_ROLES:
            others = ("analytics.operations:write", "documents.records:read", "documents.records:write")
            grants.update((f"{role}.*:*", *others))
    return frozenset(grants)


def pseudonym(key: bytes, tenant: str, subject: str) -> str:
    """Return a stable name for a person within one tenant that cannot be turned back without the key."""
    return hmac.new(key, f"{tenant}\0{subject}".encode(), hashlib.sha256).hexdigest()[:20]


class Verifier:
    """Verifies tokens against the issuer's keys: a local JWKS file, or OIDC discovery."""

    def __init__(self, settings: Settings) -> None:
        settings.require("issuer")
        self._issuer: str = settings.issuer or ""
        self._audience = settings.audience
        self._file: Path | None = settings.jwks_file
        self._keys: dict[str, jwt.PyJWK] = {}
        self._loaded_at, self._retry_s = float("-inf"), _KEYS_RETRY_S
        self._loading = asyncio.Lock()
        if self._file is None and not self._issuer.startswith("https://") and settings.environment == "production":
            raise ValueError("the issuer must be an https:// address in production")

    async def verify(self, token: str) -> Principal:
        """Return the token's principal.

        Raises InvalidToken saying what is wrong with it, Unavailable while the issuer's keys cannot be had.
        """
        try:
            header = jwt.get_unverified_header(token)
            key = await self._key(str(header.get("kid", "")))
            claims = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_S,
                options={"require": _REQUIRED},
            )
        except jwt.PyJWTError as error:
            raise InvalidToken.of(error) from error
        return principal_of(claims)

    async def _key(self, kid: str) -> jwt.PyJWK:
        age = monotonic() - self._loaded_at
        if age > _KEYS_KEPT_S or (kid not in self._keys and age > self._retry_s):
            async with self._loading:
                if monotonic() - self._loaded_at >= age:
                    await self._load()
        if not self._keys:
            raise Unavailable(part="token issuer")
        if kid not in self._keys:
            raise InvalidToken(reason="unknown-key")
        return self._keys[kid]

    async def _load(self) -> None:
        """Read the key set; keep the known keys when the issuer does not answer, or not with keys."""
        try:
            document = await asyncio.to_thread(self._fetch)
            self._keys = {key.key_id or "": key for key in jwt.PyJWKSet.from_dict(document).keys}
            self._retry_s = _KEYS_RETRY_S
        except (OSError, ValueError, TypeError, LookupError, jwt.PyJWTError) as error:
            self._retry_s = _FAILED_RETRY_S
            logger.warning("the issuer's keys cannot be read", extra={"reason": f"{type(error).__name__}: {error}"})
        self._loaded_at = monotonic()

    def _fetch(self) -> dict[str, Any]:
        if self._file is not None:
            return dict(json.loads(self._file.read_text()))
        configuration = _get_json(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        if configuration.get("issuer") != self._issuer:
            raise ValueError("the discovery document names another issuer")
        return _get_json(str(configuration["jwks_uri"]))


def _get_json(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the issuer's address is configuration
        return dict(json.load(answer))


def principal_of(claims: Mapping[str, Any]) -> Principal:
    """Return the principal that verified claims describe. Raises InvalidToken for claims of a wrong shape."""
    tenant, subject, scope, team = claims["tenant"], claims["sub"], claims["scope"], claims.get("team")
    roles = claims.get("roles", [])
    if not (isinstance(tenant, str) and TENANT.fullmatch(tenant)):
        raise InvalidToken(reason="claim-tenant")
    if not all(isinstance(name, str) and _SUBJECT.fullmatch(name) for name in (subject, team or "none")):
        raise InvalidToken(reason="claim-names")
    if not isinstance(scope, str) or not isinstance(roles, list):
        raise InvalidToken(reason="claim-grants")
    machine = claims.get("actor_kind") == "automation"
    # People's groups come from a directory, where "hr" is a department and no machine's role.
    known = [str(role) for role in roles if machine or role not in MACHINE_ROLES]
    return Principal(
        id=subject,
        tenant=tenant,
        scopes=frozenset(scope.split()) | grants_of(known),
        kind="automation" if machine else "person",
        team=team or None,
        expires_at=float(claims["exp"]),
    )


def bearer_token(authorization: str | None) -> str:
    """Return the token of an Authorization header. Raises InvalidToken when there is none."""
    kind, _, token = (authorization or "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise InvalidToken(reason="missing")
    return token.strip()


async def current_principal(request: Request) -> Principal:
    """Verify the request's own token, once; what a proxy in front claims does not count."""
    known = getattr(request.state, "principal", None)
    if isinstance(known, Principal):
        return known
    verifier: Verifier = request.app.state.runtime.verifier
    principal = await verifier.verify(bearer_token(request.headers.get("authorization")))
    request.state.principal = principal
    return principal


class Requires:
    """The dependency behind `requires`; `scope` is what the OpenAPI document and the tests read."""

    refusals = (InvalidToken, NotAllowed)

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Principal:
        principal = await current_principal(request)
        if not principal.allows(self.scope):
            raise NotAllowed(scope=self.scope)
        return principal


def requires(scope: str) -> Any:
    """Return the dependency that gives the Principal when it holds `scope`, for use in `Annotated`."""
    return Depends(Requires(scope))
