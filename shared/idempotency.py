"""`Idempotency-Key`: a repeated POST gets the first answer again, and happens once.

The key's row is written in the transaction of the effect it protects, so there is no moment in which one is
stored without the other. While the first request runs, an advisory lock of its transaction stands for the key.
"""

import hashlib
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Header, Request, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.auth import Principal, current_principal
from shared.db import Session
from shared.errors import DomainError, refuses
from shared.ids import stable_id

_KEPT_HEADERS = ("location", "etag", "content-type")

_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() || :name, 7))")
_FIND = text("SELECT fingerprint, status, headers, body FROM idempotency_key WHERE subject = :subject AND key = :key")
_STORE = text(
    "INSERT INTO idempotency_key (subject, key, fingerprint, status, headers, body) "
    "VALUES (:subject, :key, :fingerprint, :status, cast(:headers AS jsonb), :body)"
)
_FORGET = text(
    "DELETE FROM idempotency_key WHERE ctid IN (SELECT ctid FROM idempotency_key "
    "WHERE created_at < now() - interval '24 hours' LIMIT :limit FOR UPDATE SKIP LOCKED)"
)
_FORGOTTEN_AT_ONCE = 5_000


class KeyReused(DomainError):
    code, status = "idempotency-key-reused", 422
    en = "This Idempotency-Key was used for another request."
    es = "Esta Idempotency-Key ya se usó para otra petición."
    hint_en = "Use a new key for a new request; keep the key only to repeat the very same one."
    hint_es = "Use una clave nueva para cada petición; repítala solo para reenviar la misma."


class KeyInProgress(DomainError):
    code, status = "idempotency-key-in-progress", 409
    en = "A request with this Idempotency-Key is being handled now."
    es = "Se está atendiendo ahora una petición con esta Idempotency-Key."
    hint_en = "Wait a moment and repeat it: you will get the first answer."
    hint_es = "Espere un momento y repítala: recibirá la primera respuesta."


class ReplayError(Exception):
    """Not a failure: carries the first answer past the route."""

    def __init__(self, response: Response) -> None:
        self.response = response
        super().__init__("answered from the first request")


class Attempt:
    """A request that carries a key; remembered on the request until its answer is known."""

    def __init__(self, session: AsyncSession, subject: str, key: str, fingerprint: bytes) -> None:
        self.session, self.subject, self.key, self.fingerprint = session, subject, key, fingerprint

    async def store(self, response: Response) -> None:
        """Keep the answer in the transaction that is about to commit."""
        headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        await self.session.execute(
            _STORE,
            {
                "subject": self.subject,
                "key": self.key,
                "fingerprint": self.fingerprint,
                "status": response.status_code,
                "headers": msgspec.json.encode(headers).decode(),
                "body": bytes(response.body),
            },
        )


async def begin(session: AsyncSession, principal: Principal, key: str, fingerprint: bytes) -> Attempt:
    """Claim a key for this transaction. Raises ReplayError, KeyReused or KeyInProgress."""
    name = str(stable_id(principal.tenant, principal.id, key))
    if not (await session.execute(_LOCK, {"name": name})).scalar_one():
        raise KeyInProgress
    row = (await session.execute(_FIND, {"subject": principal.id, "key": key})).one_or_none()
    if row is None:
        return Attempt(session, principal.id, key, fingerprint)
    if bytes(row.fingerprint) != fingerprint:
        raise KeyReused
    raise ReplayError(Response(bytes(row.body), row.status, {**row.headers, "Idempotency-Replayed": "true"}))


def fingerprint_of(request: Request, body: bytes) -> bytes:
    """Return what makes two requests the same: method, path, query and body."""
    digest = hashlib.sha256()
    for part in (request.method.encode(), request.url.path.encode(), request.url.query.encode(), body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


KeyHeader = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=8, max_length=128, description="Makes a repeated request safe (24 h)"),
]


@refuses(KeyReused, KeyInProgress)
async def _idempotent(request: Request, session: Session, key: KeyHeader = None) -> None:
    """Claim the request's key, if it has one; the route class stores the answer."""
    if key is not None:
        principal = await current_principal(request)
        request.state.attempt = await begin(session, principal, key, fingerprint_of(request, await request.body()))


Idempotent: Any = Depends(_idempotent)


async def forget_old_keys(session: AsyncSession) -> bool:
    """Delete some keys older than 24 hours, every tenant's, for the worker; tell whether there may be more."""
    forgotten: Any = await session.execute(_FORGET, {"limit": _FORGOTTEN_AT_ONCE})
    return bool(forgotten.rowcount == _FORGOTTEN_AT_ONCE)
