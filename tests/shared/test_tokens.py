"""Who may come in: every way in which a token can be wrong, and what each role may do."""

import asyncio
import base64
import json
import stat
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deploy.standalone.issuer import ISSUER, DevelopmentIssuer, NotInProductionError
from shared import auth
from shared.auth import InvalidToken, Principal, Verifier, grants_of, principal_of, pseudonym
from shared.errors import TEXTS, Unavailable
from shared.settings import Settings
from shared.work import actor_of
from tests.fixtures.pace import within
from tests.fixtures.services import Harness, problem

Claims = dict[str, Any]
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NEXT_KEY = ec.generate_private_key(ec.SECP256R1())


def claims(**changes: Any) -> Claims:
    now = int(time.time())
    whole = {"iss": ISSUER, "aud": "trastienda", "sub": "ana", "tenant": "acme", "scope": "*:read", "exp": now + 60}
    return {name: value for name, value in (whole | changes).items() if value is not None}


def jwk_of(key: Any, kid: str) -> dict[str, Any]:
    kind = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    document: dict[str, Any] = kind.to_jwk(key.public_key(), as_dict=True)
    return {**document, "kid": kid, "alg": "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"}


def sign(content: Claims, key: Any = KEY, algorithm: str = "RS256", kid: str = "one") -> str:
    return jwt.encode(content, key, algorithm=algorithm, headers={"kid": kid})


def by_hand(header: dict[str, Any], content: Claims, signature: bytes = b"") -> str:
    """Return a token that the library would refuse to make."""
    parts = (json.dumps(header).encode(), json.dumps(content).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def settings(**values: Any) -> Settings:
    return Settings(**({"environment": "development", "issuer": ISSUER} | values))


def publish(path: Path, **keys: Any) -> None:
    path.write_text(json.dumps({"keys": [jwk_of(key, kid) for kid, key in keys.items()]}))


def spoil(path: Path, content: str | None) -> None:
    """Put something else in the key set's place, or nothing."""
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_text(content)


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    publish(path, one=KEY)
    return path


@pytest.fixture
def verifier(jwks: Path) -> Verifier:
    return Verifier(settings(jwks_file=jwks))


async def test_a_good_token_gives_its_principal(verifier: Verifier) -> None:
    content = claims(scope="billing.invoices:read", roles=["operator", "finance"], team="ap", actor_kind="automation")
    principal = await verifier.verify(sign(content))
    assert principal == Principal(
        "ana",
        "acme",
        frozenset({"billing.invoices:read", "*:read", "*:write", "*:read-personal"}),
        "automation",
        "ap",
        float(content["exp"]),
    )


def public_pem() -> bytes:
    return KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def hs256_with_the_public_key() -> str:
    """Return a token signed with the public key as a shared secret: the classic confusion."""
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    unsigned = by_hand({"alg": "HS256", "kid": "one", "typ": "JWT"}, claims()).rpartition(".")[0]
    signature = algorithm.sign(unsigned.encode(), public_pem())
    return f"{unsigned}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


FORGERIES: dict[str, Callable[[], str]] = {
    "no token at all": lambda: "",
    "words": lambda: "not a token",
    "two parts": lambda: "a.b",
    "not ASCII": lambda: "ñ.ñ.ñ",
    "null": lambda: "\0",
    "deep header": lambda: base64.urlsafe_b64encode(b"[" * 20_000).decode() + ".e30.e30",
    "unsigned": lambda: by_hand({"alg": "none", "kid": "one"}, claims()),
    "unsigned, other case": lambda: by_hand({"alg": "NoNe", "kid": "one"}, claims()),
    "signature cut off": lambda: sign(claims()).rpartition(".")[0] + ".",
    "public key as secret": hs256_with_the_public_key,
    "claims exchanged": lambda: ".".join(
        [sign(claims()).split(".")[0], by_hand({}, claims(tenant="other")).split(".")[1], sign(claims()).split(".")[2]]
    ),
    "another's key": lambda: sign(claims(), rsa.generate_private_key(public_exponent=65537, key_size=2048)),
    "another algorithm than the key's": lambda: sign(claims(), NEXT_KEY, "ES256"),
    "an algorithm not allowed": lambda: sign(claims(), algorithm="RS512"),
    "unknown key": lambda: sign(claims(), kid="two"),
    "no key named": lambda: jwt.encode(claims(), KEY, algorithm="RS256"),
    "key named by a number": lambda: by_hand({"alg": "RS256", "kid": 1}, claims()),
    "expired": lambda: sign(claims(exp=int(time.time()) - 31)),
    "not yet valid": lambda: sign(claims(nbf=int(time.time()) + 60)),
    "wrong issuer": lambda: sign(claims(iss="https://elsewhere")),
    "wrong audience": lambda: sign(claims(aud="another-system")),
    "exp is words": lambda: sign(claims(exp="soon")),
    "critical extension": lambda: jwt.encode(claims(), KEY, "RS256", {"kid": "one", "crit": ["x"], "x": 1}),
    **{f"no {name}": partial(lambda name: sign(claims(**{name: None})), name) for name in claims()},
}


@pytest.mark.parametrize("make", FORGERIES.values(), ids=FORGERIES.keys())
async def test_a_wrong_token_is_refused(verifier: Verifier, make: Callable[[], str]) -> None:
    with pytest.raises(InvalidToken) as raised:
        await verifier.verify(make())
    assert raised.value.values["reason"] in TEXTS["tokens"]
    assert raised.value.values["reason"] != "unacceptable"


@pytest.mark.parametrize(
    "change",
    [
        {"tenant": ""},
        {"tenant": 7},
        {"tenant": ["acme"]},
        {"tenant": "a" * 65},
        {"tenant": "../other"},
        {"tenant": "acme\0"},
        {"tenant": "acme\n"},
        {"tenant": "ac me"},
        {"sub": ""},
        {"sub": "a\0"},
        {"sub": "x" * 256},
        {"scope": ["*:read"]},
        {"scope": {"*:read": True}},
        {"roles": "admin"},
        {"roles": {"admin": 1}},
        {"team": ["a"]},
    ],
)
def test_claims_of_a_wrong_shape_are_refused(change: Claims) -> None:
    with pytest.raises(InvalidToken) as raised:
        principal_of(claims() | change)
    assert raised.value.values["reason"] in TEXTS["tokens"]


async def test_a_moment_of_clock_skew_is_forgiven(verifier: Verifier) -> None:
    assert (await verifier.verify(sign(claims(exp=int(time.time()) - 20)))).id == "ana"


async def test_a_new_key_is_picked_up(jwks: Path, verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    await verifier.verify(sign(claims()))
    publish(jwks, one=KEY, two=NEXT_KEY)
    rotated = sign(claims(), NEXT_KEY, "ES256", "two")
    with pytest.raises(InvalidToken, match="unknown key"):  # asked a moment ago
        await verifier.verify(rotated)
    verifier._retry_s = 0
    assert (await verifier.verify(rotated)).id == "ana"
    publish(jwks, two=NEXT_KEY)
    monkeypatch.setattr(auth, "_KEYS_KEPT_S", 0)
    with pytest.raises(InvalidToken, match="unknown key"):
        await verifier.verify(sign(claims()))


async def test_keys_that_cannot_be_had_are_not_the_callers_fault(jwks: Path, verifier: Verifier) -> None:
    good = sign(claims())
    for content in (None, "", "[]", "7", "{}", '{"keys": [{"kty": "none"}]}'):
        spoil(jwks, content)
        verifier._retry_s = 0
        with pytest.raises(Unavailable):
            await verifier.verify(good)
    publish(jwks, one=KEY)
    verifier._retry_s = 0
    assert (await verifier.verify(good)).id == "ana"


async def test_known_keys_outlive_an_issuer_that_fails(
    jwks: Path, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    await verifier.verify(sign(claims()))
    spoil(jwks, None)
    monkeypatch.setattr(auth, "_KEYS_KEPT_S", 0)
    assert (await verifier.verify(sign(claims()))).id == "ana"


async def test_many_at_once_load_the_keys_once(jwks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = Verifier(settings(jwks_file=jwks))
    loaded: list[None] = []
    load = verifier._fetch

    def count() -> Any:
        loaded.append(None)
        return load()

    monkeypatch.setattr(verifier, "_fetch", count)
    await asyncio.gather(*(verifier.verify(sign(claims())) for _ in range(20)))
    assert len(loaded) == 1


@contextmanager
def identity_provider(issuer_in_document: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Serve a discovery document and `keys`, which a test may change, on loopback."""
    keys: dict[str, Any] = {"keys": [jwk_of(KEY, "one")]}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            discovery = {"issuer": issuer_in_document or base, "jwks_uri": f"{base}/keys"}
            known = {"/.well-known/openid-configuration": discovery, "/keys": keys}
            self.send_response(200 if self.path in known else 404)
            self.end_headers()
            self.wfile.write(json.dumps(known.get(self.path)).encode())

        def log_message(self, *_what: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield base, keys
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_a_key_set_does_not_widen_the_algorithms(jwks: Path) -> None:
    """A shared secret, or a key for another algorithm, is no key for us, though the issuer publishes it."""
    secret = b"a shared secret of thirty-two bytes"
    shared = {"kty": "oct", "k": base64.urlsafe_b64encode(secret).decode().rstrip("="), "kid": "s", "alg": "HS256"}
    spoil(jwks, json.dumps({"keys": [shared, {**jwk_of(KEY, "long"), "alg": "RS512"}, jwk_of(KEY, "one")]}))
    verifier = Verifier(settings(jwks_file=jwks))
    assert (await verifier.verify(sign(claims()))).id == "ana"
    for token in (jwt.encode(claims(), secret, "HS256", {"kid": "s"}), sign(claims(), algorithm="RS512", kid="long")):
        with pytest.raises(InvalidToken):
            await verifier.verify(token)


async def test_keys_come_by_openid_discovery(monkeypatch: pytest.MonkeyPatch) -> None:
    with identity_provider() as (base, keys):
        verifier = Verifier(settings(issuer=base))
        assert (await verifier.verify(sign(claims(iss=base)))).tenant == "acme"
        with pytest.raises(InvalidToken):
            await verifier.verify(sign(claims()))
        keys["keys"] = [jwk_of(NEXT_KEY, "two")]
        monkeypatch.setattr(verifier, "_retry_s", 0)
        assert (await verifier.verify(sign(claims(iss=base), NEXT_KEY, "ES256", "two"))).tenant == "acme"


async def test_a_discovery_document_of_another_issuer_is_not_believed() -> None:
    with identity_provider("https://evil.example") as (base, _keys), pytest.raises(Unavailable):
        await Verifier(settings(issuer=base)).verify(sign(claims(iss=base)))


async def test_an_issuer_that_is_away_is_not_asked_by_everyone() -> None:
    with identity_provider() as (base, _keys):
        pass
    verifier = Verifier(settings(issuer=base))
    begun = time.monotonic()
    answers = await asyncio.gather(
        *(verifier.verify(sign(claims(iss=base))) for _ in range(20)), return_exceptions=True
    )
    assert {type(answer) for answer in answers} == {Unavailable}
    assert within(4, time.monotonic() - begun)


def test_production_needs_an_https_issuer() -> None:
    with pytest.raises(ValueError, match="https"):
        Verifier(settings(environment="production", issuer="http://login.example"))
    with pytest.raises(ValueError, match="TRASTIENDA_ISSUER"):
        Verifier(settings(environment="production", issuer=None))


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("viewer", "billing.invoices:read", "billing.invoices:write hr.employees:read-personal billing.x:approve"),
        ("operator", "hr.leave:write hr.employees:read-personal documents.records:read", "hr.leave:approve a.b:manage"),
        ("manager", "hr.leave:approve hr.leave:write billing.invoices:read", "billing.invoices:manage"),
        ("admin", "billing.invoices:manage hr.employees:read-personal analytics.bands:approve", ""),
        (
            "billing",
            "billing.invoices:approve analytics.operations:write documents.records:write documents.records:read",
            "hr.employees:read analytics.operations:read documents.records:approve billingx.invoices:read",
        ),
        ("hr", "hr.employees:read-personal", "billing.invoices:read"),
        ("documents", "documents.records:manage", "documentsx.records:read"),
        ("analytics", "analytics.kpis:read", "hr.leave:read"),
        ("finance", "", "finance.x:read analytics.operations:write documents.records:write"),
        ("Admin", "", "billing.invoices:read"),
        ("", "", "billing.invoices:read"),
    ],
)
def test_what_a_role_may(role: str, may: str, may_not: str) -> None:
    principal = Principal("x", "t", grants_of([role]))
    assert [scope for scope in may.split() if not principal.allows(scope)] == []
    assert [scope for scope in may_not.split() if principal.allows(scope)] == []


@pytest.mark.parametrize("grant", ["", ":", "*", ".*:read", "*.*:read", "billing:read", "billing.*", "bill*:read"])
def test_a_grant_of_another_shape_grants_nothing(grant: str) -> None:
    assert not Principal("x", "t", frozenset({grant})).allows("billing.invoices:read")


async def test_what_a_client_says_about_itself_does_not_count(kit: Harness, tenant: str, other_tenant: str) -> None:
    claimed = {"X-Tenant": other_tenant, "X-Tenant-Id": other_tenant, "Tenant": other_tenant, "X-Scopes": "*:*"}
    async with kit.client(tenant, "viewer", **claimed) as client:
        assert (await client.get("/kit/who")).json() == {"tenant": tenant, "id": f"viewer@{tenant}"}
        refused = await client.post("/kit/things", json={"name": "n"})
    assert (refused.status_code, problem(refused)["scope"]) == (403, "kit.things:write")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "Bearer  x y"])
async def test_without_a_token_nobody_comes_in(kit: Harness, header: str | None) -> None:
    async with kit.anonymous() as client:
        answer = await client.get("/kit/who", headers={} if header is None else {"Authorization": header})
    assert (answer.status_code, problem(answer)["code"]) == (401, "invalid-token")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_development_issuer_stays_in_development(tmp_path: Path) -> None:
    with pytest.raises(NotInProductionError):
        DevelopmentIssuer(tmp_path / "keys", "production")
    assert not (tmp_path / "keys").exists()


async def test_the_issuers_key_is_private_and_stays(tmp_path: Path) -> None:
    directory = tmp_path / "keys"
    first = DevelopmentIssuer(directory, "development")
    token = first.token("acme", "manager", team="ap")
    key_file = directory / "issuer.pem"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert sorted(file.name for file in directory.iterdir()) == ["issuer.pem", "jwks.json"]
    first.jwks_file.unlink()  # a crash in the middle
    second = DevelopmentIssuer(directory, "development")
    principal = await Verifier(settings(jwks_file=second.jwks_file)).verify(token)
    assert (principal.id, principal.kind, principal.team) == ("manager@acme", "person", "ap")
    machine = await Verifier(settings(jwks_file=second.jwks_file)).verify(second.token("acme", "billing"))
    assert machine.kind == "automation"
    with pytest.raises(ValueError, match="no role"):
        second.token("acme", "finance")


@asynccontextmanager
async def issuers(directory: Path, count: int) -> AsyncIterator[list[DevelopmentIssuer]]:
    yield await asyncio.gather(*(asyncio.to_thread(DevelopmentIssuer, directory, "development") for _ in range(count)))


async def test_issuers_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    async with issuers(tmp_path / "keys", 6) as started:
        verifier = Verifier(settings(jwks_file=started[0].jwks_file))
        for issuer in started:
            assert (await verifier.verify(issuer.token("acme", "viewer"))).tenant == "acme"


def test_a_person_is_a_pseudonym_in_events_and_a_machine_is_itself() -> None:
    person, machine = (
        Principal("ana", "acme", frozenset()),
        Principal("billing", "acme", frozenset(), "automation", "x"),
    )
    actor = actor_of(person, b"key")
    assert (actor.kind, actor.team) == ("person", None)
    assert actor.id == pseudonym(b"key", "acme", "ana")
    assert actor.id not in {pseudonym(b"key", "other", "ana"), pseudonym(b"other", "acme", "ana"), "ana", None}
    assert actor_of(machine, b"key").id == "billing"


def test_a_department_of_a_directory_is_no_machine() -> None:
    claims = {"sub": "ana", "tenant": "acme", "scope": "", "exp": 1, "roles": ["hr", "billing", "viewer"]}
    assert principal_of(claims).scopes == grants_of(["viewer"])
    assert principal_of({**claims, "actor_kind": "automation"}).allows("hr.employees:write")
