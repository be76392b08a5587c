"""Why an invoice was not let go. No route answers with this: the row of the invoice tells it."""

from shared.errors import DomainError


class NoSuchHold(DomainError):
    code, status = "no-such-hold", 409
    en = "Invoice {number} was never held as {hold}."
    es = "La factura {number} nunca se retuvo por {hold}."
    hint_en = "Read the invoice: `holds` has the kinds that it waits for."
    hint_es = "Lea la factura: `holds` tiene los motivos por los que espera."
