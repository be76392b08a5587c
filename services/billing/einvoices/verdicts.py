"""What was found in a file, as the validator processes say it."""

import struct
from enum import IntEnum
from typing import Any, Literal

import msgspec

REQUEST = struct.Struct("!IB")  # stands before each file: its length, and what is to be done with it
LENGTH = struct.Struct("!I")  # stands before each answer
Severity = Literal["fatal", "warning"]
Verdict = Literal["valid", "invalid", "not-validated"]


class Task(IntEnum):
    """What a process does with a file: judge an electronic invoice, also read it, or read the text of a document."""

    JUDGE = 0
    JUDGE_AND_READ = 1
    READ_TEXT = 2


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """`text` is the official English one; findings of our own have `values` for their texts instead."""

    rule: str
    rule_set: str
    severity: Severity
    location: str
    terms: tuple[str, ...] = ()
    text: str = ""
    values: dict[str, str] = {}


Obstacle = Literal["unreadable-value", "rules-failed", "time-limit", "memory-limit", "validator-ended"]


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A rule set and whether it could be applied; `obstacle` says why not, `detail` what a program said about it."""

    rule_set: str
    version: str
    sha256: str | None = None
    obstacle: Obstacle | None = None
    detail: str = ""

    @property
    def ran(self) -> bool:
        return self.obstacle is None


class Judged(msgspec.Struct, frozen=True, kw_only=True, tag="judged"):
    format: str | None = None
    attachment: str | None = None
    stages: tuple[Stage, ...]
    findings: tuple[Finding, ...] = ()
    omitted: int = 0
    canonical: bytes | None = None  # JSON, when it was asked for and every value could be read
    resident: int = 0  # bytes the process holds after it

    @property
    def verdict(self) -> Verdict:
        """Valid is only what every rule set was applied to; one fatal finding is enough for invalid."""
        if any(finding.severity == "fatal" for finding in self.findings):
            return "invalid"
        return "valid" if self.stages and all(stage.ran for stage in self.stages) else "not-validated"


class Text(msgspec.Struct, frozen=True, kw_only=True, tag="text"):
    """What the text of a document says, as JSON."""

    reading: bytes
    resident: int = 0


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """The door's refusal, by its code."""

    code: str
    values: dict[str, Any]
    resident: int = 0


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    resident: int = 0


Reply = Judged | Text | Refused | Ready
