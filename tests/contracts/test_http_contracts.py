"""The committed OpenAPI documents are the ones the services answer with, and say what a client needs."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.openapi.__main__ import FOLDER, document_of, render
from deploy.registry import SERVICES

DOCUMENTS = {name: document_of(name) for name in SERVICES}


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


@pytest.mark.parametrize("name", SERVICES)
def test_the_committed_document_is_the_generated_one(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == render(DOCUMENTS[name]), "run: python -m deploy.openapi"


@pytest.mark.parametrize("name", SERVICES)
def test_every_operation_has_its_own_id_its_scope_and_its_refusals(name: str) -> None:
    document = DOCUMENTS[name]
    assert document["openapi"].startswith("3.1")
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for place, operation in operations(document):
        if "/health/" in place:
            continue
        assert operation["security"] == [{"bearer": []}], place
        assert operation["x-scopes"], place
        assert {"401", "403", "default"} <= operation["responses"].keys(), place
        for status, response in operation["responses"].items():
            if status[0] in "45" and response.get("content"):
                assert "application/problem+json" in response["content"], (place, status)
