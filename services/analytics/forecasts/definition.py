"""What a forecast means, exactly."""

from services.analytics.definition import Method

FORECAST = Method(
    "trastienda.forecast.weekday-mean",
    2,
    "An operation arrives on the day (of `time_zone`) on which it was requested, else started, else finished; only "
    "finished ones are known, so the last `settling_days` days, in which those still open are missing, are left out. "
    "Expected arrivals: mean of the last `weeks` ordinary days of the same weekday. A holiday is expected to have that "
    "mean x (sum over past holidays / sum of what their weekdays let expect); without past holidays 0, with an interval "
    "up to an ordinary day's. Workload: arrivals x (people's share x their mean touch time + automation's share x its), "
    "shares of all and means of those whose start was observed, of what arrived in the last `weeks` weeks; unknown while "
    "one of both did something and nothing of it was observed. Interval: expected + the 10th and 90th percentile (at p x (n + 1)) of the errors of the "
    "same method over the last 52 weeks, as many weeks ahead: of the same weekday, or of holidays, from 9 errors on, "
    "else of all days over the root of their mean.",
    "Una operación llega el día (de `time_zone`) en que se solicitó; si falta, en que empezó; si falta, en que terminó. "
    "Solo se conocen las terminadas, así que se dejan fuera los últimos `settling_days` días, en los que faltan las aún "
    "abiertas. Llegadas previstas: media de los últimos `weeks` días ordinarios del mismo día de la semana. De un festivo "
    "se espera esa media x (suma de los festivos pasados / suma de lo que sus días de la semana hacían esperar); sin "
    "festivos pasados 0, con un intervalo hasta el de un día ordinario. Carga: llegadas x (proporción de las "
    "personas x su tiempo medio de trabajo + proporción de la automatización x el suyo), proporciones de todas las "
    "llegadas en las últimas `weeks` semanas y medias de aquellas cuyo inicio se observó; desconocida mientras una de las "
    "dos haya hecho algo sin que se observara nada. Intervalo: lo previsto + los percentiles 10 y 90 (en "
    "p x (n + 1)) de los errores del mismo método en las últimas 52 semanas, con la misma antelación en semanas: del mismo "
    "día de la semana, o de los festivos, desde 9 errores; si no, de todos los días entre la raíz de su media.",
)
