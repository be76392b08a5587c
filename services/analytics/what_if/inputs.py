"""Where each input comes from: given, measured, or a default that says why. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from services.analytics.what_if.rules import Scenario
from shared.errors import Language

Source = Literal["given", "measured", "default"]

REQUIRED = ("volume", "minutes", "error_share", "hourly_cost")
UNITS = {
    "volume": "operations/month",
    "minutes": "min",
    "automated_minutes": "min",
    "error_share": "ratio",
    "error_share_planned": "ratio",
    "correction_minutes": "min",
    "hourly_cost": "currency/h",
    "automation_share": "ratio",
    "automation_share_planned": "ratio",
    "automated_cost": "currency/operation",
    "investment": "currency",
    "running_cost": "currency/month",
    "satisfaction": "ratio",
    "satisfaction_planned": "ratio",
    "outsourcing_price": "currency/operation",
    "outsourcing_error_share": "ratio",
    "horizon_months": "months",
}
ZERO = Decimal(0)
HORIZON = Decimal(36)
_FIXED = dict.fromkeys(("automation_share", "automated_minutes", "automated_cost", "investment", "running_cost"), ZERO)
_SAME_AS = {
    "error_share_planned": "error_share",
    "automation_share_planned": "automation_share",
    "satisfaction_planned": "satisfaction",
    "outsourcing_error_share": "error_share",
}

# Why a value is what it is, where that is no matter of course.
NOTES: dict[str, tuple[str, str]] = {
    "same": ("The same as {other}: nothing says that it changes.", "Igual que {other}: nada indica que cambie."),
    "none": ("0 unless it is given.", "0 si no se indica."),
    "horizon": ("Three years, unless it is given.", "Tres años, si no se indica."),
    "factor": ("correction_factor x minutes.", "correction_factor x minutes."),
    "again": (
        "The same as minutes: an error costs the operation once more.",
        "Igual que minutes: un error cuesta la operación otra vez.",
    ),
    "counted": (
        "0, as the errors are measured: what corrects them is among the measured operations already.",
        "0, porque los errores son medidos: lo que los corrige ya está entre las operaciones medidas.",
    ),
    "observed": (
        "Counted over {other}: from the day of the first operation at the earliest, and until now at the latest.",
        "Contado en {other}: desde el día de la primera operación como muy pronto, y hasta ahora como muy tarde.",
    ),
    "unknown": ("Not known; what needs it has no value.", "No se conoce; lo que lo necesita no tiene valor."),
}


@dataclass(frozen=True, slots=True)
class Input:
    """`note` is a key of NOTES, `other` the input or the interval it speaks of."""

    name: str
    value: Decimal | None
    source: Source
    note: str | None = None
    other: str | None = None

    def explain(self, language: Language) -> str | None:
        if self.note is None:
            return None
        english, spanish = NOTES[self.note]
        return (spanish if language == "es" else english).format(other=self.other)


def missing(given: Mapping[str, Decimal], measured: Mapping[str, Decimal]) -> list[str]:
    """Return the inputs without which there is nothing to compute."""
    return [name for name in REQUIRED if name not in given and name not in measured]


def resolve(
    given: Mapping[str, Decimal],
    measured: Mapping[str, Decimal],
    correction_factor: Decimal | None,
    observed: str | None = None,
) -> dict[str, Input]:
    """Return every input by name: the given one, else the measured one, else its default. Nothing may be `missing`.

    `observed` is the interval over which a measured volume was counted.
    """
    found: dict[str, Input] = {}
    for name in UNITS:
        if name in given:
            found[name] = Input(name, given[name], "given")
        elif name == "volume":
            found[name] = Input(name, measured[name], "measured", "observed", observed)
        elif name in measured:
            found[name] = Input(name, measured[name], "measured")
        elif name == "correction_minutes":
            found[name] = _correction(found, correction_factor)
        elif name in _SAME_AS:
            other = found[_SAME_AS[name]]
            found[name] = Input(name, other.value, "default", "unknown" if other.value is None else "same", other.name)
        elif name in _FIXED:
            found[name] = Input(name, _FIXED[name], "default", "none")
        elif name == "horizon_months":
            found[name] = Input(name, HORIZON, "default", "horizon")
        else:
            found[name] = Input(name, None, "default", "unknown")
    return found


def _correction(found: Mapping[str, Input], factor: Decimal | None) -> Input:
    minutes = found["minutes"].value or ZERO
    if factor is not None:
        return Input("correction_minutes", round_input(factor * minutes), "given", "factor")
    if found["error_share"].source == "measured":
        return Input("correction_minutes", ZERO, "default", "counted")
    return Input("correction_minutes", minutes, "default", "again")


def round_input(value: Decimal) -> Decimal:
    """Round to the 6 decimals an input may have, so that the value shown is the value used."""
    return round(value, 6)


def scenario_of(inputs: Mapping[str, Input], currency: str) -> Scenario:
    """Return the scenario that these inputs are."""
    optional = {"satisfaction", "satisfaction_planned", "outsourcing_price"}
    values = {name: each.value for name, each in inputs.items() if name != "horizon_months"}
    needed = {name: value for name, value in values.items() if name not in optional and value is not None}
    return Scenario(
        currency=currency,
        satisfaction=values["satisfaction"],
        satisfaction_planned=values["satisfaction_planned"],
        outsourcing_price=values["outsourcing_price"],
        horizon_months=int(inputs["horizon_months"].value or HORIZON),
        **needed,
    )


def text_of(value: Decimal) -> str:
    """Return the shortest decimal text: 12.5, 100, 0."""
    return f"{value.normalize():f}" if value else "0"
