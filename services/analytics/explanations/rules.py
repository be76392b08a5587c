"""From figures to the sums that a formula takes, to what was left out, and to why a band was given. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from services.analytics.bands.rules import Band, Scale
from services.analytics.explanations.comparison import Share
from services.analytics.explanations.definition import FORMULAS
from services.analytics.indicators.definitions import KpiId
from services.analytics.indicators.sums import CaseSums, Cost, Figures, OperationSums, SurveySums

Why = Literal["within-limit", "beyond-limits", "no-value", "no-scale", "other-unit", "too-few", "working-time"]


@dataclass(frozen=True, slots=True)
class Sums:
    """The exact inputs of a formula: the sums of its numerator, and what it divides by."""

    terms: dict[str, Decimal]
    n: int

    def share(self, kpi: KpiId) -> Share:
        """Return them as one group of a comparison, whose value is the indicator's."""
        divisors = FORMULAS[kpi].terms
        numerator = sum((Fraction(term) / divisors[name] for name, term in self.terms.items()), start=Fraction())
        return Share(numerator, Fraction(self.n))


def sums_of(kpi: KpiId, figures: Figures, unit: str | None) -> Sums:
    """Return the inputs of an indicator; of costs those in `unit`."""
    if kpi == "cost_per_operation":
        cost = figures.operations.costs.get(unit or "", Cost())
        terms = {
            "measured_cost": cost.measured_sum,
            "fixed_cost": cost.fixed_sum,
            "hourly_cost_us": cost.hourly_us,
        }
        return Sums(terms, cost.measured + cost.modelled)
    part, n = _SUMS[kpi](figures)
    (name,) = FORMULAS[kpi].terms
    return Sums({name: Decimal(part)}, n)


_SUMS: dict[KpiId, Callable[[Figures], tuple[int, int]]] = {
    "processing_time": lambda of: (of.operations.touch_us, of.operations.touch_n),
    "error_rate": lambda of: (of.operations.defect_n, of.operations.n),
    "automation_level": lambda of: (of.operations.automation_n, of.operations.n),
    "internal_satisfaction": lambda of: (of.survey.satisfied, of.survey.answers),
    "case_throughput_time": lambda of: (of.cases.duration_us, of.cases.cases),
    "case_rework_rate": lambda of: (of.cases.rework_cases, of.cases.worked),
    "no_touch_rate": lambda of: (of.cases.no_touch, of.cases.handled),
    "first_pass_yield": lambda of: (of.cases.first_pass, of.cases.worked),
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What of the selection was not counted; `n` is None where the database cannot tell."""

    reason: str
    n: int | None
    currency: str | None = None


def left_out(kpi: KpiId, figures: Figures, unit: str | None, withdrawn: int, *, shown: bool) -> list[LeftOut]:
    """Return what an indicator left out, without reasons that apply to nothing, and what holds for all of them."""
    found: Iterator[LeftOut] = iter(())
    if kpi == "processing_time":
        found = _untimed(figures.operations)
    elif kpi == "cost_per_operation":
        found = _unpriced(figures.operations, unit)
    elif kpi == "internal_satisfaction":
        found = _private(figures.survey, shown=shown)
    elif kpi in {"case_rework_rate", "no_touch_rate", "first_pass_yield"}:
        found = _unworked(figures.cases, submissions=kpi == "no_touch_rate")
    counted = [each for each in (*found, LeftOut("withdrawn", withdrawn)) if each.n]
    return [*counted, LeftOut("late", 0), LeftOut("duplicate", None), LeftOut("dead-letter", None)]


def _untimed(sums: OperationSums) -> Iterator[LeftOut]:
    yield LeftOut("estimated-start", sums.estimated_n)
    yield LeftOut("no-start", sums.n - sums.touch_n - sums.estimated_n)


def _unpriced(sums: OperationSums, unit: str | None) -> Iterator[LeftOut]:
    known = {name: cost.measured + cost.modelled for name, cost in sorted(sums.costs.items())}
    yield LeftOut("no-cost", sums.n - sum(known.values()))
    for currency, n in known.items():
        if currency != unit:
            yield LeftOut("several-currencies" if unit is None else "other-currency", n, currency)


def _private(sums: SurveySums, *, shown: bool) -> Iterator[LeftOut]:
    yield LeftOut("too-few-answers", 0 if shown else sums.answers)


def _unworked(sums: CaseSums, *, submissions: bool) -> Iterator[LeftOut]:
    yield LeftOut("no-operation", sums.cases - sums.worked)
    yield LeftOut("only-submission", sums.worked - sums.handled if submissions else 0)


# reason -> (English, Spanish)
REASONS: dict[str, tuple[str, str]] = {
    "estimated-start": (
        "Operations whose start was assumed: an assumed start measures nothing.",
        "Operaciones de inicio supuesto: un inicio supuesto no mide nada.",
    ),
    "no-start": (
        "Operations whose start is not known: they have no touch time, which is not 0.",
        "Operaciones de inicio desconocido: no tienen tiempo de trabajo, que no es 0.",
    ),
    "no-cost": (
        "Operations without measured cost that the cost model does not price either.",
        "Operaciones sin coste medido y a las que el modelo de costes tampoco pone precio.",
    ),
    "other-currency": (
        "Operations that cost something in another currency: currencies are never added together.",
        "Operaciones con coste en otra moneda: nunca se suman monedas distintas.",
    ),
    "several-currencies": (
        "Operations in one of several currencies: ask for one with `currency`.",
        "Operaciones en una de varias monedas: pida una con `currency`.",
    ),
    "too-few-answers": (
        "Answers that are hidden, because so few could tell who gave which.",
        "Respuestas ocultas, porque tan pocas podrían revelar quién dio cuál.",
    ),
    "no-operation": (
        "Cases of which only observations are known, no finished operation.",
        "Casos de los que solo se conocen observaciones, ninguna operación terminada.",
    ),
    "only-submission": (
        "Cases with nothing but the requester's own submission.",
        "Casos en los que solo hay la propia solicitud de quien pide.",
    ),
    "withdrawn": (
        "Operations, or answers, that were withdrawn: they count nowhere, as if they had never arrived.",
        "Operaciones, o respuestas, retiradas: no cuentan en nada, como si nunca hubieran llegado.",
    ),
    "late": (
        "Nothing is left out for being late: an event of any age counts in the period it belongs to.",
        "Nada queda fuera por llegar tarde: un evento de cualquier edad cuenta en el periodo que le corresponde.",
    ),
    "duplicate": (
        "An event that arrives again changes nothing and leaves no trace: how many did is not kept per tenant.",
        "Un evento que llega de nuevo no cambia nada ni deja rastro: no se guarda cuántos lo hicieron por organización.",
    ),
    "dead-letter": (
        "Events that cannot be read go to <topic>.dead with the reason; they are counted by reason, not by tenant.",
        "Los eventos ilegibles van a <topic>.dead con el motivo; se cuentan por motivo, no por organización.",
    ),
}


def why_band(
    value: float | None, unit: str | None, n: int, scale: Scale | None, band: Band, *, scaled: bool = True
) -> tuple[Why, float | None]:
    """Return what decided a band, and the limit the value kept, if it kept one."""
    if value is None:
        return "no-value", None
    if not scaled:
        return "working-time", None
    if scale is None:
        return "no-scale", None
    if unit != scale.unit:
        return "other-unit", None
    if n < scale.minimum_n:
        return "too-few", None
    limits = {"excellent": scale.excellent, "good": scale.good, "acceptable": scale.acceptable}
    return ("within-limit", limits[band]) if band in limits else ("beyond-limits", None)
