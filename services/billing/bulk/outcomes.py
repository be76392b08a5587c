"""Why an invoice was not let go. No route answers with this: the row of the invoice tells it."""

from typing import Any

from shared.errors import DomainError


class NoSuchHold(DomainError):
    code, status = "no-such-hold", 409
    en = "Invoice {number} was never held as {hold}."
    es = "La factura {number} nunca se retuvo por {hold}."
    hint_en = "Read the invoice: `holds` has the kinds that it waits for."
    hint_es = "Lea la factura: `holds` tiene los motivos por los que espera."


def told_refusal(refusal: DomainError) -> dict[str, Any]:
    """Return a refusal as it is kept, with its texts: a later version may say it otherwise or not know it any more."""
    return {
        "code": refusal.code,
        "values": refusal.values,
        "detail": {"en": refusal.detail("en"), "es": refusal.detail("es")},
        "hint": {"en": refusal.hint("en"), "es": refusal.hint("es")},
    }
