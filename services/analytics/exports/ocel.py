"""Operations as OCEL 2.0 JSON (https://www.ocel-standard.org/): an event each, related to its case.

The one type of object is the process's cases, and carries the process's name. OCEL has no transitions, so the start
is an attribute of the event; an observation says its transition in one.
"""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from services.analytics.event_logs.told import NAMES, TRUE
from services.analytics.exports.queries import Row, Source
from services.analytics.exports.xes import moment

QUALIFIER = "case"
ATTRIBUTES = {
    "start_timestamp": "time",
    "lifecycle:transition": "string",
    "org:resource": "string",
    "org:group": "string",
    "cost:total": "string",  # a float would not keep every amount
    NAMES["CURRENCY"]: "string",
    NAMES["ACTOR_KIND"]: "string",
    NAMES["OUTCOME"]: "string",
    NAMES["REQUESTED"]: "time",
    NAMES["ESTIMATED_START"]: "time",
    NAMES["CORRECTED"]: "boolean",
}


async def write_ocel(source: Source) -> AsyncIterator[str]:
    """Yield the log: types, events, objects, each list written as its rows come."""
    yield f'{{"objectTypes":[{_json({"name": source.process, "attributes": []})}],\n"eventTypes":['
    types = [{"name": name, "type": kind} for name, kind in ATTRIBUTES.items()]
    separator = "\n"
    async for names in source.activities():
        yield separator + ",\n".join(_json({"name": name, "attributes": types}) for name in names)
        separator = ",\n"
    yield '],\n"events":['
    separator = "\n"
    async for page in source.items():
        yield separator + ",\n".join(_json(_event(row)) for row in page)
        separator = ",\n"
    yield '],\n"objects":['
    separator = "\n"
    async for cases in source.cases():
        yield separator + ",\n".join(_json(_object(case, source.process)) for case in cases)
        separator = ",\n"
    yield "]}\n"


def attributes_of(row: Row) -> dict[str, str | None]:
    """Return what an event has beside its type and time; what is empty or None it has not."""
    return {
        "start_timestamp": moment(row.known_start) if row.known_start else None,
        "lifecycle:transition": row.observed,
        "org:resource": row.actor,
        "org:group": row.team,
        "cost:total": None if row.cost is None else f"{row.cost:f}",
        NAMES["CURRENCY"]: row.currency,
        NAMES["ACTOR_KIND"]: row.actor_kind,
        NAMES["OUTCOME"]: row.outcome,
        NAMES["REQUESTED"]: moment(row.requested_at) if row.requested_at else None,
        NAMES["ESTIMATED_START"]: moment(row.started_at or row.finished_at) if row.estimated else None,
        NAMES["CORRECTED"]: TRUE if row.corrected else None,
    }


def _event(row: Row) -> dict[str, Any]:
    attributes = attributes_of(row)
    return {
        "id": str(row.id),
        "type": row.activity,
        "time": moment(row.finished_at),
        "attributes": [{"name": name, "value": value} for name, value in attributes.items() if value],
        "relationships": [{"objectId": row.case, "qualifier": QUALIFIER}],
    }


def _object(case: str, process: str) -> dict[str, Any]:
    return {"id": case, "type": process, "attributes": [], "relationships": []}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
