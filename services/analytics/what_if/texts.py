"""The reasons of a comparison, in the caller's language."""

from services.analytics.what_if.rules import Comparison, Option, Reason, Scenario
from shared.errors import Language

_OPTIONS: dict[Option, tuple[str, str]] = {
    "now": ("work as it is now", "el trabajo como es ahora"),
    "planned": ("work as planned", "el trabajo según lo previsto"),
    "outsourced": ("outsourcing", "la externalización"),
}

_REASONS: dict[Reason, tuple[str, str]] = {
    "cheapest": (
        "Over {months} months {cheapest} costs least: {amount} {currency}.",
        "En {months} meses lo que menos cuesta es {cheapest}: {amount} {currency}.",
    ),
    "close": (
        "The next costs less than 5 % more: estimates do not tell them apart.",
        "La siguiente opción cuesta menos de un 5 % más: unas estimaciones no las distinguen.",
    ),
    "change-pays": (
        "The planned change pays within {months} months: {planned} against {now} {currency}.",
        "El cambio previsto compensa en {months} meses: {planned} frente a {now} {currency}.",
    ),
    "change-does-not-pay": (
        "The planned change does not pay within {months} months: {planned} against {now} {currency}.",
        "El cambio previsto no compensa en {months} meses: {planned} frente a {now} {currency}.",
    ),
    "outsourcing-errs-more": (
        "Outsourced work is expected to hold more errors ({outsourced_errors} against {errors}).",
        "Se esperan más errores en el trabajo externalizado ({outsourced_errors} frente a {errors}).",
    ),
    "outsourcing-errs-less": (
        "Outsourced work is expected to hold fewer errors ({outsourced_errors} against {errors}).",
        "Se esperan menos errores en el trabajo externalizado ({outsourced_errors} frente a {errors}).",
    ),
    "no-outsourcing-price": (
        "Without outsourcing_price there is nothing to compare buying with.",
        "Sin outsourcing_price no hay con qué comparar la compra.",
    ),
}

_COSTS_THE_SAME = (
    "Over {months} months work as planned costs the same as now: {planned} {currency}.",
    "En {months} meses el trabajo según lo previsto cuesta lo mismo que ahora: {planned} {currency}.",
)

_BREAK_EVEN = {
    "paid": (
        "By the end of month {month} the savings have paid the investment.",
        "Al final del mes {month} el ahorro ha pagado la inversión.",
    ),
    "at-once": (
        "At once: there is no investment to pay back.",
        "De inmediato: no hay inversión que recuperar.",
    ),
    "unchanged": (
        "There is nothing to pay back: no investment is made, and a month costs as much as now.",
        "No hay nada que recuperar: no se invierte nada y un mes cuesta lo mismo que ahora.",
    ),
    "never": (
        "Never: the change saves nothing per month.",
        "Nunca: el cambio no ahorra nada al mes.",
    ),
}


def tell_reason(reason: Reason, compared: Comparison, scenario: Scenario, language: Language) -> str:
    planned, now = compared.totals["planned"], compared.totals["now"]
    english, spanish = _COSTS_THE_SAME if reason == "change-does-not-pay" and planned == now else _REASONS[reason]
    return (spanish if language == "es" else english).format(
        months=scenario.horizon_months,
        cheapest=_OPTIONS[compared.cheapest][language == "es"],
        amount=f"{compared.totals[compared.cheapest]:f}",
        currency=scenario.currency,
        now=f"{now:f}",
        planned=f"{planned:f}",
        errors=f"{scenario.error_share_planned:f}",
        outsourced_errors=f"{scenario.outsourcing_error_share:f}",
    )


def tell_break_even(month: int | None, language: Language, *, unchanged: bool) -> str:
    """Say when the investment is paid; `unchanged`: there is none, and the change saves nothing and costs nothing."""
    never = "unchanged" if unchanged else "never"
    english, spanish = _BREAK_EVEN[never if month is None else "paid" if month else "at-once"]
    return (spanish if language == "es" else english).format(month=month)
