"""Refusals of leave."""

from shared.errors import DomainError


class InvalidPeriod(DomainError):
    code, status = "invalid-leave-period", 422
    en = "A leave goes from its first day to its last, and takes {longest} days at most."
    es = "Una ausencia va de su primer día al último y dura como mucho {longest} días."


class OutsideEmployment(DomainError):
    code, status = "leave-outside-employment", 422
    en = "The person is not employed on every day from {first_day} to {last_day}."
    es = "La persona no está empleada todos los días del {first_day} al {last_day}."


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
    es = "La ausencia está en estado {state}; {step} exige el estado {needed}."


class OwnLeave(DomainError):
    code, status = "own-leave", 403
    en = "This leave is yours or was asked for by you; another person has to decide on it."
    es = "Esta ausencia es suya o la solicitó usted; debe decidir otra persona."


class NotYourLeave(DomainError):
    code, status = "not-your-leave", 403
    en = "Only the one who asked for this leave or the one it is for can cancel it."
    es = "Solo puede cancelar esta ausencia quien la solicitó o la persona a la que corresponde."


class LeaveStarted(DomainError):
    code, status = "leave-started", 409
    en = "The leave began on {first_day}; it can be cancelled only before."
    es = "La ausencia empezó el {first_day}; solo puede cancelarse antes."
