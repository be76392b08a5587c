"""What a hold says, in the caller's language."""

from shared.errors import Language

_TEXTS = {
    "invalid": {
        "en": "The document breaks rules that make an invoice valid.",
        "es": "El documento incumple reglas de las que depende que una factura sea válida.",
        "hint_en": "See the fatal findings; ask the supplier for a corrected invoice, or release it with a reason.",
        "hint_es": "Vea los hallazgos fatales; pida una factura corregida o libérela con un motivo.",
    },
    "not-validated": {
        "en": "Some rules could not be applied, so nobody knows whether the document is valid.",
        "es": "No se pudieron aplicar todas las reglas, así que no se sabe si el documento es válido.",
        "hint_en": "See which rule set was not applied; check the invoice by hand before you release it.",
        "hint_es": "Vea qué reglas no se aplicaron; revise la factura a mano antes de liberarla.",
    },
    "near-duplicate": {
        "en": "This may be an invoice that is on file already.",
        "es": "Puede ser una factura que ya está registrada.",
        "hint_en": "Compare it with the invoices named; reject it, or release it with a reason and how far that goes.",
        "hint_es": "Compárela con las facturas indicadas; recházela o libérela con un motivo y su alcance.",
    },
    "account-changed": {
        "en": "Bank account changed: the supplier was known, and this account was never seen before.",
        "es": "Cuenta bancaria cambiada: el proveedor ya era conocido y esta cuenta no se había visto nunca.",
        "hint_en": "Call the supplier on a number known before, then verify the account.",
        "hint_es": "Llame al proveedor a un número ya conocido y verifique después la cuenta.",
    },
    "match-exception": {
        "en": "The invoice does not bill what was ordered and received at the price agreed.",
        "es": "La factura no corresponde a lo pedido y recibido al precio acordado.",
        "hint_en": "See `match`: record what is missing (order, receipt), ask for a corrected invoice, or release it.",
        "hint_es": "Vea `match`: registre lo que falte (pedido, recepción), pida una factura corregida o libérela.",
    },
}


def told_kind(kind: str, language: Language) -> dict[str, str]:
    texts = _TEXTS[kind]
    return {"text": texts[language], "hint": texts[f"hint_{language}"]}
