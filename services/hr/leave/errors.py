"""Refusals of leave."""

from typing import ClassVar

from shared.errors import DomainError, Words

_STATES = {
    "requested": ("requested", "solicitada"),
    "approved": ("approved", "aprobada"),
    "rejected": ("rejected", "rechazada"),
    "cancelled": ("cancelled", "cancelada"),
    "requested / approved": ("requested or approved", "solicitada o aprobada"),
}
_STEPS = {
    "approval": ("approval", "aprobarla"),
    "rejection": ("rejection", "rechazarla"),
    "cancellation": ("cancellation", "cancelarla"),
}


class InvalidPeriod(DomainError):
    code, status = "invalid-leave-period", 422
    en = "A leave goes from its first day to its last, and takes {longest} days at most."
    es = "Una ausencia va de su primer día al último y dura como mucho {longest} días."
    hint_en = "Check `first_day` and `last_day`; both are part of the leave."
    hint_es = "Compruebe `first_day` y `last_day`; ambos forman parte de la ausencia."


class OutsideEmployment(DomainError):
    code, status = "leave-outside-employment", 422
    en = "The person is not employed on every day from {first_day} to {last_day}."
    es = "La persona no está empleada todos los días del {first_day} al {last_day}."
    hint_en = "Leave lies within one employment; see `employments` of the employee."
    hint_es = "La ausencia cae dentro de una relación laboral; vea `employments` de la persona."


class OverlappingLeave(DomainError):
    code, status = "overlapping-leave", 409
    en = "There is leave on some of these days already."
    es = "Ya hay otra ausencia en alguno de estos días."
    hint_en = "See `existing_ids`; a rejected or cancelled leave does not count."
    hint_es = "Vea `existing_ids`; una ausencia rechazada o cancelada no cuenta."


class BalanceExceeded(DomainError):
    code, status = "leave-balance-exceeded", 409
    en = "In {year} there are {available} days of holiday left, and this takes {asked}."
    es = "En {year} quedan {available} días de vacaciones y esta petición ocupa {asked}."
    hint_en = "Days that wait for a decision count as taken until they are rejected or cancelled."
    hint_es = "Los días pendientes de decisión cuentan como ocupados hasta que se rechazan o cancelan."


class IllegalLeaveTransition(DomainError):
    code, status = "illegal-leave-transition", 409
    en = "The leave is {state}; {step} needs it to be {needed}."
    es = "La ausencia está {state}; para {step} debe estar {needed}."
    hint_en = "Read the leave: its status tells what can still be done."
    hint_es = "Lea la ausencia: su estado indica qué se puede hacer todavía."
    words: ClassVar[Words] = {"state": _STATES, "needed": _STATES, "step": _STEPS}


class OwnLeave(DomainError):
    code, status = "own-leave", 403
    en = "This leave is yours or was asked for by you; another person has to decide on it."
    es = "Esta ausencia es suya o la solicitó usted; debe decidir otra persona."
    hint_en = "Ask someone else who may approve leave."
    hint_es = "Pídalo a otra persona que pueda aprobar ausencias."


class NotYourLeave(DomainError):
    code, status = "not-your-leave", 403
    en = "Only the one who asked for this leave or the one it is for can cancel it."
    es = "Solo puede cancelar esta ausencia quien la solicitó o la persona a la que corresponde."
    hint_en = "Who decides on leave can reject it while it is requested."
    hint_es = "Quien decide sobre las ausencias puede rechazarla mientras esté solicitada."


class LeaveStarted(DomainError):
    code, status = "leave-started", 409
    en = "The leave began on {first_day}; it can be cancelled only before."
    es = "La ausencia empezó el {first_day}; solo puede cancelarse antes."
    hint_en = "What is left of it ends only with the employment."
    hint_es = "Lo que queda de ella solo termina con la relación laboral."
