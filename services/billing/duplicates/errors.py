"""Refusals of repeats."""

from shared.errors import DomainError


class NotARepeat(DomainError):
    code, status = "not-a-repeat", 422
    en = "The document is no repeat of invoice {number}: supplier or number is another one."
    es = "El documento no repite la factura {number}: el proveedor o el número es otro."
    hint_en = "Only an exact duplicate is registered here; any other invoice is sent to /billing/invoices, a draft to its /registration."
    hint_es = "Aquí solo se registra un duplicado exacto; cualquier otra factura se envía a /billing/invoices, un borrador a su /registration."


class UnknownRepeated(DomainError):
    code, status = "unknown-repeated", 422
    en = "No invoice is on file as {repeats_id}, which the draft is said to repeat."
    es = "No hay ninguna factura registrada como {repeats_id}, la que el borrador repetiría."
    hint_en = "Send the id that the refusal of the draft's registration told as `existing_id`."
    hint_es = "Envíe el id que el rechazo del registro del borrador indicó como `existing_id`."


class OverriderNotAPerson(DomainError):
    code, status = "overrider-not-a-person", 403
    en = "Only a person registers a duplicate; this token is a machine's."
    es = "Solo una persona registra un duplicado; este token es de una máquina."
    hint_en = "Ask someone who may, and who can say why the number is on file again."
    hint_es = "Pídalo a quien pueda hacerlo y sepa decir por qué se repite el número."
