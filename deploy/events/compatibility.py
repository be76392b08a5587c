"""Whether a changed schema may keep its version: readers and writers of both forms must understand each other."""

from collections.abc import Iterator, Mapping
from typing import Any


def breaking_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return what makes `new` another version than `old`; nothing when only optional fields were added."""
    found = list(_compare(old, new, ""))
    old_definitions, new_definitions = old.get("$defs", {}), new.get("$defs", {})
    for name in sorted(old_definitions.keys() & new_definitions.keys()):
        found += _compare(old_definitions[name], new_definitions[name], f"{name}.")
    return found


def _compare(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[str]:
    old_fields, new_fields = old.get("properties", {}), new.get("properties", {})
    for name in sorted(old_fields.keys() - new_fields.keys()):
        yield f"{place}{name} is gone"
    for name in sorted(old_fields.keys() & new_fields.keys()):
        if _meaning(old_fields[name]) != _meaning(new_fields[name]):
            yield f"{place}{name} changed its type"
    before, after = set(old.get("required", [])), set(new.get("required", []))
    for name in sorted(after - before):
        yield f"{place}{name} became required"
    for name in sorted(before - after):
        yield f"{place}{name} is no longer required"
    if old.get("enum") != new.get("enum"):
        yield f"{place or 'the value'} has other allowed values"


def _meaning(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a field's schema without the texts that only explain it."""
    return {key: value for key, value in schema.items() if key not in {"description", "title"}}
