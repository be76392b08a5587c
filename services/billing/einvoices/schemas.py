"""What goes out about a judged file."""

from typing import Literal

from services.billing.einvoices.texts import told, told_stage
from services.billing.einvoices.verdicts import Judged, Obstacle, Severity, Verdict
from shared.errors import Language
from shared.schemas import ResponseModel


class RuleSetOut(ResponseModel):
    """A rule set, by id, version and SHA-256, and whether it was applied.

    `obstacle` says why not, `text` says it in the caller's language, `detail` is what a program said about it.
    """

    id: str
    version: str
    sha256: str | None
    applied: bool
    obstacle: Obstacle | None
    text: str
    detail: str


class FindingOut(ResponseModel):
    """What a rule found. `location` is an XPath; `language` is that of `text`: official texts are English in the original."""

    rule: str
    rule_set: str
    severity: Severity
    location: str
    terms: list[str]
    text: str
    language: Language
    hint: str


class ReportOut(ResponseModel):
    """The verdict on a file. `valid` only when every rule set was applied and none found anything fatal."""

    verdict: Verdict
    format: Literal["ubl-invoice", "ubl-credit-note", "cii", "facturae-3.2", "facturae-3.2.1", "facturae-3.2.2"] | None
    attachment: str | None
    sha256: str
    rule_sets: list[RuleSetOut]
    findings: list[FindingOut]
    omitted_findings: int


def present_report(judged: Judged, sha256: str, language: Language) -> ReportOut:
    return ReportOut.model_validate(
        {
            "verdict": judged.verdict,
            "format": judged.format,
            "attachment": judged.attachment,
            "sha256": sha256,
            "rule_sets": [told_stage(stage, language) for stage in judged.stages],
            "findings": [told(finding, language) for finding in judged.findings],
            "omitted_findings": judged.omitted,
        }
    )
