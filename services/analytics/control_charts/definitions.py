"""How limits are drawn and what counts as a signal, exactly.

Since version 2 of the limits a bucket that is not over, or that the period cuts, is neither drawn from nor judged.
"""

from services.analytics.control_charts.rules import Chart, Rule
from services.analytics.definition import Method

LIMITS: dict[Chart, Method] = {
    "p": Method(
        "trastienda.control-limits.p-3-sigma-continuity",
        2,
        "p chart. Centre: what counts divided by all, over the whole buckets of the baseline. Limits: centre +- (3 x "
        "sqrt(centre x (1 - centre) / n) + 1 / (2 n)) with the bucket's own n, within 0 and 1. The last term (continuity) "
        "keeps small buckets from alarming by chance; half a unit from the centre is on neither side of it.",
        "Gráfico p. Centro: lo que cuenta entre el total, en los tramos completos de la línea base. Límites: centro +- (3 x "
        "raíz(centro x (1 - centro) / n) + 1 / (2 n)) con la n de cada tramo, entre 0 y 1. El último término (continuidad) "
        "evita que los tramos pequeños alarmen por azar; a media unidad del centro no se está a ningún lado.",
    ),
    "xmr": Method(
        "trastienda.control-limits.xmr-3-sigma",
        2,
        "XmR chart (individuals and moving range). Centre: mean of the values of the baseline's whole buckets, each "
        "counted once. Sigma: mean moving range between buckets that follow each other / 1.128. Limits: centre +- 3 sigma; that "
        "of a time is cut at 0.",
        "Gráfico XmR (individuales y rango móvil). Centro: media de los valores de los tramos completos de la línea base, cada "
        "uno contado una vez. Sigma: rango móvil medio entre tramos consecutivos / 1,128. Límites: centro +- 3 sigma; el de un "
        "tiempo se corta en 0.",
    ),
}

RULES: dict[Rule, Method] = {
    "beyond-3-sigma": Method(
        "trastienda.run-rule.beyond-3-sigma",
        1,
        "A bucket beyond a limit (Western Electric 1, Nelson 1).",
        "Un tramo fuera de un límite (Western Electric 1, Nelson 1).",
    ),
    "nine-on-one-side": Method(
        "trastienda.run-rule.nine-on-one-side",
        1,
        "Nine buckets in a row on one side of the centre (Nelson 2).",
        "Nueve tramos seguidos al mismo lado del centro (Nelson 2).",
    ),
    "six-trending": Method(
        "trastienda.run-rule.six-trending",
        1,
        "Six buckets in a row, each higher, or each lower, than the one before (Nelson 3).",
        "Seis tramos seguidos, cada uno mayor, o cada uno menor, que el anterior (Nelson 3).",
    ),
    "two-of-three-beyond-2-sigma": Method(
        "trastienda.run-rule.two-of-three-beyond-2-sigma",
        1,
        "Two of three buckets in a row beyond 2 sigma on the same side (Western Electric 2, Nelson 5).",
        "Dos de tres tramos seguidos a más de 2 sigma por el mismo lado (Western Electric 2, Nelson 5).",
    ),
}
