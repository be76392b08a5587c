"""What an explanation says of each indicator: its formula over exact sums, and how two periods are compared.

A formula is numerator / denominator over named inputs, in arithmetic that anybody can evaluate, and a test does. An
input of the numerator is the sum of what each listed item contributes under that name; the denominator is their number.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.analytics.definition import Method
from services.analytics.indicators.definitions import KpiId
from services.analytics.indicators.queries import Part
from services.analytics.indicators.sums import MICROSECONDS_PER_HOUR
from shared.errors import Language

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Formula:
    """`terms` are the inputs of the numerator, each with what its sum is divided by."""

    over: Part
    terms: Mapping[str, int]
    denominator: str
    en: str
    es: str

    @property
    def numerator(self) -> str:
        return " + ".join(name if divisor == 1 else f"{name} / {divisor}" for name, divisor in self.terms.items())

    def text(self, language: Language) -> str:
        return self.es if language == "es" else self.en


FORMULAS: dict[KpiId, Formula] = {
    "processing_time": Formula(
        "operations",
        {"touch_us": _MICROSECONDS},
        "touch_n",
        "Touch time in microseconds / 1,000,000 / operations whose start was observed.",
        "Tiempo de trabajo en microsegundos / 1.000.000 / operaciones cuyo inicio se observó.",
    ),
    "error_rate": Formula(
        "operations",
        {"defects": 1},
        "n",
        "Operations with outcome error or rework, or corrected / operations.",
        "Operaciones con resultado error o rework, o corregidas / operaciones.",
    ),
    "cost_per_operation": Formula(
        "operations",
        {"measured_cost": 1, "fixed_cost": 1, "hourly_cost_us": MICROSECONDS_PER_HOUR},
        "cost_n",
        "(Measured costs + fixed costs + hourly rate x touch time in microseconds / 3,600,000,000) / operations whose "
        "cost is known in this currency.",
        "(Costes medidos + costes fijos + tarifa por hora x tiempo de trabajo en microsegundos / 3.600.000.000) / "
        "operaciones de coste conocido en esta moneda.",
    ),
    "automation_level": Formula(
        "operations",
        {"automation": 1},
        "n",
        "Operations done by automation / operations.",
        "Operaciones hechas por automatismos / operaciones.",
    ),
    "internal_satisfaction": Formula(
        "answers",
        {"satisfied": 1},
        "answers",
        "Answers of 4 or 5 / answers.",
        "Respuestas de 4 o 5 / respuestas.",
    ),
    "case_throughput_time": Formula(
        "cases",
        {"duration_us": _MICROSECONDS},
        "cases",
        "Time from first to last moment in microseconds / 1,000,000 / cases.",
        "Tiempo del primer al último momento en microsegundos / 1.000.000 / casos.",
    ),
    "case_rework_rate": Formula(
        "cases",
        {"rework_cases": 1},
        "cases",
        "Cases with a repeated activity / cases with at least one operation.",
        "Casos con una actividad repetida / casos con al menos una operación.",
    ),
    "no_touch_rate": Formula(
        "cases",
        {"no_touch_cases": 1},
        "cases",
        "Cases without an operation by a person / cases with an operation beside the requester's own submission.",
        "Casos sin operación de una persona / casos con alguna operación además de la propia solicitud.",
    ),
    "first_pass_yield": Formula(
        "cases",
        {"first_pass_cases": 1},
        "cases",
        "Cases without repetition, error or correction / cases with at least one operation.",
        "Casos sin repetición, error ni corrección / casos con al menos una operación.",
    ),
}

COMPARISON = Method(
    "trastienda.comparison.mix-and-rate",
    1,
    "difference = value now (1) - value before (0). Of each group g, v is its value and w its share of what is divided "
    "by; c = (value now + value before) / 2. mix = (w1 - w0) x ((v1 + v0) / 2 - c): the group became a larger or smaller "
    "part of the whole. rate = (v1 - v0) x (w1 + w0) / 2: the group itself changed. total = mix + rate; the totals of all "
    "groups add up to the difference, and nothing is left over. A group that one period lacks has its value of the other "
    "one, so that its rate is 0. A case with operations of several groups stands in each with its share of the case's "
    "selected operations. All is computed in fractions and rounded at the end to 12 decimals, in which the parts still "
    "add up: what rounding down leaves goes, unit by unit, to the largest remainders.",
    "difference = valor actual (1) - valor anterior (0). De cada grupo g, v es su valor y w su parte de aquello entre lo "
    "que se divide; c = (valor actual + valor anterior) / 2. mix = (w1 - w0) x ((v1 + v0) / 2 - c): el grupo pasó a ser "
    "una parte mayor o menor del total. rate = (v1 - v0) x (w1 + w0) / 2: cambió el grupo mismo. total = mix + rate; los "
    "totales de los grupos suman la diferencia y no sobra nada. Un grupo que falta en un periodo toma su valor del otro, "
    "así que su rate es 0. Un caso con operaciones de varios grupos está en cada uno según su parte de las operaciones "
    "seleccionadas del caso. Todo se calcula con fracciones y se redondea al final a 12 decimales, en los que las partes "
    "siguen sumando: lo que deja el redondeo hacia abajo va, unidad a unidad, a los restos mayores.",
)
