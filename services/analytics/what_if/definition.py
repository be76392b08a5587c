"""What the calculator computes, exactly: its formulas as text that anybody can evaluate, and a test does.

A name in a formula is an input, or one of the figures named in FIGURES.
"""

from services.analytics.definition import Method
from services.analytics.indicators.definitions import KpiId

WHAT_IF = Method(
    "trastienda.what-if.monthly",
    1,
    "One month of `volume` operations. A person's operation costs its minutes at the hourly cost, an automated one "
    "`automated_cost`; each error costs its correction by a person, whoever made it, also when the work is bought "
    "outside. `planned` differs from now in the inputs named *_planned and in `running_cost`. Monthly costs are rounded "
    "once, to the currency's smallest unit, and saving, break-even and totals follow from the rounded ones.",
    "Un mes de `volume` operaciones. La de una persona cuesta sus minutos al coste por hora; la automática, "
    "`automated_cost`; cada error cuesta su corrección por una persona, lo cometa quien lo cometa, también si el trabajo "
    "se compra fuera. `planned` se distingue de lo actual en las entradas *_planned y en `running_cost`. Los costes "
    "mensuales se redondean una vez, a la unidad mínima de la moneda, y ahorro, punto de equilibrio y totales salen de los "
    "redondeados.",
)

_PERSON, _CORRECTION = "minutes / 60 * hourly_cost", "correction_minutes / 60 * hourly_cost"

# Figures by name, in the order in which each may use the ones before it.
FIGURES: dict[str, str] = {
    "cost_now": f"volume * ((1 - automation_share) * {_PERSON} + automation_share * automated_cost "
    f"+ error_share * {_CORRECTION})",
    "cost_planned": f"volume * ((1 - automation_share_planned) * {_PERSON} "
    f"+ automation_share_planned * automated_cost + error_share_planned * {_CORRECTION}) + running_cost",
    "cost_outsourced": f"volume * (outsourcing_price + outsourcing_error_share * {_CORRECTION})",
    "monthly_saving": "cost_now - cost_planned",
    "break_even_month": "ceil(investment / monthly_saving)",
    "total_now": "horizon_months * cost_now",
    "total_planned": "investment + horizon_months * cost_planned",
    "total_outsourced": "horizon_months * cost_outsourced",
}

# Indicator -> how it is now and as planned.
INDICATORS: dict[KpiId, tuple[str, str]] = {
    "processing_time": (
        "60 * ((1 - automation_share) * minutes + automation_share * automated_minutes)",
        "60 * ((1 - automation_share_planned) * minutes + automation_share_planned * automated_minutes)",
    ),
    "error_rate": ("error_share", "error_share_planned"),
    "cost_per_operation": ("cost_now / volume", "cost_planned / volume"),
    "automation_level": ("automation_share", "automation_share_planned"),
    "internal_satisfaction": ("satisfaction", "satisfaction_planned"),
}
