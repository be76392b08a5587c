"""Refusals of decisions."""

from typing import ClassVar

from shared.errors import DomainError, Words

_STATES = {"draft": ("a draft", "un borrador"), "active": ("active", "activa"), "retired": ("retired", "retirada")}


class PolicySettled(DomainError):
    code, status = "policy-settled", 409
    en = "Version {number} of the policy is {state}; only a draft is changed or activated."
    es = "La versión {number} de la política está {state}; solo se modifica o activa un borrador."
    hint_en = "Write a draft with the rules that you want; an old version comes back as another draft."
    hint_es = "Escriba un borrador con las reglas que desea; una versión anterior vuelve como otro borrador."
    words: ClassVar[Words] = {"state": _STATES}


class OwnPolicy(DomainError):
    code, status = "own-policy", 403
    en = "You wrote on version {number} of the policy; another person has to activate it."
    es = "Usted ha escrito en la versión {number} de la política; debe activarla otra persona."
    hint_en = "Ask someone else who may approve, and who has not changed this draft."
    hint_es = "Pídalo a otra persona que pueda aprobar y que no haya modificado este borrador."


class ActivatorNotAPerson(DomainError):
    code, status = "activator-not-a-person", 403
    en = "Only a person activates a policy; this token is a machine's."
    es = "Solo una persona activa una política; este token es de una máquina."
    hint_en = "Ask someone who may approve to read the draft and to activate it."
    hint_es = "Pida a quien pueda aprobar que lea el borrador y lo active."


class UnknownSuppliers(DomainError):
    code, status = "unknown-suppliers", 422
    en = "The policy names suppliers that are not on file; see `suppliers`."
    es = "La política nombra proveedores que no están registrados; vea `suppliers`."
    hint_en = "Take the ids from /billing/suppliers; a supplier is on file from its first invoice on."
    hint_es = "Tome los id de /billing/suppliers; un proveedor figura desde su primera factura."


class TooManyInvoices(DomainError):
    code, status = "too-many-invoices", 422
    en = "More than {limit} invoices were registered from {first} to {last}."
    es = "Entre el {first} y el {last} se registraron más de {limit} facturas."
    hint_en = "Simulate fewer days at once."
    hint_es = "Simule menos días a la vez."
