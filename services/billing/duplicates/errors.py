"""Refusals of repeats."""

from shared.errors import DomainError


class NotARepeat(DomainError):
    code, status = "not-a-repeat", 422
    en = "The document is no repeat of invoice {number}: supplier or number is another one."
    es = "El documento no repite la factura {number}: el proveedor o el número es otro."
    hint_en = "Only an exact duplicate is registered here; send any other invoice to /billing/invoices."
    hint_es = "Aquí solo se registra un duplicado exacto; envíe cualquier otra factura a /billing/invoices."


class OverriderNotAPerson(DomainError):
    code, status = "overrider-not-a-person", 403
    en = "Only a person registers a duplicate; this token is a machine's."
    es = "Solo una persona registra un duplicado; este token es de una máquina."
    hint_en = "Ask someone who may, and who can say why the number is on file again."
    hint_es = "Pídalo a quien pueda hacerlo y sepa decir por qué se repite el número."
