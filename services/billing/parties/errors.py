"""Refusals of suppliers."""

from shared.errors import DomainError


class TaxIdTaken(DomainError):
    code, status = "tax-id-taken", 409
    en = "The tax number {tax_id} is another supplier's."
    es = "El identificador fiscal {tax_id} es de otro proveedor."
    hint_en = "It is the one with `existing_id`; compare both before you change either."
    hint_es = "Es el de `existing_id`; compare ambos antes de cambiar ninguno."


class AccountVerified(DomainError):
    code, status = "account-verified", 409
    en = "The account was verified before, on {verified_at}."
    es = "La cuenta ya se verificó el {verified_at}."
    hint_en = "Nothing is left to do; read the supplier to see by whom."
    hint_es = "No queda nada por hacer; lea el proveedor para ver quién lo hizo."


class VerifierNotAPerson(DomainError):
    code, status = "verifier-not-a-person", 403
    en = "Only a person verifies an account; this token is a machine's."
    es = "Solo una persona verifica una cuenta; este token es de una máquina."
    hint_en = (
        "Ask someone who may approve to call the supplier on a number known before, and to verify the account then."
    )
    hint_es = "Pida a quien pueda aprobar que llame al proveedor a un número ya conocido y verifique después la cuenta."


class OwnAccount(DomainError):
    code, status = "own-account", 403
    en = "You brought in the invoice that this account came with, or completed its draft; another person has to verify it."
    es = "Usted introdujo la factura con la que llegó esta cuenta, o completó su borrador; debe verificarla otra persona."
    hint_en = "Ask someone else who may approve."
    hint_es = "Pídalo a otra persona que pueda aprobar."
