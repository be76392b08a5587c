"""Refusals that no route answers with: a job took a step for somebody, was refused, and a row keeps why."""

from typing import Any

from shared.errors import DomainError, Language
from shared.schemas import ResponseModel


class PassingRefusalError(TimeoutError):
    """The step was refused for what is ours and passes: whoever took it waits and tries again, however often."""


class RefusalOut(ResponseModel):
    """Why it was not done, as the refusal of the single request says it; `values` are its members."""

    code: str
    detail: str
    hint: str
    values: dict[str, Any]


def kept_refusal(refusal: DomainError) -> dict[str, Any]:
    """Return a refusal as a row keeps it, with its texts: a later version may say it otherwise or not know it any more.

    Raises PassingRefusalError for what is ours and may pass: it is tried again and not told.
    """
    if refusal.status >= 500:  # noqa: PLR2004 - the server's errors begin here
        raise PassingRefusalError(str(refusal)) from refusal
    return {
        "code": refusal.code,
        "values": refusal.values,
        "detail": {"en": refusal.detail("en"), "es": refusal.detail("es")},
        "hint": {"en": refusal.hint("en"), "es": refusal.hint("es")},
    }


def present_refusal(kept: dict[str, Any] | None, language: Language) -> RefusalOut | None:
    if kept is None:
        return None
    texts = {name: kept[name][language] for name in ("detail", "hint")}
    return RefusalOut(code=kept["code"], values=kept["values"], **texts)
