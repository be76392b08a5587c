"""What we know about an invoice beside what it says: where it stands, the verdict on it, and its original."""

from datetime import date
from typing import Literal

import msgspec

from services.billing.einvoices.verdicts import Verdict
from services.billing.rendering.sheet import Block
from services.billing.rendering.wording import Wording

_MOST_RULES = 8
_STATUSES = {"paid": "paid_status"}


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict in short; `rules` are those that found something fatal, `rule_sets` what was applied."""

    verdict: Verdict
    fatal: int
    warnings: int
    rules: tuple[str, ...]
    rule_sets: tuple[str, ...]


class OriginalFile(msgspec.Struct, frozen=True, kw_only=True):
    sha256: str
    format: str | None
    file_name: str | None = None
    attachment: str | None = None
    received_on: date | None = None


class About(msgspec.Struct, frozen=True, kw_only=True):
    """`holds` are the texts of open holds; `status` is None for what is not on file."""

    origin: Literal["electronic", "keyed", "document", "unfiled"]
    is_credit_note: bool = False
    invoice_id: str | None = None
    status: str | None = None
    status_since: date | None = None
    holds: tuple[str, ...] = ()
    judgement: Judgement | None = None
    original: OriginalFile | None = None

    @property
    def warns(self) -> bool:
        """Tell whether whoever reads the page should stop at where it stands."""
        doubtful = self.judgement is not None and self.judgement.verdict != "valid"
        return doubtful or bool(self.holds) or self.status == "rejected"


def present_standing(about: About, wording: Wording) -> Block:
    status = wording.say("unfiled")
    if about.status is not None:
        said = wording.say(_STATUSES.get(about.status, about.status))
        since = wording.day(about.status_since)
        status = said if since is None else wording.say("since", status=said, day=since)
    fields = wording.fields(
        status=status,
        held="\n".join(about.holds),
        verdict=_verdict(about, wording),
        judged_by=", ".join(about.judgement.rule_sets) if about.judgement else None,
    )
    return wording.block("standing", *fields)


def _verdict(about: About, wording: Wording) -> str:
    judgement = about.judgement
    if judgement is None:
        return wording.say("not_judged_document" if about.origin == "document" else "not_judged")
    said = wording.say(judgement.verdict)
    if judgement.fatal or judgement.warnings:
        said += ": " + wording.say("found", fatal=str(judgement.fatal), warnings=str(judgement.warnings))
    if judgement.rules:
        more = "…" if len(judgement.rules) > _MOST_RULES else ""
        said += f" ({', '.join(judgement.rules[:_MOST_RULES])}{more})"
    return said


def present_original(about: About, wording: Wording) -> Block:
    fields = wording.fields(invoice_id=about.invoice_id)
    if (original := about.original) is not None:
        fields += wording.fields(
            file_name=original.file_name,
            attachment_name=original.attachment,
            format=original.format,
            received=wording.day(original.received_on),
            sha256=original.sha256,
        )
    return wording.block("original", *fields)
