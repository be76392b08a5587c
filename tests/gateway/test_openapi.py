"""One document of many: complete, consistent, and there when a service is not."""

import asyncio
import copy
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.registry import SERVICES, load_service
from gateway.openapi import merge, operations
from shared.app import create_app
from tests.gateway.conftest import OpenDoor
from tests.gateway.servers import Backend, serving

Document = dict[str, Any]


def service_document(name: str, **schemas: Document) -> Document:
    answer = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}, "description": "ok"}
    return {
        "openapi": "3.1.0",
        "info": {"title": name, "version": "3"},
        "servers": [{"url": f"http://{name}.internal"}],
        "tags": [{"name": "items", "description": f"Items of {name}"}],
        "paths": {
            f"/{name}/items": {"get": {"operationId": "list_items", "tags": ["items"], "responses": {"200": answer}}},
            f"/{name}": {
                "post": {"operationId": "list_items", "responses": {"200": answer, "429": {"description": "x"}}}
            },
            "/health/live": {"get": {"operationId": "live", "responses": {}}},
            f"/{name}-other/x": {"get": {"operationId": "other", "responses": {}}},
        },
        "components": {"schemas": schemas},
    }


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str):
            yield reference
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(document: Document, reference: str) -> Any:
    node: Any = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def check_consistent(document: Document) -> None:
    assert document["openapi"].startswith("3.1")
    for reference in references(document):
        assert resolve(document, reference) is not None, reference
    ids = [operation["operationId"] for _, _, operation in operations(document) if "operationId" in operation]
    assert len(ids) == len(set(ids))
    tags = {tag["name"] for tag in document["tags"]}
    assert len(tags) == len(document["tags"])
    schemes = document["components"]["securitySchemes"]
    for _, _, operation in operations(document):
        assert set(operation["tags"]) <= tags
        assert operation["security"]
        assert all(name in schemes for alternative in operation["security"] for name in alternative)


A, B = {"type": "string"}, {"type": "integer"}


def test_same_name_and_content_is_shared_and_another_content_gets_the_services_name() -> None:
    item = {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/Same"}}}
    documents = {
        "hr": service_document("hr", Item={**item, "title": "h"}, Same=A),
        "billing": service_document("billing", Item={**item, "title": "b"}, Same=A),
    }
    before = copy.deepcopy(documents)
    merged = merge(documents)
    check_consistent(merged)
    assert documents == before
    assert set(merged["components"]["schemas"]) == {"BillingItem", "HrItem", "Same", "Problem"}
    answer = merged["paths"]["/hr/items"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert resolve(merged, answer["$ref"])["title"] == "h"


def test_what_refers_to_different_things_is_different_too() -> None:
    chain: dict[str, Document] = {
        "Item": {"items": {"$ref": "#/components/schemas/Middle"}},
        "Middle": {"$ref": "#/components/schemas/End"},
    }
    merged = merge({"a": service_document("a", **chain, End=A), "b": service_document("b", **chain, End=B)})
    check_consistent(merged)
    assert resolve(merged, "#/components/schemas/AItem")["items"]["$ref"] == "#/components/schemas/AMiddle"
    assert resolve(merged, "#/components/schemas/BMiddle")["$ref"] == "#/components/schemas/BEnd"
    assert resolve(merged, "#/components/schemas/AEnd") == A
    assert resolve(merged, "#/components/schemas/BEnd") == B


def test_a_new_name_is_never_one_already_taken() -> None:
    documents = {
        "a": service_document("a", Item=A, BItem={"title": "was here first"}),
        "b": service_document("b", Item=B),
    }
    merged = merge(documents)
    check_consistent(merged)
    assert merged["components"]["schemas"]["BItem"] == {"title": "was here first"}
    assert merged["components"]["schemas"]["BItem_"] == B


def test_discriminators_and_security_follow_their_components() -> None:
    union = {"discriminator": {"propertyName": "k", "mapping": {"x": "#/components/schemas/Item"}}}
    documents = {"a": service_document("a", Item=A, Union=union), "b": service_document("b", Item=B)}
    for name, kind in (("a", "http"), ("b", "apiKey")):
        documents[name]["components"]["securitySchemes"] = {"key": {"type": kind}}
        documents[name]["paths"][f"/{name}/items"]["get"]["security"] = [{"key": []}]
    merged = merge(documents)
    check_consistent(merged)
    assert merged["components"]["schemas"]["Union"]["discriminator"]["mapping"] == {"x": "#/components/schemas/AItem"}
    assert merged["paths"]["/b/items"]["get"]["security"] == [{"Bkey": []}]


def test_paths_the_gateway_does_not_forward_are_left_out() -> None:
    merged = merge({"a": service_document("a", Item=A)})
    assert set(merged["paths"]) == {"/a", "/a/items"}
    assert merged["servers"] == [{"url": "/"}]
    assert "internal" not in str(merged)


def test_operations_say_what_the_gateway_may_answer_and_keep_their_own_word() -> None:
    merged = merge({"a": service_document("a", Item=A)})
    assert set(merged["paths"]["/a/items"]["get"]["responses"]) == {"200", "401", "403", "429", "502", "503", "504"}
    assert merged["paths"]["/a"]["post"]["responses"]["429"] == {"description": "x"}
    assert merged["paths"]["/a/items"]["get"]["tags"] == ["a / items"]
    assert merged["tags"][0] == {"name": "a / items", "description": "Items of a"}


@pytest.fixture(scope="module")
def real_documents() -> dict[str, Document]:
    documents = {}
    for name in SERVICES:
        service = load_service(name)
        documents[name] = create_app(service, service.settings(environment="development")).openapi()
    return documents


def test_the_real_services_lose_no_operation(real_documents: dict[str, Document]) -> None:
    merged = merge(real_documents)
    check_consistent(merged)
    expected = {
        (path, method)
        for name, document in real_documents.items()
        for path, method, _ in operations(document)
        if path.startswith(f"/{name}/")
    }
    assert {(path, method) for path, method, _ in operations(merged)} == expected
    assert len(expected) > 20


def test_a_merged_operation_means_what_the_services_own_did(real_documents: dict[str, Document]) -> None:
    """Follow every reference on both sides: the expanded operations must be equal."""
    merged = merge(real_documents)
    for document in real_documents.values():
        for path, method, operation in operations(document):
            if path in merged["paths"]:
                ours = merged["paths"][path][method]
                for part in ("parameters", "requestBody"):
                    assert expand(merged, ours.get(part)) == expand(document, operation.get(part))
                for status, answer in operation["responses"].items():
                    assert expand(merged, ours["responses"][status]) == expand(document, answer)


def expand(document: Document, node: Any, depth: int = 0) -> Any:
    if depth > 12:
        return "..."
    if isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str):
            return expand(document, resolve(document, reference), depth + 1)
        return {key: expand(document, value, depth + 1) for key, value in node.items()}
    if isinstance(node, list):
        return [expand(document, value, depth + 1) for value in node]
    return node


async def test_a_service_that_is_down_is_named_and_the_rest_served(open_door: OpenDoor) -> None:
    upstreams = {"hr": "http://127.0.0.1:9", "odd": "http://127.0.0.1:9"}
    backend = Backend("odd", openapi={})
    async with serving(backend.app()) as port:
        upstreams["odd"] = f"http://127.0.0.1:{port}"
        async with open_door(more_upstreams=upstreams, openapi_refresh=0) as door:
            door.backend.openapi = service_document("billing", Item=A)
            async with door.client.get("/openapi.json") as response:
                document = await response.json()
            assert document["x-missing-services"] == [{"name": "hr", "reason": "unreachable"}]
            assert set(document["paths"]) == {"/billing", "/billing/items"}


async def test_the_document_is_cached_tagged_and_refreshed(open_door: OpenDoor) -> None:
    async with open_door(openapi_refresh=0.2) as door:
        door.backend.openapi = service_document("billing", Item=A)
        async with door.client.get("/openapi.json") as response:
            etag = response.headers["etag"]
            first = await response.json()
        door.backend.openapi = service_document("billing", Item=B)
        async with door.client.get("/openapi.json", headers={"If-None-Match": f'"x", {etag}'}) as response:
            assert (response.status, await response.read()) == (304, b"")
            assert response.headers["etag"] == etag
        await asyncio.sleep(0.25)
        async with door.client.get("/openapi.json", headers={"If-None-Match": etag}) as response:
            assert response.status == 200
            assert response.headers["etag"] != etag
            assert await response.json() != first
