"""Refusals of supplier invoices."""

from typing import ClassVar

from shared.errors import DomainError, Words

_STATES = {
    "registered": ("registered", "registrada"),
    "validated": ("validated", "validada"),
    "approved": ("approved", "aprobada"),
    "rejected": ("rejected", "rechazada"),
    "paid": ("paid", "pagada"),
}
_STEPS = {
    "matching": ("matching", "cotejarla"),
    "release": ("the release of a hold", "liberarla"),
    "validation": ("validation", "validarla"),
    "approval": ("approval", "aprobarla"),
    "rejection": ("rejection", "rechazarla"),
    "payment": ("payment", "marcarla como pagada"),
}


class TotalsDoNotAddUp(DomainError):
    code, status = "totals-do-not-add-up", 422
    en = "The invoice's figures do not add up; see `differences`."
    es = "Los importes de la factura no cuadran; vea `differences`."
    hint_en = "Each entry names a figure, what the others make it, and what the document says."
    hint_es = "Cada entrada indica un importe, lo que resulta de los demás y lo que dice el documento."


class DuplicateInvoice(DomainError):
    code, status = "duplicate-invoice", 409
    en = "The supplier's invoice {number} is on file already."
    es = "La factura {number} de este proveedor ya está registrada."
    hint_en = (
        "It is the one with `existing_id`; a corrected invoice needs a number of its own. Where the supplier did use the number "
        "twice, a person who may registers it with a reason at /billing/invoices/{existing_id}/repeats, a draft at /billing/drafts/(its id)/repeat."
    )
    hint_es = (
        "Es la de `existing_id`; una factura rectificada necesita su propio número. Si el proveedor usó el número dos veces, "
        "quien pueda hacerlo la registra con un motivo en /billing/invoices/{existing_id}/repeats, y un borrador en /billing/drafts/(su id)/repeat."
    )


class IllegalTransition(DomainError):
    code, status = "illegal-invoice-transition", 409
    en = "Invoice {number} is {state}; {step} needs it to be {needed}."
    es = "La factura {number} está {state}; para {step} debe estar {needed}."
    hint_en = "Read the invoice: its status tells which step comes next."
    hint_es = "Lea la factura: su estado indica qué paso sigue."
    words: ClassVar[Words] = {"state": _STATES, "needed": _STATES, "step": _STEPS}


class OwnDraft(DomainError):
    code, status = "own-draft", 403
    en = "You completed the draft of invoice {number}; another person has to decide on it."
    es = "Usted completó el borrador de la factura {number}; debe decidir otra persona."
    hint_en = "Ask someone else who may approve invoices; `prepared_by` names all who gave what it says."
    hint_es = "Pídalo a otra persona que pueda aprobar facturas; `prepared_by` indica quiénes aportaron los datos."


class OwnInvoice(DomainError):
    code, status = "own-invoice", 403
    en = "Invoice {number} was registered by you; another person has to decide on it."
    es = "Usted registró la factura {number}; debe decidir otra persona."
    hint_en = "Ask someone else who may approve invoices."
    hint_es = "Pídalo a otra persona que pueda aprobar facturas."


class SameApprover(DomainError):
    code, status = "same-approver", 409
    en = "You have approved invoice {number} before; its second approval is another person's."
    es = "Usted ya aprobó la factura {number}; la segunda aprobación corresponde a otra persona."
    hint_en = "Ask someone else who may approve invoices and did not register this one."
    hint_es = "Pídalo a otra persona que pueda aprobar facturas y que no haya registrado esta."


class NotAsked(DomainError):
    code, status = "not-asked", 403
    en = "The policy asks {role} of level {level} about invoice {number}; this needs the scope {scope}, which the token does not grant."
    es = "La política pregunta a {role} de nivel {level} por la factura {number}; hace falta el permiso {scope}, que el token no concede."
    hint_en = "Ask someone whose token grants it, or the same of a higher level; of two people who approve, one has to."
    hint_es = "Pídalo a alguien cuyo token lo conceda, o de un nivel superior; de dos personas que aprueban, una debe tenerlo."


class ApproverNotAPerson(DomainError):
    code, status = "approver-not-a-person", 403
    en = "Invoice {number} is decided by people: by two, or by one whom the policy asks. This token is a machine's."
    es = "Sobre la factura {number} deciden personas: dos, o aquella a la que pregunta la política. Este token es de una máquina."
    hint_en = "Ask people who may approve invoices and did not register this one; `asked` of its work item tells whom the policy asks."
    hint_es = "Pídalo a personas que puedan aprobar facturas y que no hayan registrado esta; `asked` de su tarea indica a quién pregunta la política."


class PaidAhead(DomainError):
    code, status = "paid-ahead", 422
    en = "{paid_on} is still to come; a payment is noted once it was made."
    es = "El {paid_on} aún no ha llegado; un pago se anota cuando se ha hecho."
    hint_en = "Check `paid_on`."
    hint_es = "Compruebe `paid_on`."
