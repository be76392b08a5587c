"""What may be read out to a supplier, in both languages. Nothing here says what an invoice is looked at for."""

from collections.abc import Mapping
from datetime import date

from services.billing.supplier_status.rules import Stage
from shared.errors import Language

_MONTHS: Mapping[Language, str] = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
}
_NOUNS: Mapping[Language, tuple[str, str]] = {"en": ("Invoice", "Credit note"), "es": ("La factura", "El abono")}
_TEXTS: Mapping[Stage, Mapping[Language, str]] = {
    Stage.RECEIVED: {
        "en": "{noun} {number} has arrived and will be checked.",
        "es": "{noun} {number} ha llegado y se va a revisar.",
    },
    Stage.BEING_CHECKED: {
        "en": "{noun} {number} has arrived and is being checked.",
        "es": "{noun} {number} ha llegado y se está revisando.",
    },
    Stage.WAITING_FOR_SUPPLIER: {
        "en": "{noun} {number} has arrived, but the document is not valid. Please send us a corrected one.",
        "es": "{noun} {number} ha llegado, pero el documento no es válido. Envíenos uno corregido, por favor.",
    },
    Stage.APPROVED: {
        "en": "{noun} {number} has been approved.",
        "es": "{noun} {number}: ya se ha dado el visto bueno.",
    },
    Stage.PAID: {
        "en": "{noun} {number} was paid on {paid_on}, with the reference {reference}.",
        "es": "{noun} {number}: el pago se hizo el {paid_on}, con la referencia {reference}.",
    },
    Stage.REJECTED: {
        "en": "{noun} {number} has not been accepted and will not be paid. Please write to us to learn more.",
        "es": "{noun} {number}: no se ha aceptado y no se pagará. Escríbanos para saber más, por favor.",
    },
}
_EXPECTED: Mapping[Language, str] = {
    "en": " Payment is expected on {day}.",
    "es": " El pago está previsto para el {day}.",
}
_OVERDUE: Mapping[Language, str] = {
    "en": " It was due on {day} and has not been paid yet.",
    "es": " Vencía el {day} y aún no se ha pagado.",
}


def told_day(day: date, language: Language) -> str:
    """Return a day as it is said."""
    month = _MONTHS[language].split()[day.month - 1]
    return f"{day.day} de {month} de {day.year}" if language == "es" else f"{day.day} {month} {day.year}"


def told_stage(
    stage: Stage,
    language: Language,
    *,
    number: str,
    is_credit_note: bool,
    paid: tuple[date | None, str | None],
    expected_on: date | None,
    overdue_since: date | None,
) -> str:
    """Return what the supplier is told about an invoice."""
    paid_on = "" if paid[0] is None else told_day(paid[0], language)
    words = {"noun": _NOUNS[language][is_credit_note], "number": number, "paid_on": paid_on, "reference": paid[1]}
    text = _TEXTS[stage][language].format_map(words)
    if expected_on is not None:
        text += _EXPECTED[language].format(day=told_day(expected_on, language))
    if overdue_since is not None:
        text += _OVERDUE[language].format(day=told_day(overdue_since, language))
    return text
