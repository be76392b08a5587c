"""Refusals of the work queue."""

from typing import ClassVar

from shared.errors import DomainError, Words

_SUBJECTS = {"invoice": ("Invoice", "La factura"), "draft": ("Draft", "El borrador")}


class NotWaiting(DomainError):
    code, status = "invoice-not-waiting", 409
    en = "Invoice {number} waits for nobody any more."
    es = "La factura {number} ya no espera a nadie."
    hint_en = "Read the invoice: its status tells what became of it."
    hint_es = "Lea la factura: su estado indica qué ha sido de ella."


class ClaimedByAnother(DomainError):
    code, status = "claimed-by-another", 409
    en = "{subject} {number} is with {holder} at present."
    es = "{subject} {number} está ahora con {holder}."
    hint_en = "Take another one, or take this one over: who may approve sends a reassignment with a reason."
    hint_es = "Elija otra tarea, o hágase cargo de esta: quien puede aprobar envía una reasignación con un motivo."
    words: ClassVar[Words] = {"subject": _SUBJECTS}


class NotClaimed(DomainError):
    code, status = "not-claimed", 409
    en = "{subject} {number} is not with you, so you cannot return it."
    es = "{subject} {number} no está con usted, así que no es posible la devolución."
    hint_en = "Claim it first; if somebody else has it, a reassignment takes it over."
    hint_es = "Hágase cargo primero; si ya está con otra persona, envíe una reasignación."
    words: ClassVar[Words] = {"subject": _SUBJECTS}


class AlreadyAssigned(DomainError):
    code, status = "already-assigned", 409
    en = "{subject} {number} is with {holder} already."
    es = "{subject} {number} ya está con {holder}."
    hint_en = "Nothing is left to do; name somebody else if another person should take it."
    hint_es = "No queda nada por hacer; indique a otra persona si debe encargarse otra."
    words: ClassVar[Words] = {"subject": _SUBJECTS}


class MayNotDecide(DomainError):
    code, status = "assignee-may-not-decide", 409
    en = "{holder} registered, prepared or approved invoice {number} and may not decide on it."
    es = "{holder} registró, preparó o aprobó la factura {number} y no puede decidir sobre ella."
    hint_en = "Give it to somebody else who may approve invoices."
    hint_es = "Désela a otra persona que pueda aprobar facturas."


class WorkerNotAPerson(DomainError):
    code, status = "worker-not-a-person", 403
    en = "Only people take work from the queue; this token is a machine's."
    es = "Solo las personas toman trabajo de la cola; este token es de una máquina."
    hint_en = "A machine takes its steps without a claim; it may assign work to people."
    hint_es = "Una máquina da sus pasos sin reservar nada; puede asignar trabajo a personas."
