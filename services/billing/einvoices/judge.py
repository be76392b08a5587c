"""Applies the rule sets to a document, in order: schema, official rules, our own. One judge per process."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

from lxml import etree
from saxonche import PySaxonApiError, PySaxonProcessor

from services.billing.einvoices.binding import UnreadableError
from services.billing.einvoices.canonical import canonical_json, without_attachments
from services.billing.einvoices.cii import locate_cii, read_cii
from services.billing.einvoices.door import Sealed, admit
from services.billing.einvoices.facturae import NAMESPACES as FACTURAE
from services.billing.einvoices.facturae import locate_facturae, read_facturae
from services.billing.einvoices.facturae_rules import find_facturae_flaws
from services.billing.einvoices.lean_rules import derive
from services.billing.einvoices.limits import Limits
from services.billing.einvoices.model import Invoice
from services.billing.einvoices.rule_sets import (
    CII_RULES,
    CII_SCHEMA,
    FACTURAE_SCHEMAS,
    RULES,
    SCHEMAS,
    UBL_RULES,
    UBL_SCHEMA,
    RuleSet,
)
from services.billing.einvoices.rules import OWN_RULES, OWN_VERSION, Flaw, find_flaws
from services.billing.einvoices.terms import term_at
from services.billing.einvoices.ubl import locate_ubl, read_ubl
from services.billing.einvoices.verdicts import Finding, Judged, Obstacle, Stage
from shared import clock

MOST_FINDINGS = 500
_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
_STEP = re.compile(r"\*:([\w.-]+)\[namespace-uri\(\)='([^']*)'\]")
_TERM = re.compile(r"\b(?:BT|BG)-[0-9]+(?:-[0-9]+)?\b")
_LABEL = re.compile(r"\[[A-Z0-9-]+\]\s*-?\s*")
_NAMESPACE = re.compile(r"\{(?:urn:|https?:)[^}]*\}")
_PREFIXES = {
    "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2": "",
    "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2": "",
    "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2": "cac:",
    "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2": "cbc:",
    "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2": "ext:",
    "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100": "rsm:",
    "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100": "ram:",
    "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100": "udt:",
    "urn:un:unece:uncefact:data:standard:QualifiedDataType:100": "qdt:",
}
READERS: dict[str, Callable[[Any], Invoice]] = {
    "ubl-invoice": read_ubl,
    "ubl-credit-note": read_ubl,
    "cii": read_cii,
    **dict.fromkeys(FACTURAE, read_facturae),
}
LOCATORS = {
    "ubl-invoice": locate_ubl,
    "ubl-credit-note": locate_ubl,
    "cii": locate_cii,
    **dict.fromkeys(FACTURAE, locate_facturae),
}


def plain_location(location: str) -> str:
    """Return a location as people write XPath: `/cac:InvoiceLine[1]` for `/*:InvoiceLine[namespace-uri()='...'][1]`."""
    return _STEP.sub(lambda step: _PREFIXES.get(step[2], "*:") + step[1], location)


@dataclass(frozen=True, slots=True)
class OwnRules:
    """Our rules are this program's code: its version is theirs."""

    id: str = OWN_RULES
    version: str = OWN_VERSION
    sha256: None = None


OWN = OwnRules()


class Judge:
    """Compiles the rule sets once; every document is judged by the same ones."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._saxon = PySaxonProcessor(license=False)
        compiler = self._saxon.new_xslt30_processor()
        self._rules = {
            rules.id: compiler.compile_stylesheet(stylesheet_text=derive(rules.path.read_bytes()))
            for rules in (UBL_RULES, CII_RULES)
        }
        credit_notes = UBL_SCHEMA.folder / "maindoc" / "UBL-CreditNote-2.1.xsd"
        self._schemas = {
            "ubl-invoice": _schema(str(UBL_SCHEMA.path)),
            "ubl-credit-note": _schema(str(credit_notes)),
            "cii": _schema(str(CII_SCHEMA.path)),
            **{name: _facturae_schema(schema) for name, schema in FACTURAE_SCHEMAS.items()},
        }

    def judge(self, content: bytes, *, read: bool = False) -> Judged:
        """Return what the rule sets find in a file, and with `read` its canonical form. Raises the door's refusals."""
        document = admit(content, self._limits)
        invoice = _read(document)
        findings: list[Finding] = []
        own = partial(self._break_own_rules, invoice)
        order: list[tuple[RuleSet | OwnRules, Callable[[Sealed], Iterator[Finding]]]]
        order = [(SCHEMAS[document.format], self._break_schema), (OWN, own)]
        if document.format in RULES:  # those of EN 16931 are about its own syntaxes, and Facturae is none
            order.insert(1, (RULES[document.format], self._break_rules))
        stages = [self._apply(rules, find, document, findings) for rules, find in order]
        return Judged(
            format=document.format,
            attachment=document.attachment,
            stages=tuple(stages),
            findings=tuple(findings[:MOST_FINDINGS]),
            omitted=max(0, len(findings) - MOST_FINDINGS),
            canonical=canonical_json(without_attachments(invoice)) if read and isinstance(invoice, Invoice) else None,
        )

    @staticmethod
    def _apply(
        rule_set: RuleSet | OwnRules,
        find: Callable[[Sealed], Iterator[Finding]],
        document: Sealed,
        findings: list[Finding],
    ) -> Stage:
        obstacle: Obstacle | None = None
        detail = ""
        try:
            findings.extend(find(document))
        except UnreadableError as error:
            obstacle, detail = "unreadable-value", str(error)
        except (PySaxonApiError, etree.LxmlError, ArithmeticError) as error:
            obstacle, detail = "rules-failed", str(error)[:500]
        return Stage(
            rule_set=rule_set.id,
            version=rule_set.version,
            sha256=rule_set.sha256,
            obstacle=obstacle,
            detail=detail,
        )

    def _break_schema(self, document: Sealed) -> Iterator[Finding]:
        schema = self._schemas[document.format]
        if schema.validate(document.root):
            return
        for error in schema.error_log:
            yield Finding(
                rule=SCHEMAS[document.format].id,
                rule_set=SCHEMAS[document.format].id,
                severity="fatal",
                location=error.path or f"line {error.line}",
                text=_NAMESPACE.sub("", error.message)[:1000],
            )

    def _break_rules(self, document: Sealed) -> Iterator[Finding]:
        rules = RULES[document.format]
        node = self._saxon.parse_xml(xml_text=document.text)
        report = self._rules[rules.id].transform_to_string(xdm_node=node)
        if not report or "schematron-output" not in report:
            raise PySaxonApiError("the rules gave no report")
        if "failed-assert" not in report:  # as for most: a report tells above all which rules were looked at
            return
        for failed in etree.fromstring(report.encode()).iter(f"{_SVRL}failed-assert"):
            text = " ".join("".join(failed.itertext()).split())
            yield Finding(
                rule=failed.get("id") or "unnamed",
                rule_set=rules.id,
                severity="warning" if failed.get("flag") == "warning" else "fatal",
                location=plain_location(failed.get("location") or ""),
                terms=tuple(dict.fromkeys(_TERM.findall(text))),
                text=_LABEL.sub("", text, count=1) if text.startswith("[") else text,
            )

    @staticmethod
    def _break_own_rules(invoice: Invoice | UnreadableError, document: Sealed) -> Iterator[Finding]:
        if isinstance(invoice, UnreadableError):
            raise invoice
        today = (clock.now() + timedelta(hours=14)).date()  # it has come somewhere
        for flaw in _flaws_of(invoice, document, today):
            term = term_at(Invoice, flaw.at)
            yield Finding(
                rule=flaw.rule,
                rule_set=OWN.id,
                severity="warning",
                location=flaw.at if flaw.at.startswith("/") else LOCATORS[document.format](document.root, flaw.at),
                terms=(term,) if term else (),
                values=flaw.values,
            )


def _read(document: Sealed) -> Invoice | UnreadableError:
    try:
        return READERS[document.format](document.root)
    except UnreadableError as error:
        return error


def _flaws_of(invoice: Invoice, document: Sealed, today: date) -> Iterator[Flaw]:
    return find_facturae_flaws(document.root, today) if document.format in FACTURAE else find_flaws(invoice, today)


def _facturae_schema(schema: RuleSet) -> Any:
    """Compile a schema that does not say where the one of signatures is: among UBL's, which are the same."""
    tree = etree.parse(str(schema.path))
    for imported in tree.iter("{http://www.w3.org/2001/XMLSchema}import"):
        imported.set("schemaLocation", str(UBL_SCHEMA.folder / "common" / "UBL-xmldsig-core-schema-2.1.xsd"))
    return etree.XMLSchema(tree)


def _schema(path: str) -> Any:
    return etree.XMLSchema(etree.parse(path))
