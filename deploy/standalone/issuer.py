"""A token issuer for development: own keys, made on first use. It does not exist in production."""

import hashlib
import json
import os
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.auth import MACHINE_ROLES, ROLES, grants_of

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
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._key_file.exists():
            _create(self._key_file, _new_key())
        # Read once: checking a key as it is read takes many times longer than signing with it.
        private = serialization.load_pem_private_key(self._key_file.read_bytes(), None)
        assert isinstance(private, rsa.RSAPrivateKey)
        self._private = private
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
        self._kid = hashlib.sha256(str(jwk["n"]).encode()).hexdigest()[:16]
        document = json.dumps({"keys": [{**jwk, "kid": self._kid, "use": "sig", "alg": "RS256"}]}).encode()
        if not self.jwks_file.exists() or self.jwks_file.read_bytes() != document:
            _write(self.jwks_file, document, 0o644).replace(self.jwks_file)

    def token(
        self,
        tenant: str,
        role: str,
        *,
        subject: str | None = None,
        team: str | None = None,
        lifetime_s: int = 24 * _HOUR_S,
    ) -> str:
        """Return a signed token; the subject defaults to one user per role and tenant. ValueError: no such role."""
        if role not in ROLES and role not in MACHINE_ROLES:
            raise ValueError(f"no role is called {role!r}")
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": "trastienda",
            "sub": subject or f"{role}@{tenant}",
            "tenant": tenant,
            "scope": " ".join(sorted(grants_of([role]))),
            "actor_kind": "automation" if role in MACHINE_ROLES else "person",
            "iat": now,
            "exp": now + lifetime_s,
        }
        if team:
            claims["team"] = team
        return jwt.encode(claims, self._private, algorithm="RS256", headers={"kid": self._kid})


def _new_key() -> bytes:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _create(path: Path, content: bytes) -> None:
    """Write a private file unless another process did so first; the key set follows from whichever there is."""
    part = _write(path, content, 0o600)
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()


def _write(path: Path, content: bytes, mode: int) -> Path:
    """Write content, durably, to a file of its own beside `path`, and return its path."""
    part = path.with_name(f"{path.name}.{os.urandom(4).hex()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return part
