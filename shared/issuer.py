"""A token issuer for development: own keys, made on first use. It does not exist in production."""

import json
import os
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.auth import ROLES, grants_of

ISSUER = "trastienda-development"
_HOUR_S = 3600


class NotInProductionError(RuntimeError):
    """The development issuer was asked for outside development."""


class DevelopmentIssuer:
    """Signs tokens with an RSA key kept in `directory` (private key readable by its owner alone)."""

    def __init__(self, directory: Path, environment: str) -> None:
        if environment != "development":
            raise NotInProductionError("the development issuer runs in development only; set TRASTIENDA_ISSUER")
        self._key_file = directory / "issuer.pem"
        self.jwks_file = directory / "jwks.json"
        if not (self._key_file.exists() and self.jwks_file.exists()):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_keys()
        self._private = self._key_file.read_bytes()
        self._kid = str(json.loads(self.jwks_file.read_text())["keys"][0]["kid"])

    def token(
        self,
        tenant: str,
        role: str,
        *,
        subject: str | None = None,
        team: str | None = None,
        lifetime_s: int = 24 * _HOUR_S,
    ) -> str:
        """Return a signed token; the subject defaults to one user per role and tenant."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": "trastienda",
            "sub": subject or f"{role}@{tenant}",
            "tenant": tenant,
            "scope": " ".join(sorted(grants_of([role]))),
            "actor_kind": "person" if role in ROLES else "automation",
            "iat": now,
            "exp": now + lifetime_s,
        }
        if team:
            claims["team"] = team
        return jwt.encode(claims, self._private, algorithm="RS256", headers={"kid": self._kid})

    def _make_keys(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        kid = os.urandom(8).hex()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        _write(self._key_file, private, 0o600)
        _write(self.jwks_file, json.dumps({"keys": [{**public, "kid": kid, "use": "sig", "alg": "RS256"}]}).encode(), 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write so that a crash leaves the old file or the new one."""
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
