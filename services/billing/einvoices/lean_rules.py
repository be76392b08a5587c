"""Derives from a compiled Schematron the stylesheet that is run: the same failed asserts in the same order, in less time.

What ISO Schematron's compiler writes reports, beside what failed, each rule that was tried, and walks down the tree twice for each
pattern. Nobody here reads that. Five changes, none of which touches what an assert means:

- The report has failed asserts only: id, flag, location and text.
- Each pattern visits the document's elements once, in document order, by one expression in place of templates that call each other.
  No rule is about anything but elements. Match patterns lose a leading `//`, since every element is in the document.
- `not(a/b)`, by hundreds in a row, fails only where such an element is: one expression looks for all of them, and the asserts are
  tried where it finds any. Paths of names alone raise no error, so none is lost.
- A code is looked up in a map of the list, not searched in one long text.
- What is said of where an assert failed counts the siblings before it: of many siblings all are counted once, when the first fails.

What is not known here is an error: no part of a rule is dropped unseen.
"""

import re
from collections.abc import Sequence
from copy import deepcopy
from itertools import groupby
from typing import Any

from lxml import etree

from services.billing.einvoices.rule_sets import RuleSetError

_XSL = "{http://www.w3.org/1999/XSL/Transform}"
_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
_MAP = "http://www.w3.org/2005/xpath-functions/map"
_LOCATION = "schematron-select-full-path"
_LOCATING = {_LOCATION, "schematron-get-full-path"}
_UNUSED = {"schematron-get-full-path-2", "schematron-get-full-path-3", "generate-id-from-path", "generate-id-2"}
_OF_THE_REPORT = {
    f"{_XSL}param",
    f"{_XSL}variable",
    f"{_XSL}output",
    f"{_SVRL}text",
}  # one that an assert needs would be missed at once
_SETUP = re.compile(
    r"template\(schematron-output\(comment\((value-of\(\))*\)(ns-prefix-in-attribute-values\(\))*"
    r"(active-pattern\((attribute\(value-of\(\)\)){2}(attribute\(\)){2}apply-templates\(\)\)apply-templates\(\))*\)\)"
)
_RULE = re.compile(
    r"template\(fired-rule\(\)"
    r"(choose\(when\(\)otherwise\(failed-assert\((attribute\(\)){2}attribute\(apply-templates\(\)\)text\(\)\)\)\))*"
    r"apply-templates\(\)\)"
)
_PREDICATE = re.compile(r"\[[^\[\]]*\]")
_ANYWHERE = re.compile(r"(^|\|)\s*//")
_ELEMENT = re.compile(r"([\w-]+:)?([\w-]+|\*)")
_POSITION = re.compile(r"\b(position|last)\s*\(")
_NAME = r"[\w-]+:[\w-]+"
_ABSENT = re.compile(rf"not\((?P<first>//|\({_NAME}\|{_NAME}\)/)?(?P<path>({_NAME}/)*(@[\w-]+|{_NAME}))\)")
_WORTH_A_LOOK = 3  # asserts in a row
_LISTED = re.compile(
    r"not\(contains\(normalize-space\((?P<value>\.|@\w+)\), ?' '\)\) and "
    r"contains\( ?' (?P<codes>[^']*) ', ?concat\(' ', ?normalize-space\((?P=value)\), ?' '\) ?\)"
)
_BEFORE = (
    "count(preceding-sibling::*[local-name()=local-name(current()) and namespace-uri() = namespace-uri(current())])"
)
_MANY = 32  # children of one element
_PLACES = f"""<variable xmlns="http://www.w3.org/1999/XSL/Transform" name="places" as="map(*)"><map>
  <for-each select="//*[*[{_MANY + 1}]]"><for-each-group select="*" group-by="node-name(.)">
    <for-each select="current-group()"><map-entry key="generate-id(.)" select="position() - 1"/></for-each>
  </for-each-group></for-each></map></variable>"""
Steps = dict[str, "Steps"]  # from an element to those that must be absent; nothing follows the last one


def derive(official: bytes) -> str:
    """Return a stylesheet that reports what the official one reports as failed. Raises RuleSetError for what is not known."""
    source = etree.fromstring(official, etree.XMLParser(remove_comments=True))
    lean = etree.Element(source.tag, version=source.get("version"), nsmap={**source.nsmap, "map": _MAP})
    lean.set("exclude-result-prefixes", "#all")
    patterns: list[str] = []
    codes: dict[str, str] = {}
    for part in source:
        match, mode = part.get("match"), part.get("mode")
        if part.tag in _OF_THE_REPORT or (part.tag == f"{_XSL}template" and mode in _UNUSED):
            continue
        _require(part.tag == f"{_XSL}template", part)
        if mode in _LOCATING:
            lean.append(_counting_once(deepcopy(part)))
        elif mode is None and match == "/":
            patterns = _patterns(part)
            _start(lean, patterns)
        elif not _does_nothing(part):
            _require(mode in patterns, part)
            lean.append(_lean_rule(deepcopy(part), codes))
    _require(bool(patterns), source)
    lean.insert(0, etree.fromstring(_PLACES))
    for listed, name in codes.items():
        select = f"map:merge(tokenize('{listed}', ' ') ! map:entry(., true()))"
        lean.insert(0, lean.makeelement(f"{_XSL}variable", name=name, static="yes", select=select))
    return str(etree.tostring(lean, encoding="unicode"))


def _require(known: bool, part: Any) -> None:
    if not known:
        said = " ".join(etree.tostring(part, encoding="unicode", with_tail=False).split())
        raise RuleSetError(f"the compiled rules have a part that is not known: {said[:300]}")


def _shape(part: Any) -> str:
    return f"{etree.QName(part).localname}({''.join(map(_shape, part))})"


def _patterns(setup: Any) -> list[str]:
    """Return the modes of the patterns in order. Between them the whole document is walked through for nothing."""
    _require(_SETUP.fullmatch(_shape(setup)) is not None, setup)
    applied = [dict(part.attrib) for part in setup.iter(f"{_XSL}apply-templates")]
    modes = [str(each.get("mode")) for each in applied[1::2]]
    _require(applied == [one for mode in modes for one in ({}, {"mode": mode, "select": "/"})], setup)
    return modes


def _start(lean: Any, patterns: Sequence[str]) -> None:
    for mode in patterns:
        etree.SubElement(lean, f"{_XSL}mode", {"name": mode, "on-no-match": "deep-skip"})
    template = etree.SubElement(lean, f"{_XSL}template", match="/")
    report = etree.SubElement(template, f"{_SVRL}schematron-output")
    for mode in patterns:
        etree.SubElement(report, f"{_XSL}apply-templates", mode=mode, select="//*")


def _counting_once(template: Any) -> Any:
    for variable in template.iter(f"{_XSL}variable"):
        _require(" ".join(variable.get("select").split()) == _BEFORE, variable)
        variable.set("select", f"if (parent::*/*[{_MANY + 1}]) then $places(generate-id(.)) else {_BEFORE}")
    return template


def _does_nothing(template: Any) -> bool:
    """Tell whether a template only walks on: that is done by one expression."""
    match, mode, shape = template.get("match"), template.get("mode"), _shape(template)
    if match == "text()":
        return shape == "template()" and not template.text
    walks = match == "@*|node()" and shape == "template(apply-templates())"
    return walks and dict(template[0].attrib) == {"mode": mode, "select": "@*|*"}


def _lean_rule(template: Any, codes: dict[str, str]) -> Any:
    _require(_RULE.fullmatch(_shape(template)) is not None, template)
    _require(dict(template[-1].attrib) == {"mode": template.get("mode"), "select": "@*|*"}, template)
    template.set("match", _lean_match(template))
    template.remove(template[0])
    template.remove(template[-1])
    for when, failed in zip(template.iter(f"{_XSL}when"), template.iter(f"{_SVRL}failed-assert"), strict=True):
        _require([part.get("name") for part in failed[:3]] == ["id", "flag", "location"], failed)
        _require(dict(failed[2][0].attrib) == {"mode": _LOCATION, "select": "."}, failed)
        _require(not _POSITION.search(when.get("test")), when)  # elements are counted otherwise now
        failed.attrib.clear()  # the test once more
        when.set("test", _LISTED.sub(lambda found: _looked_up(found, codes), when.get("test")))
    for absent, run in groupby(list(template), lambda choose: _ABSENT.fullmatch(choose[0].get("test")) is not None):
        if absent and len(asserts := list(run)) >= _WORTH_A_LOOK:
            _look_first(asserts)
    return template


def _lean_match(template: Any) -> str:
    match = plain = str(template.get("match"))
    while (shorter := _PREDICATE.sub("", plain)) != plain:
        plain = shorter
    _require(all(_ELEMENT.fullmatch(each.strip().split("/")[-1]) for each in plain.split("|")), template)
    lean, leading = _ANYWHERE.subn(r"\1", match)
    _require(leading == len(_ANYWHERE.findall(plain)), template)  # none of them within a predicate
    return lean


def _looked_up(found: re.Match[str], codes: dict[str, str]) -> str:
    name = codes.setdefault(found["codes"], f"codes-{len(codes) + 1}")
    return f"exists(${name}(normalize-space({found['value']})))"


def _look_first(asserts: Sequence[Any]) -> None:
    """Put asserts about what must be absent behind one look for all of it."""
    steps: Steps = {}
    for choose in asserts:
        found = _ABSENT.fullmatch(choose[0].get("test"))
        assert found is not None
        _add(steps, found["first"] or "", found["path"])
    behind = asserts[0].makeelement(f"{_XSL}if", test=_finds(steps))
    asserts[0].addprevious(behind)
    behind.extend(asserts)


def _add(steps: Steps, first: str, path: str) -> None:
    names = path.split("/")
    if first == "//":
        names = ["//*", path] if path.startswith("@") else [f"//{names[0]}", *names[1:]]
    elif first:
        names.insert(0, first.removesuffix("/"))
    *within, last = names
    for step in within:
        if steps.get(step, True) == {}:
            return  # it must be absent itself
        steps = steps.setdefault(step, {})
    steps[last] = {}


def _finds(steps: Steps) -> str:
    """Return an expression that is true if any of them is there. Each element on the way has its children looked at once."""
    children = [step for step, following in steps.items() if not following and not step.startswith("//")]
    others = (f"{step}[{_finds(following)}]" if following else step for step, following in steps.items())
    clauses = [f"({'|'.join(children)})"] if children else []
    return " or ".join(clauses + [clause for clause in others if clause not in children])
