"""JSON Schemas of the events, from the contract classes."""

from collections.abc import Iterator
from typing import Any

import msgspec

from deploy.registry import SERVICES, load_service
from shared.events import EventData, Work

DIALECT = "https://json-schema.org/draft/2020-12/schema"
BASE = "https://trastienda.dev/events/"


def published_events() -> Iterator[type[EventData]]:
    """Yield every event that some service declares, by service and declaration order."""
    for name in SERVICES:
        yield from load_service(name).events


def schema_of(event: type[EventData]) -> dict[str, Any]:
    """Return the schema of an event's JSON value: its facts and, where work was done, the work block."""
    (_, work), definitions = msgspec.json.schema_components([event, Work], ref_template="#/$defs/{name}")
    facts = definitions.pop(event.__name__)
    return {
        "$schema": DIALECT,
        "$id": f"{BASE}{event.type}.json",
        "title": event.type,
        "description": (event.__doc__ or "").strip(),
        "type": "object",
        "properties": {**facts["properties"], "work": work},
        "required": facts.get("required", []),
        "$defs": definitions,
    }


def asyncapi(events: list[type[EventData]]) -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document: a channel per topic, a message per event type."""
    topics = sorted({event.topic for event in events})
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Trastienda events",
            "version": "1",
            "description": "CloudEvents 1.0 in Kafka's binary mode: attributes as ce_* headers, JSON values.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic, events) for topic in topics},
        "operations": {
            f"publish.{topic}": {"action": "send", "channel": {"$ref": f"#/channels/{topic}"}} for topic in topics
        },
        "components": {
            "messages": {event.type: _message(event) for event in events},
            "messageTraits": {"cloudevent": {"headers": _HEADERS}},
        },
    }


def _channel(topic: str, events: list[type[EventData]]) -> dict[str, Any]:
    return {
        "address": topic,
        "title": topic,
        "messages": {
            event.type: {"$ref": f"#/components/messages/{event.type}"} for event in events if event.topic == topic
        },
        "bindings": {"kafka": {"topic": topic}},
    }


def _message(event: type[EventData]) -> dict[str, Any]:
    return {
        "name": event.type,
        "title": event.__name__,
        "summary": (event.__doc__ or "").strip(),
        "traits": [{"$ref": "#/components/messageTraits/cloudevent"}],
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"{event.type}.json"},
        },
        "bindings": {
            "kafka": {"key": {"type": "string", "description": "the entity's id: its events keep their order"}}
        },
    }


_HEADERS: dict[str, Any] = {
    "type": "object",
    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "ce_tenant"],
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid"},
        "ce_type": {"type": "string"},
        "ce_source": {"type": "string", "format": "uri-reference"},
        "ce_subject": {"type": "string"},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_tenant": {"type": "string"},
        "ce_traceparent": {"type": "string"},
        "content-type": {"const": "application/json"},
    },
}
