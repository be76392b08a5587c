"""Refusals of drafts. What is wrong with a PDF itself is refused at the door of electronic invoices."""

from typing import ClassVar

from shared.errors import DomainError, Words

_STATES = {
    "registered": ("registered", "registrado"),
    "discarded": ("discarded", "descartado"),
    "open": ("open", "abierto"),
}


class NotAPdf(DomainError):
    code, status = "not-a-pdf", 415
    en = "The body is no PDF."
    es = "El cuerpo no es un PDF."
    hint_en = "Send one PDF as the raw body; an electronic invoice (XML) goes to POST /billing/invoices/electronic."
    hint_es = (
        "Envíe un PDF como cuerpo sin envolver; una factura electrónica (XML) va a POST /billing/invoices/electronic."
    )


class DocumentOnFile(DomainError):
    code, status = "document-on-file", 409
    en = "The very same file is here already; its draft is {state}."
    es = "Este mismo archivo ya está aquí; su borrador está {state}."
    hint_en = (
        "See the draft with `draft_id`, and `invoice_id` if it became an invoice; a discarded file may be sent again."
    )
    hint_es = (
        "Vea el borrador `draft_id`, y `invoice_id` si ya es una factura; un archivo descartado se puede reenviar."
    )
    words: ClassVar[Words] = {"state": _STATES}


class DraftIncomplete(DomainError):
    code, status = "draft-incomplete", 422
    en = "The draft does not say yet what an invoice needs; see `obstacles`."
    es = "El borrador aún no dice lo que necesita una factura; vea `obstacles`."
    hint_en = "Each entry names a field and what is wrong with it; send its value with PATCH, null where the document has none."
    hint_es = "Cada entrada indica un campo y su problema; envíe su valor con PATCH, o null si el documento no lo dice."


class DraftSettled(DomainError):
    code, status = "draft-settled", 409
    en = "The draft is {state}; nothing of it changes any more."
    es = "El borrador está {state}; ya no se puede cambiar."
    hint_en = "If it was registered, go on with the invoice `invoice_id`."
    hint_es = "Si se registró, siga con la factura `invoice_id`."
    words: ClassVar[Words] = {"state": _STATES}
