"""The rules as they are run find what the official ones find."""

import random
from typing import Any

import pytest
from lxml import etree

from services.billing.einvoices.cii import write_cii
from services.billing.einvoices.lean_rules import derive
from services.billing.einvoices.rule_sets import CII_RULES, UBL_RULES, RuleSet, RuleSetError
from services.billing.einvoices.ubl import write_ubl
from tests.billing.einvoices.both_rules import Both, everywhere_spoilt, forbidden, rules_in, spoilt
from tests.billing.einvoices.whole_invoices import invent
from tests.fixtures.workers import Tell

INVENTED = 15
XSL = {"x": "http://www.w3.org/1999/XSL/Transform", "s": "http://purl.oclc.org/dsdl/svrl"}


@pytest.fixture(scope="module")
def both() -> Both:
    return Both()


def said(rules: RuleSet, seed: int) -> tuple[str, Any]:
    """Return the format and the root of an invented invoice."""
    invoice = invent(random.Random(seed))
    if rules is CII_RULES:
        return "cii", etree.fromstring(write_cii(invoice))
    root = etree.fromstring(write_ubl(invoice))
    return "ubl-credit-note" if root.tag.endswith("CreditNote") else "ubl-invoice", root


@pytest.mark.parametrize("rules", [UBL_RULES, CII_RULES], ids=["ubl", "cii"])
def test_whatever_is_wrong_both_find_the_same(both: Both, rules: RuleSet, tell: Tell) -> None:
    dice = random.Random(rules.id)
    official = rules.path.read_bytes()
    for seed in range(INVENTED):
        form, root = said(rules, seed)
        documents = [root, *(spoilt(root, dice) for _ in range(8))]
        documents += forbidden(official, root, dice) if seed in {2, 3} else ()
        documents += everywhere_spoilt(root, dice) if seed == 2 else ()
        for number, document in enumerate(documents):
            assert both.agree(form, etree.tostring(document, encoding="unicode")), (seed, number)
    every, unbroken = rules_in(official), both.unbroken()[rules.id]
    tell(f"{rules.id}: {len(every) - len(unbroken)} of {len(every)} rules broken at least once")
    assert len(unbroken) < len(every) * 0.2




@pytest.mark.parametrize("rules", [UBL_RULES, CII_RULES], ids=["ubl", "cii"])
def test_nothing_but_asserts_is_left(rules: RuleSet) -> None:
    lean = etree.fromstring(derive(rules.path.read_bytes()).encode())
    assert [failed[0].text for failed in lean.iter("{*}failed-assert")] == rules_in(rules.path.read_bytes())
    assert {each.get("select") for each in lean.iterfind(".//x:apply-templates", XSL)} == {"//*", ".", "parent::*"}
