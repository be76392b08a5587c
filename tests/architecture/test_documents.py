"""What the documents point to is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    file
    for folder in (ROOT, ROOT / "docs", ROOT / "docs" / "adr", ROOT / "gateway", *sorted((ROOT / "services").iterdir()))
    for file in sorted(folder.glob("*.md"))
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_relative_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_every_part_has_a_document() -> None:
    names = {str(file.relative_to(ROOT)) for file in DOCUMENTS}
    assert {f"services/{name}/README.md" for name in ("documents", "billing", "hr", "analytics")} <= names
    assert {
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "gateway/README.md",
    } <= names
