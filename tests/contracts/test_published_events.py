"""The committed contracts are the ones the code publishes, and never change under their readers."""

from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from deploy.events.__main__ import FOLDER, documents, refusals, render
from deploy.events.compatibility import breaking_changes

WANTED = documents()


def test_every_service_publishes_something() -> None:
    services = {name.split(".")[0] for name in WANTED if name != "asyncapi.json"}
    assert services == {"documents", "billing", "hr", "analytics"}


@pytest.mark.parametrize("name", sorted(WANTED))
def test_the_committed_document_is_the_generated_one(name: str) -> None:
    assert (FOLDER / name).read_text() == render(WANTED[name]), "run: python -m deploy.events"


def test_nothing_published_was_taken_back() -> None:
    assert refusals(FOLDER, WANTED) == []
    assert {file.name for file in FOLDER.glob("*.json")} == set(WANTED)


@pytest.mark.parametrize("name", sorted(set(WANTED) - {"asyncapi.json"}))
def test_every_schema_is_valid(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(WANTED[name])
    assert WANTED[name]["description"]


def test_asyncapi_names_every_event_once() -> None:
    document = WANTED["asyncapi.json"]
    listed = [message for channel in document["channels"].values() for message in channel["messages"]]
    assert sorted(listed) == sorted(document["components"]["messages"])
    assert {f"{name}.json" for name in listed} == set(WANTED) - {"asyncapi.json"}
    for message in document["components"]["messages"].values():
        assert message["payload"]["schema"]["$ref"] in WANTED


OLD: dict[str, Any] = {
    "properties": {"a": {"type": "string"}, "b": {"type": "integer"}},
    "required": ["a"],
    "$defs": {"Kind": {"enum": ["x"]}},
}


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"properties": {**OLD["properties"], "c": {"type": "string"}}}, []),
        ({"properties": {"a": {"type": "string", "description": "new words"}, "b": {"type": "integer"}}}, []),
        ({"properties": {"a": {"type": "string"}}}, ["b is gone"]),
        ({"properties": {**OLD["properties"], "b": {"type": "string"}}}, ["b changed its type"]),
        ({"required": ["a", "b"]}, ["b became required"]),
        ({"required": []}, ["a is no longer required"]),
        ({"$defs": {"Kind": {"enum": ["x", "y"]}}}, ["Kind. has other allowed values"]),
    ],
)
def test_incompatible_changes_are_told(change: dict[str, Any], verdict: list[str]) -> None:
    assert breaking_changes(OLD, OLD | change) == verdict


def test_a_changed_contract_is_refused(tmp_path: Path) -> None:
    name = "billing.invoice.registered.v1.json"
    changed = msgspec.json.decode(render(WANTED[name]))
    changed["required"].append("colour")
    (tmp_path / name).write_text(msgspec.json.encode(changed).decode())
    assert refusals(tmp_path, WANTED) == [f"{name}: colour is no longer required"]
    (tmp_path / "billing.invoice.burnt.v1.json").write_text("{}")
    assert "billing.invoice.burnt.v1.json: the event is gone" in refusals(tmp_path, WANTED)
