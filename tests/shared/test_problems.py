"""Every failure is answered as a problem, in the caller's language, and shows nothing of the inside."""

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from shared.errors import DomainError, preferred_language, problem_document
from shared.validation import describe_errors
from tests.fixtures.services import Harness, problem

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("es", "es"),
        ("es-ES,es;q=0.9,en;q=0.8", "es"),
        ("en;q=0.8, es;q=0.9", "es"),
        ("ES-mx", "es"),
        ("fr, es;q=0.1", "es"),
        ("es;q=0.5, en;q=0.5", "en"),
        ("es;q=0", "en"),
        ("es; Q=0.4, en; q=0.3", "es"),
        ("*", "en"),
        ("es;q=nan, en;q=0.1", "en"),
        ("es;q=x", "en"),
        (",;,=", "en"),
        ("est", "en"),
    ],
)
def test_the_language_follows_the_weights(header: str | None, language: str) -> None:
    assert preferred_language(header) == language


async def test_not_found_and_method_not_allowed(kit: Harness, tenant: str) -> None:
    async with kit.client(tenant, **{"Accept-Language": "es", "X-Request-ID": "request-4711"}) as client:
        missing = await client.get("/kit/nothing?secret=1")
        method = await client.put("/kit/things")
        malformed = await client.get("/kit/things/17")
    assert (missing.status_code, problem(missing)["title"]) == (404, "No encontrado")
    assert problem(missing)["instance"] == "/kit/nothing"
    assert problem(missing)["request_id"] == missing.headers["x-request-id"] == "request-4711"
    assert missing.headers["content-language"] == "es"
    assert (method.status_code, problem(method)["code"]) == (405, "method-not-allowed")
    assert "GET" in method.headers["allow"] or "POST" in method.headers["allow"]
    assert (malformed.status_code, problem(malformed)["errors"][0]["at"]) == (422, "path.thing_id")


async def test_an_unexpected_failure_shows_nothing_and_is_logged(
    kit: Harness, tenant: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with kit.client(tenant) as client:
        english = await client.get("/kit/broken")
        spanish = await client.get("/kit/broken", headers={"Accept-Language": "es"})
    for answer, title in ((english, "Internal error"), (spanish, "Error interno")):
        document = problem(answer)
        assert (answer.status_code, document["code"], document["title"]) == (500, "internal-error", title)
        assert "tiger" not in answer.text
        assert "RuntimeError" not in answer.text
        assert document["request_id"] == answer.headers["x-request-id"]
    failures = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(failures) == 2
    assert "tiger" in str(failures[0].exc_info)


async def in_chunks(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_a_body_beyond_the_limit_is_refused_announced_or_not(kit: Harness, tenant: str) -> None:
    big = json.dumps({"name": "x" * 100_000}).encode()
    async with kit.client(tenant, **JSON) as client:
        announced = await client.post("/kit/things", content=big)
        chunked = await client.post("/kit/things", content=in_chunks(big[:60_000], big[60_000:]))
        lying = await client.post("/kit/things", content=big, headers={"Content-Length": "10"})
        fits = await client.post("/kit/streams", content=in_chunks(*[b"x" * 100_000] * 10))
        streamed = await client.post("/kit/streams", content=in_chunks(*[b"x" * 100_000] * 11))
        things = (await client.get("/kit/things")).json()["items"]
    for answer, limit in ((announced, 100_000), (chunked, 100_000), (lying, 100_000), (streamed, 1_000_000)):
        assert (answer.status_code, problem(answer)["limit"]) == (413, limit)
    assert fits.json() == {"size": 1_000_000}
    assert [thing["name"] for thing in things] == ["streamed"]


async def call_raw(kit: Harness, tenant: str, path: str, messages: list[dict[str, Any]], **headers: str) -> list[Any]:
    """Call the application as a server does, with exactly these messages, and return what it sends."""
    sent: list[Any] = []
    coming = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(coming)

    async def send(message: Any) -> None:
        sent.append(message)

    fields = {"authorization": f"Bearer {kit.issuer.token(tenant, 'operator')}", **headers}
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in fields.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    await kit.app(scope, receive, send)
    return sent


@pytest.mark.parametrize(("path", "kind"), [("/kit/things", "application/json"), ("/kit/streams", "text/plain")])
async def test_a_body_cut_off_half_way_stores_nothing(kit: Harness, tenant: str, path: str, kind: str) -> None:
    cut: list[dict[str, Any]] = [
        {"type": "http.request", "body": b'{"name": "h', "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent = await call_raw(kit, tenant, path, cut, **{"content-type": kind, "content-length": "100"})
    assert sent[0]["status"] == 400
    assert json.loads(sent[1]["body"])["code"] == "incomplete-body"
    async with kit.client(tenant) as client:
        assert (await client.get("/kit/things")).json()["items"] == []


async def test_a_request_that_takes_too_long_is_ended_and_undone(kit: Harness, tenant: str) -> None:
    async with kit.client(tenant) as client:
        answer = await client.get("/kit/slow")
        assert (answer.status_code, problem(answer)["code"]) == (504, "request-timeout")
        assert (await client.get("/kit/things")).json()["items"] == []
    assert kit.runtime.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined] # the pool's kind has it


async def test_a_sender_that_is_too_slow_is_ended(kit: Harness, tenant: str) -> None:
    async def crawl() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    async with kit.client(tenant, **JSON) as client:
        answer = await client.post("/kit/things", content=crawl())
    assert (answer.status_code, problem(answer)["code"]) == (504, "request-timeout")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "invalid-input"),
        (b"{", 422, "invalid-input"),
        (b"null", 422, "invalid-input"),
        (b'{"name": NaN}', 422, "invalid-input"),
        (b'{"name": "n", "weight": NaN}', 422, "invalid-input"),
        (b'{"name": "n", "weight": Infinity}', 422, "invalid-input"),
        (b'{"name": "n", "weight": 1e999}', 422, "invalid-input"),
        (b'{"name": "n", "tags": {"a": -Infinity}}', 422, "invalid-input"),
        (b'{"name": "n", "count": ' + b"9" * 5_000 + b"}", 422, "invalid-input"),
        (b'{"name": "n", "weight": "1.0"}', 422, "invalid-input"),
        (b'{"name": "n", "count": 1.0}', 422, "invalid-input"),
        (b'{"name": "n", "count": true}', 422, "invalid-input"),
        (b'{"name": "n", "at": "0001-01-01T00:00:00+14:00"}', 422, "invalid-input"),
        (b'{"name": "n", "at": "1700000000"}', 422, "invalid-input"),
        (b'{"name": "n", "at": "2026-01-01T00:00:00"}', 422, "invalid-input"),
        (b'{"name": "n", "tags": ' + b"[" * 40_000 + b"]" * 40_000 + b"}", 422, "invalid-input"),
        (b'{"name": ' + b"[" * 40_000, 422, "invalid-input"),
        (b'{"name": "n", "\\ud800": 1}', 422, "invalid-input"),
        (b'{"name": "\\uD800"}', 422, "invalid-input"),
        (b'{"name": "n", "tags": {"a": "\\udfff"}}', 422, "invalid-input"),
        (b'{"name": "\xff"}', 422, "invalid-input"),
        ('{"name": "n"}'.encode("utf-16"), 422, "invalid-input"),
        (b'{"name": "nul \\u0000"}', 422, "null-character"),
        (b'{"name": "n", "tags": {"\\u0000": 1}}', 422, "null-character"),
        (b'{"name": "n", "surprise": 1}', 422, "invalid-input"),
    ],
)
async def test_a_hostile_body_is_refused_clearly(
    kit: Harness, tenant: str, body: bytes, status: int, code: str
) -> None:
    async with kit.client(tenant, **JSON) as client:
        answer = await client.post("/kit/things", content=body)
        assert (answer.status_code, problem(answer)["code"]) == (status, code), answer.text
        assert (await client.get("/kit/things")).json()["items"] == []


@pytest.mark.parametrize("name", ["\\u0000 as text", "emoji 😀 ñ", '"; DROP TABLE thing; --', "{braces} %s %(x)s"])
async def test_an_odd_text_is_kept_as_it_is(kit: Harness, tenant: str, name: str) -> None:
    """An escaped backslash before u0000 is text; and 😀 may come as a surrogate pair."""
    async with kit.client(tenant, **JSON) as client:
        answer = await client.post("/kit/things", content=json.dumps({"name": name}).encode())
        assert answer.status_code == 201, answer.text
        found = await client.get("/kit/search", params={"name": name})
    assert (answer.json()["name"], found.json()) == (name, [name])


async def test_odd_characters_in_address_and_headers(kit: Harness, tenant: str) -> None:
    async with kit.client(tenant) as client:
        null = await client.get("/kit/search?name=%00")
        path = await client.get("/kit/things/%00")
        invalid = await client.get("/kit/search?name=%ff%fe")
        cursor = await client.get("/kit/things", params={"cursor": "ñ"})
    assert (null.status_code, problem(null)["code"]) == (422, "null-character")
    assert path.status_code == 422
    assert (invalid.status_code, invalid.json()) == (200, [])
    assert (cursor.status_code, problem(cursor)["code"]) == (422, "invalid-cursor")
    body = [{"type": "http.request", "body": b'{"name": "n"}'}]
    odd = {"content-type": "application/json", "accept-language": "\xff", "x-request-id": "\xf1" * 20}
    sent = await call_raw(kit, tenant, "/kit/things", body, **odd, **{"traceparent": "\xe9", "if-match": "\xff"})
    assert sent[0]["status"] == 201
    refused = await call_raw(kit, tenant, "/kit/things", body, **{**odd, "content-length": "\xb2"})
    assert refused[0]["status"] in {201, 400}
    late = await call_raw(kit, tenant, "/kit/things", body, **{**odd, "work-started-at": "\xff"})
    assert late[0]["status"] == 422


async def test_a_body_of_another_type_is_refused(kit: Harness, tenant: str) -> None:
    async with kit.client(tenant) as client:
        form = await client.post("/kit/things", data={"name": "n"})
        zipped = await client.post(
            "/kit/things", content=gzip.compress(b'{"name": "n"}'), headers={**JSON, "Content-Encoding": "gzip"}
        )
    assert (form.status_code, problem(form)["code"]) == (422, "invalid-input")
    assert (zipped.status_code, problem(zipped)["code"]) == (422, "invalid-input")


async def test_an_event_too_large_is_a_refusal(kit: Harness, tenant: str) -> None:
    async with kit.client(tenant, **{"Accept-Language": "es"}) as client:
        answer = await client.post("/kit/things", json={"name": "x"})
        assert (await client.get("/kit/things")).json()["items"] == []
    document = problem(answer)
    assert (answer.status_code, document["code"], document["event_type"]) == (
        422,
        "event-too-large",
        "kit.thing.made.v1",
    )
    assert document["size"] > document["limit"]


async def test_unknown_methods_do_not_make_metrics(kit: Harness, tenant: str) -> None:
    async with kit.client(tenant) as client:
        for n in range(3):
            answer = await client.request(f"BREW{n}", "/kit/things")
            assert answer.status_code == 405
        exported = (await client.get("/metrics")).text
    assert "BREW" not in exported
    assert 'method="other"' in exported


def test_a_document_is_always_json() -> None:
    class Odd(DomainError):
        code, status, en, es = "odd", 400, "{a}", "{a}"

    document = json.loads(problem_document(Odd(a="\ud800", b=object(), status=7), "en", "/x"))
    assert (document["detail"], document["status"], document["type"]) == (
        "\ud800",
        400,
        "https://trastienda.dev/problems/odd",
    )


def test_spanish_messages_fill_their_limits() -> None:
    errors: list[dict[str, Any]] = [
        {"type": "string_too_short", "loc": ("body", "name"), "msg": "too short", "ctx": {"min_length": 3}},
        {"type": "unheard_of", "loc": ("body", 0), "msg": "Value error, plain"},
        {"type": "too_long", "loc": (), "msg": "no context"},
    ]
    assert describe_errors(errors, "es") == [
        {"at": "body.name", "message": "debe tener al menos 3 caracteres", "type": "string_too_short"},
        {"at": "body.0", "message": "no es un valor admitido", "type": "unheard_of"},
        {"at": "", "message": "no es un valor admitido", "type": "too_long"},
    ]
    assert [entry["message"] for entry in describe_errors(errors, "en")] == ["too short", "plain", "no context"]


async def test_the_callers_own_disconnect_is_no_failure(kit: Harness, tenant: str) -> None:
    """A client that goes away while it waits: the transaction is not committed twice, nothing is logged as broken."""
    transport = httpx.ASGITransport(kit.app)
    async with httpx.AsyncClient(
        transport=transport,
        base_url="http://service",
        headers={"Authorization": f"Bearer {kit.issuer.token(tenant, 'operator')}"},
    ) as client:
        task = asyncio.create_task(client.get("/kit/slow"))
        await asyncio.sleep(0.2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (await client.get("/kit/things")).json()["items"] == []
    assert kit.runtime.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined] # as above
