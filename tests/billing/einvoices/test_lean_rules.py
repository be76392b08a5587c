"""The rules as they are run find what the official ones find."""

import random
import time
from copy import deepcopy
from typing import Any

import pytest
from lxml import etree

from services.billing.einvoices.cii import write_cii
from services.billing.einvoices.door import FORMATS
from services.billing.einvoices.judge import Judge
from services.billing.einvoices.lean_rules import derive
from services.billing.einvoices.rule_sets import CII_RULES, UBL_RULES, RuleSet, RuleSetError
from services.billing.einvoices.ubl import write_ubl
from tests.billing.einvoices.both_rules import Both, everywhere_spoilt, forbidden, rules_in, spoilt
from tests.billing.einvoices.whole_invoices import invent
from tests.fixtures.workers import Tell

INVENTED = 8
XSL = {"x": "http://www.w3.org/1999/XSL/Transform", "s": "http://purl.oclc.org/dsdl/svrl"}


@pytest.fixture(scope="module")
def both() -> Both:
    return Both()


def said(rules: RuleSet, seed: int) -> tuple[str, Any]:
    """Return the format and the root of an invented invoice."""
    root = etree.fromstring((write_cii if rules is CII_RULES else write_ubl)(invent(random.Random(seed))))
    return FORMATS[root.tag], root


@pytest.mark.parametrize("rules", [UBL_RULES, CII_RULES], ids=["ubl", "cii"])
def test_whatever_is_wrong_both_find_the_same(both: Both, rules: RuleSet, tell: Tell) -> None:
    dice = random.Random(rules.id)
    official = rules.path.read_bytes()
    invoices = [said(rules, seed) for seed in range(INVENTED)]
    invoices.sort(key=lambda invoice: len({element.tag for element in invoice[1].iter()}))
    documents = [(form, each) for form, root in invoices for each in (root, *(spoilt(root, dice) for _ in range(4)))]
    form, richest = invoices[-1]
    documents += [(form, each) for each in (*forbidden(official, richest, dice), *everywhere_spoilt(richest, dice))]
    for number, (form, document) in enumerate(documents):
        assert both.agree(form, etree.tostring(document, encoding="unicode")), number
    every, unbroken = rules_in(official), both.unbroken()[rules.id]
    tell(f"{rules.id} as run: {len(documents)} documents; {len(every) - len(unbroken)} of {len(every)} rules broken")
    assert len(unbroken) < len(every) * 0.25


def spoilt_lines(root: Any, times: int) -> str:
    """Return the document with its first line so many times, each without what it must have, and strangers between them."""
    line = next(root.iter("{*}InvoiceLine", "{*}CreditNoteLine", "{*}IncludedSupplyChainTradeLineItem"))
    while len(line) > 1:
        line.remove(line[1])
    for number in range(times - 1):
        line.addnext(deepcopy(line))
        if number % 10 == 0:
            line.addnext(etree.Element(f"{{urn:other}}{etree.QName(line).localname}"))
    return str(etree.tostring(root, encoding="unicode"))


@pytest.mark.parametrize("rules", [UBL_RULES, CII_RULES], ids=["ubl", "cii"])
@pytest.mark.parametrize("lines", [31, 32, 33, 200])
def test_both_say_where_of_many_alike_it_is(both: Both, rules: RuleSet, lines: int) -> None:
    form, root = said(rules, 1)
    assert both.agree(form, spoilt_lines(root, lines))


@pytest.mark.parametrize("rules", [UBL_RULES, CII_RULES], ids=["ubl", "cii"])
def test_where_it_is_does_not_cost_the_square_of_the_lines(rules: RuleSet, judge: Judge) -> None:
    _, root = said(rules, 1)
    content = spoilt_lines(root, 6_000).encode()
    began = time.process_time()
    judged = judge.judge(content)
    assert judged.verdict == "invalid"
    assert judged.omitted > 6_000
    assert time.process_time() - began < 12  # it was several times that


@pytest.mark.parametrize("rules", [UBL_RULES, CII_RULES], ids=["ubl", "cii"])
def test_nothing_but_asserts_is_left(rules: RuleSet) -> None:
    lean = etree.fromstring(derive(rules.path.read_bytes()).encode())
    assert [failed[0].text for failed in lean.iter("{*}failed-assert")] == rules_in(rules.path.read_bytes())
    assert {each.get("select") for each in lean.iterfind(".//x:apply-templates", XSL)} == {"//*", ".", "parent::*"}


UNKNOWN = {
    "another element in a rule": ("<!--ASSERT -->", "<xsl:variable name='v' select='1'/>"),
    "another way on": ('mode="M11" select="@*|*" />', 'mode="M11" select="*" />'),
    "a rule about attributes": ('match="cac:PayeeParty" mode="M11"', 'match="cac:PayeeParty/@schemeID" mode="M11"'),
    "an assert that counts places": ('test="exists(@schemeID)"', 'test="position() = 1"'),
    "another pattern": ('<xsl:apply-templates mode="M12" select="/" />', ""),
    "a template of its own": ("<!--KEYS AND FUNCTIONS-->", "<xsl:template name='helper'/>"),
    "a function": ("<!--KEYS AND FUNCTIONS-->", "<xsl:key name='k' match='*' use='.'/>"),
    "another way of counting": ("count(preceding-sibling::*[", "count(preceding::*["),
    "another location": (
        'mode="schematron-select-full-path" select="."',
        'mode="schematron-select-full-path" select=".."',
    ),
}


@pytest.mark.parametrize(("old", "new"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_known_is_refused(old: str, new: str) -> None:
    official = UBL_RULES.path.read_text("utf-8")
    assert old in official
    with pytest.raises(RuleSetError):
        derive(official.replace(old, new, 1).encode())
