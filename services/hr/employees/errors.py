"""Refusals of employees. None repeats a name or a national id."""

from shared.errors import DomainError


class InvalidNationalId(DomainError):
    code, status = "invalid-national-id", 422
    en = "The national id is not a NIF or NIE with its right check letter."
    es = "El documento de identidad no es un NIF o NIE con su letra de control correcta."
    hint_en = "A DNI has 8 digits and a letter; a NIE has X, Y or Z, 7 digits and a letter."
    hint_es = "Un DNI tiene 8 cifras y una letra; un NIE tiene X, Y o Z, 7 cifras y una letra."


class AnnualLeaveBelowMinimum(DomainError):
    code, status = "annual-leave-below-minimum", 422
    en = "{days} days of annual leave are fewer than the {minimum} calendar days that the law grants."
    es = "{days} días de vacaciones al año son menos que los {minimum} días naturales que marca la ley."
    hint_en = "Estatuto de los Trabajadores, article 38.1. Give the days of a whole year; they are prorated."
    hint_es = "Estatuto de los Trabajadores, artículo 38.1. Indique los días de un año completo; se prorratean."


class DuplicateEmployee(DomainError):
    code, status = "duplicate-employee", 409
    en = "A person with this national id is on file already."
    es = "Ya hay una persona registrada con este documento de identidad."
    hint_en = "It is the one with `existing_id`; someone who comes back gets a new employment there."
    hint_es = "Es la de `existing_id`; quien vuelve recibe allí una nueva relación laboral."


class UserTaken(DomainError):
    code, status = "user-taken", 409
    en = "This user belongs to another employee."
    es = "Este usuario pertenece a otra persona empleada."
    hint_en = "It is the one with `existing_id`."
    hint_es = "Es la de `existing_id`."


class OwnUser(DomainError):
    code, status = "own-user", 403
    en = "Another person has to change which user you are: your own leave is told apart by it."
    es = "Otra persona debe cambiar qué usuario es usted: por él se distinguen sus propias ausencias."
    hint_en = "Leave `user_id` out to change the rest."
    hint_es = "Omita `user_id` para cambiar lo demás."


class StillEmployed(DomainError):
    code, status = "still-employed", 409
    en = "The person is employed until {until}; a new employment begins after that."
    es = "La persona está empleada hasta {until}; una nueva relación laboral empieza después."
    hint_en = "An employment without an end needs the departure first (`until` is null)."
    hint_es = "Una relación laboral sin fin necesita antes la baja (`until` es nulo)."


class AlreadyLeft(DomainError):
    code, status = "already-left", 409
    en = "The person's employment ends on {leave_date} already."
    es = "La relación laboral de esta persona ya termina el {leave_date}."
    hint_en = "There is nothing to do; for someone who came back, register the new employment first."
    hint_es = "No hay nada que hacer; si la persona volvió, registre antes la nueva relación laboral."


class LeaveDateBeforeHire(DomainError):
    code, status = "leave-date-before-hire", 422
    en = "The last day {leave_date} lies before the hire date {hire_date}."
    es = "El último día {leave_date} es anterior a la fecha de alta {hire_date}."
    hint_en = "Check `leave_date`: it is the last day that is worked."
    hint_es = "Compruebe `leave_date`: es el último día trabajado."
