"""Findings in the caller's language."""

import tomllib
from pathlib import Path
from typing import Any

from services.billing.einvoices.verdicts import Finding, Stage
from shared.errors import Language

_TEXTS: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_name("texts.toml").read_text("utf-8"))


def told(finding: Finding, language: Language) -> dict[str, Any]:
    """Return a finding with its text: in the language asked for, else the official English one, and which it is."""
    known = _TEXTS.get(finding.rule, {})
    translated = known.get(language)
    text = finding.text if translated is None else translated.format_map(finding.values)
    return {
        "rule": finding.rule,
        "rule_set": finding.rule_set,
        "severity": finding.severity,
        "location": finding.location,
        "terms": finding.terms,
        "text": text,
        "language": "en" if translated is None else language,
        "hint": known.get(f"hint_{language}", "").format_map(finding.values),
    }


def told_stage(stage: Stage, language: Language) -> dict[str, Any]:
    text = "" if stage.obstacle is None else _TEXTS[f"not-validated.{stage.obstacle}"][language]
    return {
        "id": stage.rule_set,
        "version": stage.version,
        "sha256": stage.sha256,
        "applied": stage.ran,
        "obstacle": stage.obstacle,
        "text": text,
        "detail": stage.detail,
    }
