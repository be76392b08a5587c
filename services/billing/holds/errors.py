"""Refusals of holds."""

from shared.errors import DomainError


class InvoiceHeld(DomainError):
    code, status = "invoice-held", 409
    en = "Invoice {number} is held; see `holds`."
    es = "La factura {number} está retenida; vea `holds`."
    hint_en = "Read the invoice: each open hold says what was found and how it is released; or reject the invoice."
    hint_es = "Lea la factura: cada retención abierta dice qué se encontró y cómo se libera; o rechace la factura."


class HoldReleased(DomainError):
    code, status = "hold-released", 409
    en = "The hold was released before, on {released_at}."
    es = "La retención ya se liberó el {released_at}."
    hint_en = "Nothing is left to do; read the invoice to see why."
    hint_es = "No queda nada por hacer; lea la factura para ver por qué."


class AccountNotVerified(DomainError):
    code, status = "account-not-verified", 409
    en = "The hold is about an account that nobody has verified."
    es = "La retención se debe a una cuenta que nadie ha verificado."
    hint_en = "Verify it at {verification}; this releases every invoice that waits for it."
    hint_es = "Verifíquela en {verification}; eso libera todas las facturas que esperan por ella."


class UnknownSign(DomainError):
    code, status = "unknown-sign", 422
    en = "The hold was not raised for the sign {sign}."
    es = "La retención no se debe al indicio {sign}."
    hint_en = "Send one of `signs`, or the scope `invoice` without a sign."
    hint_es = "Envíe uno de `signs`, o el alcance `invoice` sin indicio."
