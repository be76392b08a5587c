"""Refusals of rendering."""

from typing import ClassVar

from shared.errors import DomainError, Words

_OBSTACLES = {
    "time-limit": ("it took too long", "tardó demasiado"),
    "memory-limit": ("it needed too much memory", "necesitó demasiada memoria"),
}


class NoSuchFormat(DomainError):
    code, status = "no-such-format", 406
    en = "A rendering is HTML or PDF; the header Accept takes neither."
    es = "Una representación es HTML o PDF; la cabecera Accept no admite ninguno de los dos."
    hint_en = "Ask with `format=html` or `format=pdf`, which count more than Accept."
    hint_es = "Pídala con `format=html` o `format=pdf`, que prevalecen sobre Accept."


class RenderingTooLarge(DomainError):
    code, status = "rendering-too-large", 422
    en = "The invoice cannot be drawn as {format} within the limits: {obstacle}."
    es = "La factura no se puede representar como {format} dentro de los límites: {obstacle}."
    hint_en = "HTML takes much less than PDF; what the invoice says is also in its canonical form and in its original."
    hint_es = "HTML requiere mucho menos que PDF; el contenido consta también en la forma canónica y en el original."
    words: ClassVar[Words] = {"obstacle": _OBSTACLES}


class RendererLost(DomainError):
    code, status = "renderer-lost", 503
    en = "The process that drew the invoice ended before it was done; nothing was changed."
    es = "El proceso que representaba la factura terminó antes de acabar; no se ha cambiado nada."
    hint_en = "Try again after the time in Retry-After; if it happens again, tell who runs the service the request id."
    hint_es = "Inténtelo de nuevo pasado el tiempo de Retry-After; si se repite, comunique el id de la petición."
    headers = {"Retry-After": "2"}  # noqa: RUF012 - declared as Mapping by the class above


class RenderersBusy(DomainError):
    code, status = "renderers-busy", 503
    en = "Every renderer is at work or still starting."
    es = "Todos los procesos de representación están ocupados o arrancando."
    hint_en = "Try again after the time in Retry-After."
    hint_es = "Inténtelo de nuevo pasado el tiempo de Retry-After."
    headers = {"Retry-After": "2"}  # noqa: RUF012 - declared as Mapping by the class above
