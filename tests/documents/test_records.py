"""Records over HTTP: stored, described, listed."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event

from tests.documents.uploading import PATH, PDF, nothing_left, objects, rows, send, stored
from tests.fixtures.services import Harness, problem


async def test_a_record_is_stored_and_read_back(documents: Harness, tenant: str) -> None:
    headers = {"Content-Disposition": "attachment; filename*=UTF-8''..%2FContrato%20se%C3%B1al.pdf"}
    about: dict[str, Any] = {"kind": "contract", "tags": ["2026", "sol", "2026"], "document_date": "2026-03-01"}
    answer = await send(documents, tenant, headers=headers, **about)
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    record = answer.json()
    assert record == {
        "id": record["id"],
        "version": 1,
        "status": "stored",
        "title": "Contrato",
        "kind": "contract",
        "tags": ["2026", "sol"],
        "document_date": "2026-03-01",
        "filename": "Contrato señal.pdf",
        "media_type": "application/pdf",
        "declared_type": "application/pdf",
        "size": len(PDF),
        "sha256": hashlib.sha256(PDF).hexdigest(),
        "duplicate_of": None,
        "stored_at": record["stored_at"],
    }
    async with documents.client(tenant, "viewer") as client:
        read = await client.get(answer.headers["location"])
    assert (read.json(), read.headers["etag"]) == (record, '"1"')
    assert len(await objects(documents, tenant)) == 1
    assert await rows(documents, tenant, "upload") == []


async def test_storing_and_describing_leave_events_with_the_work_they_took(documents: Harness, tenant: str) -> None:
    record = await stored(documents, tenant, kind="contract", title="Contrato de Ana García", filename="ana.pdf")
    async with documents.client(tenant, **{"If-Match": '"1"'}) as client:
        await client.patch(f"{PATH}/{record['id']}", json={"title": "Otro", "tags": ["Ana"]})
    first, second = await documents.events(tenant)
    assert (first.type, first.aggregatetype) == ("documents.record.stored.v1", "documents.records")
    facts = {name: value for name, value in first.payload.items() if name != "work"}
    assert facts == {
        "record_id": record["id"],
        "kind": "contract",
        "media_type": "application/pdf",
        "size": len(PDF),
        "sha256": record["sha256"],
        "duplicate_of": None,
    }
    work = first.payload["work"]
    assert (work["process"], work["activity"], work["case"]) == ("document-archive", "store-record", record["id"])
    assert (work["actor"]["kind"], work["estimated"]) == ("person", True)
    assert work["started_at"] == work["finished_at"]
    assert (second.type, second.payload["changed"]) == ("documents.record.described.v1", ["tags", "title"])
    assert second.payload["work"]["activity"] == "describe-record"
    assert not any(name in str([first.payload, second.payload]) for name in ("Ana", "ana", "García"))


async def test_a_machines_upload_counts_as_automation_until_its_content_has_come(
    documents: Harness, tenant: str
) -> None:
    async def slow() -> Any:
        yield PDF
        await asyncio.sleep(0.2)
        yield b"% and more\n"

    begun = datetime.now(UTC)
    started = {"Work-Started-At": begun.isoformat()}
    record = await stored(documents, tenant, slow(), role="billing", headers=started)
    work = (await documents.events(tenant))[0].payload["work"]
    assert (work["actor"]["kind"], work["estimated"]) == ("automation", False)
    first, last = (datetime.fromisoformat(work[name]) for name in ("started_at", "finished_at"))
    assert (first, last) == (begun, datetime.fromisoformat(record["stored_at"]))
    assert last - begun >= timedelta(seconds=0.2)


async def test_a_clock_set_back_during_an_upload_lets_no_work_end_before_it_began(
    documents: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = datetime.now(UTC)

    async def slow() -> AsyncIterator[bytes]:
        yield PDF
        monkeypatch.setattr("shared.clock.now", lambda: begun - timedelta(hours=1))
        yield b"% and more\n"

    await stored(documents, tenant, slow(), headers={"Work-Started-At": begun.isoformat()})
    work = (await documents.events(tenant))[0].payload["work"]
    assert work["started_at"] <= work["finished_at"]


async def test_content_that_is_there_already_is_refused_or_asked_for(
    documents: Harness, tenant: str, other_tenant: str
) -> None:
    first = await stored(documents, tenant)
    refused = await send(documents, tenant, title="Another title", headers={"Accept-Language": "es"})
    document = problem(refused)
    assert (refused.status_code, document["code"], document["existing_id"]) == (409, "duplicate-content", first["id"])
    assert "exactamente este contenido" in document["detail"]
    copies = [await stored(documents, tenant, title=f"Copy {n}", duplicates="allow") for n in range(2)]
    assert [copy["duplicate_of"] for copy in copies] == [first["id"]] * 2
    assert len({first["id"], *(copy["id"] for copy in copies)}) == 3
    assert len(await objects(documents, tenant)) == 1, "one content, one object"
    assert await rows(documents, tenant, "upload") == []
    async with documents.client(tenant, "viewer") as client:
        assert (await client.get(f"{PATH}/{copies[1]['id']}/content")).content == PDF
        found = (await client.get(PATH, params={"sha256": first["sha256"]})).json()["items"]
    assert [item["id"] for item in found] == [copies[1]["id"], copies[0]["id"], first["id"]]
    await stored(documents, other_tenant)


async def test_allowing_duplicates_does_not_hide_the_first_from_the_next(documents: Harness, tenant: str) -> None:
    first = await stored(documents, tenant, duplicates="allow")
    assert first["duplicate_of"] is None
    assert problem(await send(documents, tenant))["existing_id"] == first["id"]


async def test_of_concurrent_uploads_of_one_content_one_succeeds(documents: Harness, tenant: str) -> None:
    answers = await asyncio.gather(*(send(documents, tenant) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    (winner,) = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert {problem(answer)["existing_id"] for answer in answers if answer.status_code == 409} == {winner}
    assert len(await objects(documents, tenant)) == 1
    assert await rows(documents, tenant, "upload") == []
    assert len(await documents.events(tenant)) == 1


async def test_concurrent_copies_are_counted_one_after_another(documents: Harness, tenant: str) -> None:
    answers = await asyncio.gather(*(send(documents, tenant, duplicates="allow") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert sorted(row.copy_no for row in await rows(documents, tenant, "record")) == list(range(8))
    assert len(await objects(documents, tenant)) == 1


async def test_a_key_makes_a_repeated_upload_safe(documents: Harness, tenant: str) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    first = await send(documents, tenant, headers=key)
    again = await send(documents, tenant, headers=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.headers["location"], again.headers["etag"]) == (first.headers["location"], '"1"')
    for other in (
        await send(documents, tenant, PDF + b"%", headers=key),
        await send(documents, tenant, title="Other", headers=key),
        await send(documents, tenant, headers=key | {"Content-Type": "application/octet-stream"}),
    ):
        assert (other.status_code, problem(other)["code"]) == (422, "idempotency-key-reused")
    assert len(await objects(documents, tenant)) == len(await documents.events(tenant)) == 1
    assert await rows(documents, tenant, "upload") == []


async def test_concurrent_uploads_with_one_key_happen_once(documents: Harness, tenant: str) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    answers = await asyncio.gather(*(send(documents, tenant, duplicates="allow", headers=key) for _ in range(6)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert len(await rows(documents, tenant, "record")) == len(await objects(documents, tenant)) == 1


async def test_a_description_is_changed_by_who_has_seen_it(documents: Harness, tenant: str) -> None:
    record = await stored(documents, tenant, tags=["a"], document_date="2026-01-02")
    path = f"{PATH}/{record['id']}"
    async with documents.client(tenant, **{"Accept-Language": "es"}) as client:
        blind = await client.patch(path, json={"title": "Nuevo"})
        stale = await client.patch(path, json={"title": "Nuevo"}, headers={"If-Match": '"9"'})
        seen = {"If-Match": '"1"'}
        null = await client.patch(path, json={"title": None}, headers=seen)
        nothing = await client.patch(path, json={}, headers=seen)
        content = await client.patch(path, json={"sha256": "0" * 64}, headers=seen)
        same = await client.patch(path, json={"title": "Contrato", "tags": ["a", "a"]}, headers=seen)
        edited = await client.patch(path, json={"title": " Nuevo ", "document_date": None}, headers=seen)
        race = await asyncio.gather(
            *(client.patch(path, json={"kind": f"k{n}"}, headers={"If-Match": '"2"'}) for n in range(4))
        )
    assert (blind.status_code, problem(blind)["code"]) == (428, "if-match-required")
    assert (stale.status_code, problem(stale)["current"]) == (412, 1)
    assert {answer.status_code for answer in (null, nothing, content)} == {422}
    assert problem(content)["errors"][0]["message"] == "este nombre no se admite aquí"
    assert (same.status_code, same.headers["etag"]) == (200, '"1"')
    assert (edited.status_code, edited.headers["etag"]) == (200, '"2"')
    assert edited.json() == record | {"version": 2, "title": "Nuevo", "document_date": None}
    assert sorted(answer.status_code for answer in race) == [200, 412, 412, 412]
    assert len(await documents.events(tenant)) == 3


async def test_another_tenants_record_is_not_found(documents: Harness, tenant: str, other_tenant: str) -> None:
    path = f"{PATH}/{(await stored(documents, tenant))['id']}"
    async with documents.client(other_tenant, "admin") as client:
        answers = [
            await client.get(path),
            await client.patch(path, json={"title": "Mine"}, headers={"If-Match": "*"}),
            await client.get(f"{path}/content"),
            await client.post(f"{path}/links", json={}),
        ]
        assert (await client.head(f"{path}/content")).status_code == 404
        assert (await client.get(PATH)).json() == {"items": [], "next_cursor": None}
    assert [problem(answer)["code"] for answer in answers] == ["not-found"] * 4


async def test_scopes_are_asked_for_before_anything_is_stored(documents: Harness, tenant: str) -> None:
    record = await stored(documents, tenant)
    refused = await send(documents, tenant, b"new content", role="viewer", headers={"Content-Type": "text/plain"})
    async with documents.client(tenant, "viewer") as client:
        link = await client.post(f"{PATH}/{record['id']}/links", json={})
        edit = await client.patch(f"{PATH}/{record['id']}", json={"title": "X"}, headers={"If-Match": "*"})
    assert problem(refused)["scope"] == problem(edit)["scope"] == "documents.records:write"
    assert problem(link)["scope"] == "documents.record-links:write"
    async with documents.anonymous() as client:
        answer = await client.post(PATH, params={"title": "X"}, content=b"x")
    assert (answer.status_code, problem(answer)["code"]) == (401, "invalid-token")
    assert len(await objects(documents, tenant)) == 1


async def test_what_is_not_an_upload_is_refused_and_leaves_nothing(documents: Harness, tenant: str) -> None:
    empty = await send(documents, tenant, b"")
    form = await send(documents, tenant, b"--x\r\n", headers={"Content-Type": "multipart/form-data; boundary=x"})
    untitled = await send(documents, tenant, title=" ")
    unknown = await send(documents, tenant, tittle="X")
    wrong = await send(documents, tenant, kind="Not A Slug", duplicates="maybe", document_date="ayer")
    null = await send(documents, tenant, title="a\0b")
    assert (empty.status_code, problem(empty)["code"]) == (422, "empty-content")
    assert (form.status_code, problem(form)["code"]) == (415, "form-upload")
    assert problem(untitled)["errors"][0]["at"] == "query.title"
    assert problem(unknown)["errors"][0]["at"] == "query.tittle"
    places = {error["at"] for error in problem(wrong)["errors"]}
    assert places == {"query.kind", "query.duplicates", "query.document_date"}
    assert problem(null)["code"] == "null-character"
    assert await nothing_left(documents, tenant)


async def test_a_form_is_refused_for_being_one_before_anything_else(documents: Harness, tenant: str) -> None:
    async with documents.client(tenant) as client:
        parts: dict[str, Any] = {"files": {"file": ("contrato.pdf", PDF)}, "data": {"title": "Contrato"}}
        for language, told in (("en", "as the body"), ("es", "como cuerpo")):
            answer = await client.post(PATH, **parts, headers={"Accept-Language": language})
            refused = problem(answer)
            assert (answer.status_code, refused["code"]) == (415, "form-upload")
            assert refused["declared"] == "multipart/form-data"
            assert told in refused["hint"]
            assert "--data-binary @" in refused["hint"]
    assert await nothing_left(documents, tenant)


async def test_the_list_is_filtered_and_paged_newest_first_in_two_statements(documents: Harness, tenant: str) -> None:
    made = [
        await stored(
            documents, tenant, b"Number %d" % n, kind=f"k{n % 2}", tags=[f"n{n}", "all"], headers={"Content-Type": ""}
        )
        for n in range(5)
    ]
    ids = [record["id"] for record in made]
    await stored(documents, tenant)
    statements: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    async def listed(**query: Any) -> Any:
        async with documents.client(tenant, "viewer") as client:
            answer = await client.get(PATH, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert [item["id"] for item in (await listed(kind="k0"))["items"]] == [ids[4], ids[2], ids[0]]
    assert [item["id"] for item in (await listed(tags=["all", "n3"]))["items"]] == [ids[3]]
    assert len((await listed(media_type="application/pdf"))["items"]) == 1
    assert [item["id"] for item in (await listed(sha256=made[1]["sha256"]))["items"]] == [ids[1]]
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    engine = documents.runtime.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", count)
    for pages in range(1, 4):
        page = await listed(tags="all", limit=2, **cursor)
        seen += [item["id"] for item in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
        assert len(statements) == 2 * pages, "the tenant's name and the page"
    event.remove(engine, "before_cursor_execute", count)
    assert (seen, cursor) == (ids[::-1], {"cursor": None})
    async with documents.client(tenant, "viewer") as client:
        assert problem(await client.get(PATH, params={"cursor": "zzz"}))["code"] == "invalid-cursor"
        assert (await client.get(PATH, params={"sha256": "beef"})).status_code == 422
