"""Write the published contracts to docs/events/. Refuses a change that needs a new version."""

import sys
from pathlib import Path
from typing import Any

import msgspec

from deploy.events.compatibility import breaking_changes
from deploy.events.schemas import asyncapi, published_events, schema_of

FOLDER = Path(__file__).parents[2] / "docs" / "events"


def documents() -> dict[str, dict[str, Any]]:
    """Return every document by file name."""
    events = list(published_events())
    return {f"{event.type}.json": schema_of(event) for event in events} | {"asyncapi.json": asyncapi(events)}


def render(document: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def refusals(folder: Path, wanted: dict[str, dict[str, Any]]) -> list[str]:
    """Return why the documents may not replace those in `folder`: a published event is never taken back."""
    found = []
    for file in sorted(folder.glob("*.v*.json")):
        new = wanted.get(file.name)
        old = msgspec.json.decode(file.read_bytes())
        changes = ["the event is gone"] if new is None else breaking_changes(old, new)
        found += [f"{file.name}: {change}" for change in changes]
    return found


def main() -> int:
    wanted = documents()
    if found := refusals(FOLDER, wanted):
        print("These changes need a new version beside the old one:", *found, sep="\n  ", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, document in wanted.items():
        (FOLDER / name).write_text(render(document))
    print(f"{len(wanted)} documents in {FOLDER.name}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
