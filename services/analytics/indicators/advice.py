"""What to do next, by indicator and band: one short, actionable sentence in English and in Spanish."""

from services.analytics.bands.rules import Band
from shared.errors import Language

# indicator -> band -> (English, Spanish)
ADVICE: dict[str, dict[Band, tuple[str, str]]] = {
    "processing_time": {
        "excellent": (
            "Keep it: watch p95, so that the slow cases do not grow unseen.",
            "Manténgalo: vigile el p95 para que los casos lentos no crezcan sin verse.",
        ),
        "good": (
            "Look at the activities with the longest total time and shorten the first one.",
            "Mire las actividades con mayor tiempo total y acorte la primera.",
        ),
        "acceptable": (
            "Group by activity: give the slowest a template or a checklist before adding people.",
            "Agrupe por actividad: dé a la más lenta una plantilla o una lista antes de añadir personas.",
        ),
        "poor": (
            "Group by activity and automate the one with most count x mean time; agree on a target per activity.",
            "Agrupe por actividad y automatice la de mayor número x tiempo medio; acuerde un objetivo por actividad.",
        ),
        "insufficient-data": (
            "Send started_at with each operation (or the header Work-Started-At): five measured ones give a first value.",
            "Envíe started_at en cada operación (o la cabecera Work-Started-At): cinco medidas dan un primer valor.",
        ),
    },
    "error_rate": {
        "excellent": (
            "Keep the controls that work, and write down why they do.",
            "Conserve los controles que funcionan y deje escrito por qué.",
        ),
        "good": (
            "Group by activity: one usually holds most of the errors that are left.",
            "Agrupe por actividad: una suele reunir la mayoría de los errores que quedan.",
        ),
        "acceptable": (
            "Check data where it enters: most corrections begin with a typed field.",
            "Valide los datos donde entran: la mayoría de las correcciones nacen en un campo tecleado.",
        ),
        "poor": (
            "Stop the largest source first: group by activity and team, and add a check before the hand-over.",
            "Frene primero la mayor fuente: agrupe por actividad y equipo, y añada un control antes de la entrega.",
        ),
        "insufficient-data": (
            "Report outcome and corrects with each operation; five operations give a first value.",
            "Informe outcome y corrects en cada operación; cinco operaciones dan un primer valor.",
        ),
    },
    "cost_per_operation": {
        "excellent": (
            "Keep it: make sure that cheap is not paid with errors or waiting.",
            "Manténgalo: asegúrese de que lo barato no se pague con errores o esperas.",
        ),
        "good": (
            "Compare teams and months: move work to where it costs less at the same quality.",
            "Compare equipos y meses: lleve el trabajo a donde cuesta menos con la misma calidad.",
        ),
        "acceptable": (
            "Group by activity and take the dearest one: fewer hand-overs, then automation.",
            "Agrupe por actividad y tome la más cara: menos traspasos y después automatización.",
        ),
        "poor": (
            "Automate the activities with most count x cost, and handle the exceptions apart.",
            "Automatice las actividades con mayor número x coste y trate las excepciones aparte.",
        ),
        "insufficient-data": (
            "Set hourly rates and fixed costs in the cost model, and a scale in this currency where none fits.",
            "Fije tarifas por hora y costes fijos en el modelo de costes, y una escala en esta moneda si ninguna sirve.",
        ),
    },
    "automation_level": {
        "excellent": (
            "Review the automatic decisions by sampling, and keep a person for the exceptions.",
            "Revise por muestreo las decisiones automáticas y conserve a una persona para las excepciones.",
        ),
        "good": (
            "Take the next candidate: the manual activity with most count x mean time.",
            "Tome la siguiente candidata: la actividad manual con mayor número x tiempo medio.",
        ),
        "acceptable": (
            "Automate intake first: data that arrives structured needs no typing.",
            "Automatice primero la entrada: los datos que llegan estructurados no se teclean.",
        ),
        "poor": (
            "Choose one frequent activity with clear rules and automate it end to end.",
            "Elija una actividad frecuente y de reglas claras y automatícela de principio a fin.",
        ),
        "insufficient-data": (
            "Mark who worked (actor.kind person or automation); five operations give a first value.",
            "Indique quién trabajó (actor.kind person o automation); cinco operaciones dan un primer valor.",
        ),
    },
    "internal_satisfaction": {
        "excellent": (
            "Ask what people value most, and protect it when processes change.",
            "Pregunte qué se valora más y protéjalo cuando cambien los procesos.",
        ),
        "good": (
            "Read the comments of the 3s: they say what keeps them from a 4.",
            "Lea los comentarios de los 3: dicen qué les falta para el 4.",
        ),
        "acceptable": (
            "Tell requesters the state of their case before they ask for it.",
            "Informe del estado del caso antes de que lo pregunten.",
        ),
        "poor": (
            "Talk to the team with the lowest score this week, and compare it with waiting and errors.",
            "Hable esta semana con el equipo peor valorado y compárelo con esperas y errores.",
        ),
        "insufficient-data": (
            "Ask for a score when a case ends; from five answers on the value is shown.",
            "Pida una puntuación al cerrar cada caso; desde cinco respuestas se muestra el valor.",
        ),
    },
    "case_throughput_time": {
        "excellent": (
            "Keep it: watch p95, where the forgotten cases are.",
            "Manténgalo: vigile el p95, donde están los casos olvidados.",
        ),
        "good": (
            "Compare with processing time: what is left is waiting, so shorten the queue.",
            "Compárelo con el tiempo de trabajo: lo demás es espera; acorte la cola.",
        ),
        "acceptable": (
            "Find the step before which cases wait longest, and give it a deadline and a deputy.",
            "Busque el paso ante el que más esperan los casos y póngale plazo y suplente.",
        ),
        "poor": (
            "Work on open cases oldest first, and remove one approval or hand-over.",
            "Atienda los casos abiertos del más antiguo al más nuevo y quite una aprobación o un traspaso.",
        ),
        "insufficient-data": (
            "Send the case with each operation; five cases give a first value.",
            "Envíe el caso en cada operación; cinco casos dan un primer valor.",
        ),
    },
    "case_rework_rate": {
        "excellent": (
            "Keep it, and share how it is done with the other processes.",
            "Manténgalo y comparta cómo se hace con los demás procesos.",
        ),
        "good": (
            "Look at the activity that is repeated most and ask for what was missing the first time.",
            "Mire la actividad que más se repite y pida lo que faltó la primera vez.",
        ),
        "acceptable": (
            "Return incomplete requests at the entrance, with the reason, not half-way.",
            "Devuelva en la entrada, con el motivo, las peticiones incompletas; no a mitad de camino.",
        ),
        "poor": (
            "Take ten repeated cases, write down each cause, and remove the most frequent.",
            "Tome diez casos repetidos, anote la causa de cada uno y elimine la más frecuente.",
        ),
        "insufficient-data": (
            "Send every time an activity is done, with its case; five cases give a first value.",
            "Envíe cada vez que se hace una actividad, con su caso; cinco casos dan un primer valor.",
        ),
    },
    "no_touch_rate": {
        "excellent": (
            "Check samples of the untouched cases, so that errors do not pass unseen.",
            "Revise muestras de los casos sin intervención para que no pasen errores sin verse.",
        ),
        "good": (
            "List why the other cases are touched, and turn the most frequent reason into a rule.",
            "Liste por qué se tocan los demás casos y convierta el motivo más frecuente en regla.",
        ),
        "acceptable": (
            "Let cases within tolerance pass by themselves, and ask a person for the rest alone.",
            "Deje pasar solos los casos dentro de tolerancia y pida intervención solo en el resto.",
        ),
        "poor": (
            "Begin with one kind of simple case, and take its manual steps out one by one.",
            "Empiece por un tipo de caso sencillo y quítele los pasos manuales uno a uno.",
        ),
        "insufficient-data": (
            "Send the work of automation too, with its case; five cases give a first value.",
            "Envíe también el trabajo de los automatismos, con su caso; cinco casos dan un primer valor.",
        ),
    },
    "first_pass_yield": {
        "excellent": (
            "Keep it, and raise the target where the volume grows.",
            "Manténgalo y suba el objetivo donde crezca el volumen.",
        ),
        "good": (
            "Look at what the failed cases share: a supplier, a team, a form.",
            "Mire qué comparten los casos fallidos: un proveedor, un equipo, un formulario.",
        ),
        "acceptable": (
            "Check the data against the master record before the case begins.",
            "Compruebe los datos con el registro maestro antes de empezar el caso.",
        ),
        "poor": (
            "Stop and mend the first step that fails most: every later step pays for it.",
            "Pare y arregle el primer paso que más falla: todos los siguientes lo pagan.",
        ),
        "insufficient-data": (
            "Send outcome and corrects with each operation; five cases give a first value.",
            "Envíe outcome y corrects en cada operación; cinco casos dan un primer valor.",
        ),
    },
}


# Of a value in working time, which no scale is of: English, Spanish.
BY_THE_CLOCK = (
    "No band: scales are of time by the clock, and this is working time. Compare it with other periods by this calendar.",
    (
        "Sin banda: las escalas son de tiempo de reloj y esto es tiempo laborable. Compárelo con otros periodos según este "
        "calendario."
    ),
)


def advise(kpi: str, band: Band, language: Language) -> str:
    """Return the advice in the caller's language."""
    english, spanish = ADVICE[kpi][band]
    return spanish if language == "es" else english
