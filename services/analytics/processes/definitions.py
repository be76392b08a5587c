"""What each answer about a process means, exactly."""

from services.analytics.definition import Method

EDGE_WAIT = Method(
    "trastienda.edge-wait.finish-to-observed-start",
    1,
    "Time from the finish of an operation to the start of the one that follows it in the case, where that start was "
    "observed; else it is counted in `unknown`, never as 0. One that started before the other finished waited 0 and is "
    "counted in `overlaps`. What follows what is the order of finishing (equal moments in order of arrival) within the "
    "whole case; an edge belongs to the moment, activity, team and kind of actor of the operation it leads to.",
    "Tiempo desde el fin de una operación hasta el inicio de la que la sigue en el caso, si ese inicio se observó; si no, "
    "se cuenta en `unknown`, nunca como 0. La que empezó antes de que la otra terminara esperó 0 y se cuenta en "
    "`overlaps`. El orden es el de terminación (a igual momento, el de llegada) dentro del caso entero; un paso pertenece "
    "al momento, actividad, equipo y tipo de actor de la operación a la que lleva.",
)
EDGE_ELAPSED = Method(
    "trastienda.edge-elapsed.finish-to-finish",
    1,
    "Time from the finish of an operation to the finish of the one that follows it: waiting and work together, known of "
    "every edge, also where no start is.",
    "Tiempo desde el fin de una operación hasta el fin de la que la sigue: espera y trabajo juntos, conocido en todos los "
    "pasos, también donde no se conoce ningún inicio.",
)
VARIANTS = Method(
    "trastienda.variants.finished-activities",
    1,
    "Cases with the same sequence of finished activities (in order of finishing; equal moments in order of arrival). "
    "`share` is the variant's cases divided by all cases with at least one operation whose last moment lies in the "
    "period. Throughput is the time from the first to the last moment known of a case.",
    "Casos con la misma secuencia de actividades terminadas (por orden de terminación; a igual momento, de llegada). "
    "`share` son los casos de la variante entre todos los casos con alguna operación cuyo último momento cae en el "
    "periodo. El tiempo de paso va del primer al último momento conocidos del caso.",
)
CANDIDATES = Method(
    "trastienda.automation-candidates.n-times-mean-touch",
    1,
    "Activities done by people, by n x mean touch time: operations without an observed start are taken to last as long "
    "as the measured ones of their activity. An activity without any measured one has no hours (null), comes last, "
    "and is counted in `unmeasured` and left out of the totals, which are null without any hours. The requester's "
    "own submission (activities submit-* and request-*) is left out. Saving = hours x coverage x hourly rate, "
    "less n x coverage x the cost of one automated operation; each part is rounded to the currency's smallest unit.",
    "Actividades hechas por personas, por n x tiempo medio de trabajo: se supone que las operaciones sin inicio observado "
    "duran como las medidas de su actividad. Sin ninguna medida no hay horas (null), y la actividad va al final, se "
    "cuenta en `unmeasured` y no entra en los totales, que sin ninguna hora son null. La propia solicitud "
    "de quien pide (actividades submit-* y request-*) queda fuera. Ahorro = horas x cobertura x tarifa por hora, "
    "menos n x cobertura x coste de una operación automática; cada parte se redondea a la unidad mínima de la moneda.",
)
OPEN_BY_TERMINAL = Method(
    "trastienda.open-cases.no-terminal-activity",
    1,
    "Cases in which none of the process's terminal activities was finished. Age is the time since the case's first known "
    "moment, idle the time since its last.",
    "Casos en los que no se terminó ninguna de las actividades finales del proceso. La edad es el tiempo desde el primer "
    "momento conocido del caso; la inactividad, desde el último.",
)
OPEN_BY_IDLENESS = Method(
    "trastienda.open-cases.seen-lately",
    1,
    "The process has no terminal activities set, so that nothing says which cases ended: cases of which something was "
    "seen within the last `idle_days` days are taken to be open. Age is the time since the case's first known moment, "
    "idle the time since its last.",
    "El proceso no tiene actividades finales fijadas, y nada dice qué casos acabaron: se dan por abiertos los casos de los "
    "que se vio algo en los últimos `idle_days` días. La edad es el tiempo desde el primer momento conocido del caso; la "
    "inactividad, desde el último.",
)
QUEUES = Method(
    "trastienda.queues.after-last-finished-activity",
    1,
    "Open cases by the activity that was finished last (null: none yet). Operations are reported when they end: which "
    "activity a case waits for, and whether someone has begun it, is not known before.",
    "Casos abiertos por la última actividad terminada (null: todavía ninguna). Las operaciones se comunican al terminar: a "
    "qué actividad espera un caso, y si alguien la ha empezado, no se sabe antes.",
)
