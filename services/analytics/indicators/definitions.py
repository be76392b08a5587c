"""What each indicator means, exactly. The definition id and version are part of the contract.

A formula that changes is a new version; a text that only says it better is not.
"""

from dataclasses import dataclass
from typing import Literal

from services.analytics.bands.rules import Better
from services.analytics.calendars.rules import WorkingTime
from shared.errors import Language

# What is added to a definition whose times a calendar measures: English, Spanish.
IN_WORKING_TIME: dict[str, tuple[str, str]] = {
    "processing_time": (
        (
            "Here wait and lead are working time: of the time between the two moments that in which calendar {calendar}, "
            "version {version} ({zone}), is open, from every operation. Touch time is all of it: work is work, also at night."
        ),
        (
            "Aquí wait y lead son tiempo laborable: del tiempo entre ambos momentos, aquel en que el calendario {calendar}, "
            "versión {version} ({zone}), está abierto, de cada operación. El tiempo de trabajo cuenta entero: el trabajo lo es "
            "también de noche."
        ),
    ),
    "case_throughput_time": (
        (
            "Here it is working time: of the time between the two moments that in which calendar {calendar}, version "
            "{version} ({zone}), is open, from every case. Scales are of time by the clock, so that there is no band."
        ),
        (
            "Aquí es tiempo laborable: del tiempo entre ambos momentos, aquel en que el calendario {calendar}, versión "
            "{version} ({zone}), está abierto, de cada caso. Las escalas son de tiempo de reloj, así que no hay banda."
        ),
    ),
}
KpiId = Literal[
    "processing_time",
    "error_rate",
    "cost_per_operation",
    "automation_level",
    "internal_satisfaction",
    "case_throughput_time",
    "case_rework_rate",
    "no_touch_rate",
    "first_pass_yield",
]


@dataclass(frozen=True, slots=True)
class Definition:
    """`unit` is None where the tenant's currency is the unit."""

    kpi: KpiId
    id: str
    version: int
    unit: str | None
    better: Better
    en: str
    es: str

    def text(self, language: Language, working: WorkingTime | None = None) -> str:
        told = self.es if language == "es" else self.en
        added = IN_WORKING_TIME.get(self.kpi) if working else None
        return f"{told} {added[language == 'es'].format_map(_named(working))}" if working and added else told

    def name(self, working: WorkingTime | None = None) -> str:
        """Return the id, with the calendar that measures its times: another calendar or version is another id."""
        return f"{self.id}@{working.name}" if working and self.kpi in IN_WORKING_TIME else self.id

    def scaled(self, working: WorkingTime | None = None) -> bool:
        """Tell whether scales are of its value: those of times are by the clock."""
        return working is None or self.kpi != "case_throughput_time"


def _named(working: WorkingTime) -> dict[str, object]:
    return {"calendar": working.calendar, "version": working.version, "zone": working.zone}


DEFINITIONS: dict[str, Definition] = {
    definition.kpi: definition
    for definition in (
        Definition(
            "processing_time",
            "trastienda.processing-time.touch-mean",
            1,
            "s",
            "lower",
            "Mean touch time: sum of (finished - started) over the operations finished in the period whose start was "
            "observed, divided by their number. Operations without an observed start are counted in `unknown` (of them "
            "`estimated` had an assumed start), never as 0. Work done at the same time counts in each operation. "
            "Percentiles are linear-interpolated, within 1 % or exact as `percentiles` says. wait = started - requested, "
            "lead = finished - requested.",
            "Tiempo medio de trabajo: suma de (fin - inicio) de las operaciones terminadas en el periodo cuyo inicio se "
            "observó, dividida por su número. Las que no tienen inicio observado se cuentan en `unknown` (de ellas, "
            "`estimated` tenían un inicio supuesto), nunca como 0. El trabajo simultáneo cuenta en cada operación. "
            "Percentiles con interpolación lineal, con un error máximo del 1 % o exactos, según `percentiles`. wait = "
            "inicio - solicitud; lead = fin - solicitud.",
        ),
        Definition(
            "error_rate",
            "trastienda.error-rate.operations",
            1,
            "ratio",
            "lower",
            "Operations with outcome error or rework, or corrected by another event (earlier or later arrived), each "
            "counted once, divided by all operations finished in the period, cancelled ones included.",
            "Operaciones con resultado error o rework, o corregidas por otro evento (llegue antes o después), cada una "
            "contada una vez, entre todas las operaciones terminadas en el periodo, incluidas las canceladas.",
        ),
        Definition(
            "cost_per_operation",
            "trastienda.cost-per-operation.measured-or-modelled",
            1,
            None,
            "lower",
            "Cost of the operations whose cost is known, divided by their number. An operation's cost is the measured "
            "one; else for a person touch hours x the hourly rate of the team on the day (UTC) + the fixed cost of the "
            "activity, for automation the fixed cost alone. What has none of these is `unknown` and left out. Modelled "
            "costs use the cost model as it is now. Currencies are never added together.",
            "Coste de las operaciones de coste conocido, dividido por su número. El coste de una operación es el medido; "
            "si falta, para una persona horas de trabajo x tarifa del equipo en ese día (UTC) + coste fijo de la "
            "actividad, y para un automatismo solo el coste fijo. Lo que no tiene nada de esto es `unknown` y queda "
            "fuera. Los costes calculados usan el modelo de costes vigente ahora. Nunca se suman monedas distintas.",
        ),
        Definition(
            "automation_level",
            "trastienda.automation-level.operations",
            1,
            "ratio",
            "higher",
            "Operations done by automation divided by all operations finished in the period.",
            "Operaciones hechas por automatismos entre todas las operaciones terminadas en el periodo.",
        ),
        Definition(
            "internal_satisfaction",
            "trastienda.internal-satisfaction.csat",
            1,
            "ratio",
            "higher",
            "CSAT: answers of 4 or 5 on the scale 1 to 5, divided by all answers given in the period. Below 5 answers "
            "the value is hidden, and with it that of another group when the difference would tell it.",
            "CSAT: respuestas de 4 o 5 en la escala de 1 a 5, entre todas las respuestas del periodo. Con menos de 5 "
            "respuestas el valor se oculta, y con él el de otro grupo si la diferencia lo revelara.",
        ),
        Definition(
            "case_throughput_time",
            "trastienda.case-throughput.first-to-last",
            1,
            "s",
            "lower",
            "Mean time from the first to the last moment known of a case (requests, starts, ends and other events of "
            "it), over the cases whose last moment lies in the period; open cases count with what is known so far. "
            "Percentiles are linear-interpolated, within 1 % or exact as `percentiles` says. `events` is the number of ends, observed starts and other events of "
            "these cases, requests left out: work with both stamps is two, whether it came as two events of a log or as "
            "one row of a table. `variants` is the number of different sequences of finished activities.",
            "Tiempo medio entre el primer y el último momento conocidos de un caso (solicitudes, inicios, finales y otros "
            "eventos suyos), de los casos cuyo último momento cae en el periodo; los abiertos cuentan con lo conocido "
            "hasta ahora. Percentiles con interpolación lineal, con un error máximo del 1 % o exactos, según `percentiles`. `events` es el número de finales, inicios observados y "
            "otros eventos de esos casos, sin las solicitudes: un trabajo con ambos momentos son dos, llegue como dos "
            "eventos de un registro o como una fila de una tabla. `variants` es el número de secuencias distintas de "
            "actividades terminadas.",
        ),
        Definition(
            "case_rework_rate",
            "trastienda.case-rework.repeated-activity",
            1,
            "ratio",
            "lower",
            "Cases in which some activity was finished more than once, divided by the cases with at least one "
            "operation. `rework_events` is the sum of (times finished - 1) over activities, `rework_event_rate` divides "
            "it by the operations of these cases.",
            "Casos en los que alguna actividad se terminó más de una vez, entre los casos con al menos una operación. "
            "`rework_events` es la suma de (veces terminada - 1) por actividad; `rework_event_rate` la divide por las "
            "operaciones de esos casos.",
        ),
        Definition(
            "no_touch_rate",
            "trastienda.no-touch.cases",
            1,
            "ratio",
            "higher",
            "Cases without any operation by a person, divided by the cases with at least one operation. The "
            "requester's own submission (activities submit-* and request-*) does not count on either side.",
            "Casos sin ninguna operación hecha por una persona, entre los casos con al menos una operación. La propia "
            "solicitud de quien pide (actividades submit-* y request-*) no cuenta en ninguno de los dos lados.",
        ),
        Definition(
            "first_pass_yield",
            "trastienda.first-pass-yield.cases",
            1,
            "ratio",
            "higher",
            "Cases in which no activity was repeated and no operation ended in error or rework or was corrected, "
            "divided by the cases with at least one operation.",
            "Casos en los que ninguna actividad se repitió y ninguna operación terminó en error o rework ni fue "
            "corregida, entre los casos con al menos una operación.",
        ),
    )
}
