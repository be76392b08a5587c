"""The official rules as they come and as they are run, side by side, and documents that break them."""

import random
import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from lxml import etree
from saxonche import PySaxonApiError, PySaxonProcessor

from services.billing.einvoices.lean_rules import derive
from services.billing.einvoices.rule_sets import CII_RULES, RULES, UBL_RULES

_XSL = "{http://www.w3.org/1999/XSL/Transform}"
_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
_ABSENT = re.compile(r"not\((?P<head>//|\(cac:InvoiceLine\|cac:CreditNoteLine\)/)?(?P<path>[\w:/@-]+)\)")
_LINES = ("{*}InvoiceLine", "{*}CreditNoteLine")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_ENDS = re.compile(r"ends-with\(name\(\), '(\w+)'\)")
_FLAGS = {"true": "false", "false": "true"}
_NUMBERS = ("0", "1.005", "-7.125", "7", "1000000")
_WORDS = (
    "",
    " ",
    "X",
    "AE",
    "S",
    "O",
    "K",
    "VAT",
    "380",
    "30",
    "58",
    "true",
    "2026-13-40",
    "ES",
    "EUR",
    "EUR ",
    "AE E",
)


class Both:
    """Applies both to a document, and counts the rules that were broken."""

    def __init__(self) -> None:
        self._saxon = PySaxonProcessor(license=False)
        compiler = self._saxon.new_xslt30_processor()
        self._pairs = {
            rules.id: (
                compiler.compile_stylesheet(stylesheet_file=str(rules.path)),
                compiler.compile_stylesheet(stylesheet_text=derive(rules.path.read_bytes())),
            )
            for rules in (UBL_RULES, CII_RULES)
        }
        self.broken: Counter[tuple[str, str]] = Counter()
        self.documents = self.crashed = 0

    def agree(self, form: str, text: str) -> bool:
        """Tell whether both find the same: rule, flag, location and text, in order, or both end with an error."""
        rules = RULES[form]
        node = self._saxon.parse_xml(xml_text=text)
        official, lean = (_failed(stylesheet, node) for stylesheet in self._pairs[rules.id])
        self.documents += 1
        self.crashed += official is None
        self.broken.update((rules.id, said[0]) for said in official or ())
        return official == lean

    def unbroken(self) -> dict[str, list[str]]:
        """Return the rules that no document broke, by rule set."""
        return {
            rules.id: [rule for rule in rules_in(rules.path.read_bytes()) if not self.broken[(rules.id, rule)]]
            for rules in (UBL_RULES, CII_RULES)
        }


def _failed(stylesheet: Any, node: Any) -> list[tuple[str, ...]] | None:
    try:
        report = stylesheet.transform_to_string(xdm_node=node)
    except PySaxonApiError:
        return None
    return [
        (*(failed.get(name) or "" for name in ("id", "flag", "location")), " ".join("".join(failed.itertext()).split()))
        for failed in etree.fromstring(report.encode()).iter(f"{_SVRL}failed-assert")
    ]


def rules_in(official: bytes) -> list[str]:
    """Return the rules of a compiled stylesheet, of which some hold always."""
    return [failed[0].text for failed in etree.fromstring(official).iter(f"{_SVRL}failed-assert")]


def spoilt(root: Any, dice: random.Random, times: int = 2) -> Any:
    """Return a document that lost, doubled, moved, renamed or changed parts."""
    root = deepcopy(root)
    for _ in range(times):
        if not (elements := list(root.iter(etree.Element))[1:]):
            break
        element, other = dice.choice(elements), dice.choice(elements)
        dice.choice((_drop, _double, _say, _say, _say, _mark, _mark, _move, _rename))(element, other, dice)
    return root


def everywhere_spoilt(root: Any, dice: random.Random) -> Iterator[Any]:
    """Yield a document for each place of this one and each of what can be done to it."""
    tree = root.getroottree()
    paths = [re.sub(r"\[\d+\]", "", tree.getpath(element)) for element in root.iter(etree.Element)]
    for number in sorted({path: number for number, path in enumerate(paths)}.values())[1:]:
        for deed in (_drop, _double, _say, _mark):
            changed = deepcopy(root)
            deed(list(changed.iter(etree.Element))[number], changed, dice)
            yield changed


def _drop(element: Any, _other: Any, _dice: random.Random) -> None:
    element.getparent().remove(element)


def _double(element: Any, _other: Any, _dice: random.Random) -> None:
    element.addnext(deepcopy(element))


def _move(element: Any, other: Any, _dice: random.Random) -> None:
    other.append(deepcopy(element))


def _rename(element: Any, other: Any, _dice: random.Random) -> None:
    element.tag = other.tag


def _say(element: Any, _other: Any, dice: random.Random) -> None:
    if len(element):
        return
    text = element.text or ""
    if text in _FLAGS:  # any other word there ends both with an error
        element.text = _FLAGS[text]
    else:
        element.text = dice.choice(_NUMBERS if _NUMBER.fullmatch(text) else _WORDS)


def _mark(element: Any, _other: Any, dice: random.Random) -> None:
    if not element.attrib:
        element.set(dice.choice(("schemeID", "currencyID", "listID", "unitCode", "format")), dice.choice(_WORDS))
    elif dice.random() < 0.5:
        del element.attrib[dice.choice(list(element.attrib))]
    else:
        element.set(dice.choice(list(element.attrib)), dice.choice(_WORDS))


def forbidden(official: bytes, root: Any, dice: random.Random, at_once: int = 40) -> Iterator[Any]:
    """Yield documents with what must be absent, so many at once, as far as there is a place for it."""
    source = etree.fromstring(official)
    namespaces = {prefix: uri for prefix, uri in source.nsmap.items() if prefix}
    wanted = []
    for when in source.iter(f"{_XSL}when"):
        if found := _ABSENT.fullmatch(when.get("test")):
            patterns = _ENDS.sub(_as_xpath_1, when.getparent().getparent().get("match")).split("|")
            match = "|".join(f"//{each.strip().removeprefix('//')}".replace("///", "/") for each in patterns)
            wanted.append((match, found["head"] not in {None, "//"}, found["path"]))
    dice.shuffle(wanted)
    for start in range(0, len(wanted), at_once):
        changed = deepcopy(root)
        for match, line, path in wanted[start : start + at_once]:
            try:
                places = changed.xpath(match, namespaces=namespaces)
            except etree.XPathError:  # some patterns are XPath 2
                continue
            for place in dice.sample(places, min(3, len(places))):
                _grow(next(place.iter(*_LINES)) if line else place, path, namespaces)
        yield changed


def _as_xpath_1(found: re.Match[str]) -> str:
    return f"substring(name(), string-length(name()) - {len(found[1]) - 1}) = '{found[1]}'"


def _grow(place: Any, path: str, namespaces: dict[str, str]) -> None:
    for step in path.split("/"):
        if step.startswith("@"):
            place.set(step[1:], "X")
            return
        prefix, name = step.split(":")
        tag = f"{{{namespaces[prefix]}}}{name}"
        below = place.find(tag)
        place = etree.SubElement(place, tag) if below is None else below
