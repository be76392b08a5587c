"""The rules as they are run beside the official ones, on documents that nobody here wrote and on what is left of them when spoilt."""

import random
from collections.abc import Iterator
from typing import Any

from lxml import etree

from services.billing.einvoices.door import admit
from services.billing.einvoices.limits import Limits
from services.billing.einvoices.rule_sets import CII_RULES, RULES, UBL_RULES
from shared.errors import DomainError
from tests.acceptance.test_official_rules import expectations
from tests.billing.einvoices.both_rules import Both, rules_in, spoilt
from tests.fixtures.einvoices import whole_documents
from tests.fixtures.known_logs import require
from tests.fixtures.workers import Tell

SPOILT = 2  # of each document


def documents() -> Iterator[tuple[str, str, Any]]:
    """Yield the name, the format and the root of all that comes through the door and has official rules."""
    for file in [*whole_documents("."), *whole_documents(".", ".pdf")]:
        contents = [file.read_bytes()]
        if b"testSet" in contents[0][:5_000]:
            contents = [document for document, _ in expectations(file)]
        for number, content in enumerate(contents):
            try:
                document = admit(content, Limits())
            except DomainError:  # no invoice, or not one that may come in
                continue
            if document.format in RULES:
                yield f"{file.name} {number}", document.format, document.root


def test_both_find_the_same(tell: Tell) -> None:
    both, dice, whole = Both(), random.Random(16931), 0
    for name, form, root in documents():
        whole += 1
        for number, each in enumerate([root, *(spoilt(root, dice) for _ in range(SPOILT))]):
            assert both.agree(form, etree.tostring(each, encoding="unicode")), (name, number)
    require(whole, "electronic invoices")
    unbroken = both.unbroken()
    broken = {r.id: len(rules_in(r.path.read_bytes())) - len(unbroken[r.id]) for r in (UBL_RULES, CII_RULES)}
    tell(f"rules as run: {both.documents} documents, {whole} of them whole, {both.crashed} end both; broken: {broken}")
