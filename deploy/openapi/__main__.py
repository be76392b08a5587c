"""Write each service's OpenAPI 3.1 document to docs/openapi/, where a change of the contract shows in review."""

import sys
from pathlib import Path
from typing import Any

import msgspec

from deploy.registry import SERVICES, load_service
from shared.app import create_app

FOLDER = Path(__file__).parents[2] / "docs" / "openapi"


def document_of(name: str) -> dict[str, Any]:
    """Return a service's document; nothing is opened or asked for that."""
    service = load_service(name)
    document: dict[str, Any] = create_app(service, service.settings()).openapi()
    return document


def render(document: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in SERVICES:
        (FOLDER / f"{name}.json").write_text(render(document_of(name)))
    print(f"{len(SERVICES)} documents in {FOLDER.name}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
