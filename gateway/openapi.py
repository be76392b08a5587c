"""Makes one OpenAPI 3.1 document of the services' own. Pure: documents in, document out."""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.errors import PROBLEM_JSON, PROBLEM_SCHEMA

Document = dict[str, Any]
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_REF = "#/components/"
_BEARER = "bearer"
# What the gateway may answer to any operation, whatever the service declares.
_GATEWAY_ANSWERS = {
    "401": "`invalid-token`",
    "403": "`not-allowed`",
    "429": "`rate-limited`",
    "502": "`service-unreachable`",
    "503": "`service-unavailable`",
    "504": "`service-timeout`",
}

ComponentId = tuple[str, str]  # kind and name, as in #/components/<kind>/<name>


def merge(documents: Mapping[str, Document], missing: Mapping[str, str] | None = None) -> Document:
    """Return one document for the services of `documents`, by the name their paths begin with.

    `missing` names services that gave no document, with the reason. Components of the same name and content are
    shared; a name with two contents gets each service's name in front. Operation ids always do, so that a new service
    never renames what a client was generated from.
    """
    renamed = _new_names(documents)
    merged: Document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Trastienda",
            "version": "1",
            "description": "Every operation of every service, as seen through the gateway.",
        },
        "servers": [{"url": "/"}],
        "tags": [],
        "paths": {},
        "components": _own_components(),
        "x-services": {name: documents[name].get("info", {}) for name in sorted(documents)},
    }
    for service in sorted(documents):
        _add_service(merged, service, documents[service], renamed[service])
    if missing:
        merged["x-missing-services"] = [{"name": name, "reason": missing[name]} for name in sorted(missing)]
    return merged


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Yield path, method and operation of a document."""
    for path, item in document.get("paths", {}).items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def _own_components() -> Document:
    answers = {
        f"Gateway{status}": {
            "description": f"The gateway's refusal {code}.",
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, code in _GATEWAY_ANSWERS.items()
    }
    return {
        "schemas": {"Problem": PROBLEM_SCHEMA},
        "responses": answers,
        "securitySchemes": {_BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
    }


def _components(document: Document) -> Iterator[tuple[ComponentId, Any]]:
    for kind, entries in document.get("components", {}).items():
        for name, content in entries.items():
            yield (kind, name), content


def _new_names(documents: Mapping[str, Document]) -> dict[str, dict[ComponentId, str]]:
    """Return, by service, the components that need another name and that name."""
    owners: dict[ComponentId, dict[str, Any]] = {}
    for service, document in documents.items():
        for component, content in _components(document):
            owners.setdefault(component, {})[service] = content
    clashing = _clashes(owners)
    taken = set(owners)
    renamed: dict[str, dict[ComponentId, str]] = {service: {} for service in documents}
    for component in sorted(clashing):
        for service in sorted(owners[component]):
            kind, name = component
            new = f"{_pascal(service)}{name}"
            while (kind, new) in taken:
                new += "_"
            taken.add((kind, new))
            renamed[service][component] = new
    return renamed


def _clashes(owners: Mapping[ComponentId, Mapping[str, Any]]) -> set[ComponentId]:
    """Return the components whose name stands for different things, also by what they refer to."""
    own = dict(_components({"components": _own_components()}))
    clashing = {
        component
        for component, contents in owners.items()
        if component in own and _differ([own[component], *contents.values()])
    }
    clashing |= {component for component, contents in owners.items() if _differ(list(contents.values()))}
    shared = {component: contents for component, contents in owners.items() if len(contents) > 1}
    grown = True
    while grown:
        affected = {
            component
            for component, contents in shared.items()
            if component not in clashing and not clashing.isdisjoint(_references(list(contents.values())))
        }
        clashing |= affected
        grown = bool(affected)
    return clashing


def _differ(contents: list[Any]) -> bool:
    return any(content != contents[0] for content in contents[1:])


def _references(node: Any) -> Iterator[ComponentId]:
    """Yield the components that a node refers to, itself and below."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                if value.startswith(_REF):
                    kind, _, name = value.removeprefix(_REF).partition("/")
                    yield kind, name
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _rewrite(node: Any, renamed: Mapping[ComponentId, str]) -> Any:
    """Return a copy with references, discriminator mappings and security names pointing at the new names."""
    if isinstance(node, list):
        return [_rewrite(value, renamed) for value in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _rewrite(value, renamed) for key, value in node.items()}
    if isinstance(reference := node.get("$ref"), str):
        copy["$ref"] = _renamed_reference(reference, renamed)
    discriminator = node.get("discriminator")
    if isinstance(discriminator, dict) and isinstance(mapping := discriminator.get("mapping"), dict):
        new = {value: _renamed_reference(target, renamed) for value, target in mapping.items()}
        copy["discriminator"] = {**discriminator, "mapping": new}
    return copy


def _renamed_reference(reference: str, renamed: Mapping[ComponentId, str]) -> str:
    kind, _, name = reference.removeprefix(_REF).partition("/")
    new = renamed.get((kind, name)) if reference.startswith(_REF) else None
    return f"{_REF}{kind}/{new}" if new else reference


def _add_service(merged: Document, service: str, document: Document, renamed: Mapping[ComponentId, str]) -> None:
    for (kind, name), content in _components(document):
        target = merged["components"].setdefault(kind, {})
        target[renamed.get((kind, name), name)] = _rewrite(content, renamed)
    tags = {tag["name"]: tag for tag in document.get("tags", [])}
    used: dict[str, Document] = {}
    for path, item in document.get("paths", {}).items():
        if path != f"/{service}" and not path.startswith(f"/{service}/"):
            continue  # a service's own health and metrics cannot be reached through the gateway
        copy = {key: value for key, value in _rewrite(item, renamed).items() if key != "servers"}
        for method in _METHODS:
            if method in copy:
                _adapt(copy[method], service, document, renamed)
                used |= {tag: {**tags.get(_plain(tag), {}), "name": tag} for tag in copy[method]["tags"]}
        merged["paths"][path] = copy
    merged["tags"] += list(used.values())
    _number_repeated_ids(merged)


def _adapt(operation: Document, service: str, document: Document, renamed: Mapping[ComponentId, str]) -> None:
    """Make one operation stand beside those of other services."""
    operation.pop("servers", None)
    names = operation.get("tags") or [service]
    operation["tags"] = [name if name == service else f"{service} / {name}" for name in names]
    if (known := operation.get("operationId")) and not known.startswith(f"{service}_"):
        operation["operationId"] = f"{service}_{known}"
    security = operation.get("security", document.get("security"))
    operation["security"] = (
        [{_BEARER: []}]
        if security is None
        else [
            {renamed.get(("securitySchemes", name), name): scopes for name, scopes in alternative.items()}
            for alternative in security
        ]
    )
    responses = operation.setdefault("responses", {})
    for status in _GATEWAY_ANSWERS:
        responses.setdefault(status, {"$ref": f"#/components/responses/Gateway{status}"})


def _number_repeated_ids(merged: Document) -> None:
    """Make operation ids unique, which a service alone may have got wrong."""
    seen: set[str] = set()
    for _, _, operation in operations(merged):
        if (known := operation.get("operationId")) is None:
            continue
        unique, number = known, 2
        while unique in seen:
            unique, number = f"{known}_{number}", number + 1
        seen.add(unique)
        operation["operationId"] = unique


def _plain(tag: str) -> str:
    return tag.rpartition(" / ")[2]


def _pascal(service: str) -> str:
    return "".join(part.capitalize() for part in service.split("-"))
