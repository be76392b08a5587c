"""What is refused of a target."""

from shared.errors import DomainError


class TargetExists(DomainError):
    code, status = "target-exists", 409
    en = "There is a target for this process, indicator, activity, team and currency: {target}."
    es = "Ya hay un objetivo para este proceso, indicador, actividad, equipo y moneda: {target}."
    hint_en = "Edit that one, or delete it first."
    hint_es = "Modifique ese, o bórrelo antes."


class TooManyTargets(DomainError):
    code, status = "too-many-targets", 409
    en = "There are {limit} targets, and more are not watched."
    es = "Hay {limit} objetivos, y no se vigilan más."
    hint_en = "Delete those that nobody answers for any more."
    hint_es = "Borre los que ya no tienen responsable."


class CurrencyMissing(DomainError):
    code, status = "currency-missing", 422
    en = "A target of cost_per_operation needs its currency: costs in several are never added together."
    es = "Un objetivo de cost_per_operation necesita su moneda: los costes en varias nunca se suman."
    hint_en = "Send `currency`, as EUR."
    hint_es = "Envíe `currency`, por ejemplo EUR."


class CurrencyMisplaced(DomainError):
    code, status = "currency-misplaced", 422
    en = "A currency belongs to cost_per_operation alone; this is {kpi}."
    es = "La moneda corresponde solo a cost_per_operation; este es {kpi}."
    hint_en = "Leave it out."
    hint_es = "Omítala."


class NotAShare(DomainError):
    code, status = "not-a-share", 422
    en = "{kpi} is a share from 0 to 1, and never {value}."
    es = "{kpi} es una proporción de 0 a 1, y nunca {value}."
    hint_en = "Write 5 % as 0.05."
    hint_es = "Escriba 5 % como 0.05."


class NeverMeasured(DomainError):
    code, status = "never-measured", 422
    en = "{kpi} is not measured by activity: answers name a process and a team alone."
    es = "{kpi} no se mide por actividad: las respuestas solo indican proceso y equipo."
    hint_en = "Leave the activity out."
    hint_es = "Omita la actividad."
