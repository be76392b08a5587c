"""Our verdicts beside those that the authors of the rules expect, on their own test files."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from services.billing.einvoices.judge import Judge
from services.billing.einvoices.limits import Limits
from services.billing.einvoices.verdicts import Judged
from tests.fixtures.einvoices import EINVOICES, whole_documents
from tests.fixtures.known_logs import require
from tests.fixtures.workers import Tell

_SET = "{http://difi.no/xsd/vefa/validator/1.0}"
_LEVELS = {"error": {"fatal"}, "warning": {"warning"}, "success": {"fatal", "warning"}}


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(Limits())


def expectations(file: Path) -> Iterator[tuple[bytes, dict[str, list[tuple[str, int]]]]]:
    """Yield each document of a test set with the rules that must succeed, warn or fail, and how often at least."""
    for test in etree.parse(file).getroot().iter(f"{_SET}test"):
        says: dict[str, list[tuple[str, int]]] = {}
        document: Any = None
        for child in test.iterchildren(tag=etree.Element):
            if child.tag != f"{_SET}assert":
                document = child
                continue
            for said in child.iterchildren(tag=etree.Element):
                kind = etree.QName(said).localname
                if kind in _LEVELS:
                    says.setdefault(kind, []).append(((said.text or "").strip(), int(said.get("number", "1"))))
        yield etree.tostring(document), says


def disagreements(judged: Judged, says: dict[str, list[tuple[str, int]]]) -> Iterator[str]:
    for kind, rules in says.items():
        found = Counter(finding.rule for finding in judged.findings if finding.severity in _LEVELS[kind])
        for rule, number in rules:
            if kind == "success" and found[rule]:
                yield f"{rule} should hold"
            if kind != "success" and (found[rule] < number):
                yield f"{rule} should be found {number} times as {kind}, not {found[rule]}"


def test_every_unit_test_of_the_rules_comes_out_as_expected(judge: Judge, tell: Tell) -> None:
    folder = EINVOICES / "en16931" / "test"
    require(folder.is_dir(), "tests of the EN 16931 rules")
    wrong: list[str] = []
    for group in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = verdicts = 0
        for file in sorted(group.rglob("*.xml")):
            if etree.parse(file).getroot().tag != f"{_SET}testSet":
                continue
            files += 1
            for number, (document, says) in enumerate(expectations(file), 1):
                judged = judge.judge(document)
                assert [stage.obstacle for stage in judged.stages[:2]] == [None, None], (file.name, number)
                verdicts += sum(map(len, says.values()))
                wrong += [f"{group.name}/{file.name} test {number}: {fault}" for fault in disagreements(judged, says)]
        if files:
            tell(f"rule tests {group.name}: {files} files, {verdicts} verdicts, {len(wrong)} wrong so far")
    assert wrong == []


def test_standard_cases_break_no_fatal_rule(judge: Judge, tell: Tell) -> None:
    files = whole_documents("xrechnung/business-cases/standard")
    require(files, "standard cases of XRechnung")
    judged = {file.name: judge.judge(file.read_bytes()) for file in files}
    tell(f"standard cases: {len(files)} files")
    wrong = {name: said.findings for name, said in judged.items() if said.verdict != "valid"}
    assert wrong == {}
