"""Builds small object-centric logs, for the tests of this folder."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Event = tuple[str, str, str, Mapping[str, Any], Sequence[str]]  # id, type, time, attributes, related objects
OBJECTS = {"o1": "order", "o2": "order", "i1": "item", "i2": "item"}
EVENTS: tuple[Event, ...] = (
    ("e1", "Place", "2026-01-05T09:00:00Z", {"org:resource": "Ana", "cost": 1.5, "note": "x"}, ("o1", "i1", "i2")),
    ("e2", "Pack", "2026-01-05T09:10:00+01:00", {"org:resource": "Bot", "org:group": "Hall"}, ("i1",)),
    ("e3", "Ship", "2026-01-05 10:00:00", {"lifecycle:transition": "complete"}, ("o1", "o2", "i1")),
    ("e4", "Count", "2026-01-05T11:00:00Z", {}, ()),
)


def ocel2(
    events: Iterable[Event] = EVENTS, objects: Mapping[str, str] = OBJECTS, *, objects_first: bool = False
) -> bytes:
    parts = {
        "objectTypes": [{"name": name, "attributes": []} for name in sorted(set(objects.values()))],
        "eventTypes": [],
        "events": [
            {
                "id": key,
                "type": kind,
                "time": at,
                "attributes": [{"name": name, "value": value} for name, value in attributes.items()],
                "relationships": [{"objectId": each, "qualifier": "of"} for each in related],
            }
            for key, kind, at, attributes, related in events
        ],
        "objects": [{"id": key, "type": kind, "attributes": [], "relationships": []} for key, kind in objects.items()],
    }
    if objects_first:
        parts = dict(reversed(parts.items()))
    return json.dumps(parts).encode()


def ocel1(
    events: Iterable[Event] = EVENTS, objects: Mapping[str, str] = OBJECTS, headers: Mapping[str, Any] | None = None
) -> bytes:
    parts = {
        **(headers or {}),
        "ocel:events": {
            key: {
                "ocel:activity": kind,
                "ocel:timestamp": at,
                "ocel:omap": list(related),
                "ocel:vmap": dict(attributes),
            }
            for key, kind, at, attributes, related in events
        },
        "ocel:objects": {key: {"ocel:type": kind, "ocel:ovmap": {}} for key, kind in objects.items()},
    }
    return json.dumps(parts).encode()


def ocel_sqlite(
    folder: Path, events: Iterable[Event] = EVENTS, objects: Mapping[str, str] = OBJECTS, *, after: str = ""
) -> bytes:
    """Return a database as the standard describes it; `after` is SQL carried out at the end."""
    path = folder / "log.sqlite"
    path.unlink(missing_ok=True)
    database = sqlite3.connect(path)
    database.executescript("""
        CREATE TABLE event (ocel_id TEXT, ocel_type TEXT); CREATE TABLE object (ocel_id TEXT, ocel_type TEXT);
        CREATE TABLE event_map_type (ocel_type TEXT, ocel_type_map TEXT);
        CREATE TABLE event_object (ocel_event_id TEXT, ocel_object_id TEXT, ocel_qualifier TEXT);""")
    database.executemany("INSERT INTO object VALUES (?, ?)", objects.items())
    for key, kind, at, attributes, related in events:
        columns = {"ocel_id": key, "ocel_time": at, **attributes}
        listed = ", ".join(f'"{name}"' for name in columns)
        if not database.execute("SELECT 1 FROM event_map_type WHERE ocel_type = ?", (kind,)).fetchone():
            database.execute("INSERT INTO event_map_type VALUES (?, ?)", (kind, kind))
            database.execute(f'CREATE TABLE "event_{kind}" ({listed})')
        database.execute("INSERT INTO event VALUES (?, ?)", (key, kind))
        database.execute(
            f'INSERT INTO "event_{kind}" ({listed}) VALUES ({", ".join("?" * len(columns))})', tuple(columns.values())
        )
        database.executemany("INSERT INTO event_object VALUES (?, ?, 'of')", [(key, each) for each in related])
    database.executescript(after)
    database.commit()
    database.close()
    return path.read_bytes()
