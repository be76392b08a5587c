"""The commands of docs/accounts-payable.md, carried out in one shell, in order, as a reader would."""

import re
from pathlib import Path

import pytest

from tests.e2e.test_readme import ROOT, run
from tests.fixtures.stack import Stack

pytestmark = pytest.mark.slow
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "docs/accounts-payable.md").read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("stack", ["one process"], indirect=True)
def test_the_walk_through_works_from_beginning_to_end(stack: Stack, tmp_path: Path) -> None:
    said = run(stack, "echo '==='\n".join(BLOCKS).replace("/tmp/", f"{tmp_path}/"))
    names, policy, rule, held, claim, draft, steps, supplier, figures = said.split("===\n")
    assert (names, policy, steps) == ("", "", "")
    assert rule.split() == ["approved", "small"]
    assert held.startswith("['near-duplicate']")
    assert re.match(r"20\d\d-\d\d-\d\dT", claim)
    assert (tmp_path / "held.pdf").read_bytes().startswith(b"%PDF-")
    assert "217,80 €" in draft.splitlines()[0]
    assert draft.splitlines()[1:] == ["['supplier_name']", "[]", "registered"]
    assert "2026/0417" in supplier
    assert "'gross': '290.40'" in figures
    assert (tmp_path / "invoices.csv").read_text(encoding="utf-8-sig").count("\n") == 4
    assert "utomation" in figures
