"""Refusals as RFC 9457 problems, in English and Spanish: what is wrong, where, and how to mend it."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import msgspec

from shared.tracing import current_request_id

PROBLEM_JSON = "application/problem+json"
PROBLEM_BASE = "https://trastienda.dev/problems/"

Language = Literal["en", "es"]


class DomainError(Exception):
    """A refusal the caller can understand. Subclasses are named for it and stand beside what raises them.

    `en` and `es` are format templates; the keyword values given when it is raised fill them and become
    members of the problem document, so they must be JSON values and free of secrets.
    """

    code: ClassVar[str] = "internal-error"
    status: ClassVar[int] = 500
    en: ClassVar[str] = "The request could not be handled; the failure is logged under the request id."
    es: ClassVar[str] = "No se pudo atender la petición; el fallo queda registrado con el id de la petición."
    hint_en: ClassVar[str] = ""
    hint_es: ClassVar[str] = ""
    headers: Mapping[str, str] = {}

    def __init__(self, **values: Any) -> None:
        self.values = values
        super().__init__(self.en.format_map(values))

    def detail(self, language: Language) -> str:
        return (self.es if language == "es" else self.en).format_map(self.values)

    def hint(self, language: Language) -> str:
        return (self.hint_es if language == "es" else self.hint_en).format_map(self.values)


class NotFound(DomainError):
    code, status = "not-found", 404
    en = "There is nothing here under this address."
    es = "No hay nada en esta dirección."
    hint_en = "Check the path and the id; an id of another tenant is not found either."
    hint_es = "Compruebe la ruta y el id; un id de otra organización tampoco se encuentra."


class MethodNotAllowed(DomainError):
    code, status = "method-not-allowed", 405
    en = "This address does not take the method {method}."
    es = "Esta dirección no admite el método {method}."
    hint_en = "See the Allow header and /openapi.json."
    hint_es = "Vea la cabecera Allow y /openapi.json."


class InvalidInput(DomainError):
    code, status = "invalid-input", 422
    en = "The request has {count} invalid value(s); see `errors`."
    es = "La petición tiene {count} valor(es) no válido(s); vea `errors`."
    hint_en = "Each entry of `errors` names the place (`at`) and what is expected there."
    hint_es = "Cada entrada de `errors` indica el lugar (`at`) y lo que se espera en él."


class BodyTooLarge(DomainError):
    code, status = "body-too-large", 413
    en = "The body is larger than {limit} bytes."
    es = "El cuerpo supera los {limit} bytes."


class IncompleteBody(DomainError):
    code, status = "incomplete-body", 400
    en = "The body ended before it was complete; nothing was stored."
    es = "El cuerpo terminó antes de estar completo; no se ha guardado nada."
    hint_en = "Send the request again with its whole body."
    hint_es = "Envíe de nuevo la petición con el cuerpo entero."


class RequestTimeout(DomainError):
    code, status = "request-timeout", 504
    en = "The request took longer than {seconds} seconds and was ended; nothing was changed."
    es = "La petición tardó más de {seconds} segundos y se interrumpió; no se ha cambiado nada."


class Unavailable(DomainError):
    code, status = "temporarily-unavailable", 503
    en = "A part this request needs ({part}) cannot be reached now; nothing was changed."
    es = "Una parte que esta petición necesita ({part}) no responde ahora; no se ha cambiado nada."
    hint_en = "Try again after the time in Retry-After."
    hint_es = "Inténtelo de nuevo pasado el tiempo de Retry-After."
    headers: Mapping[str, str] = {"Retry-After": "2"}


def preferred_language(accept_language: str | None) -> Language:
    """Return the better of English and Spanish by `Accept-Language` weights (RFC 9110); English when equal."""
    weights = {"en": 0.0, "es": 0.0}
    for item in (accept_language or "").split(","):
        tag, _, weight = item.strip().partition(";")
        name = tag.strip().split("-")[0].lower()
        if name in weights:
            weights[name] = max(weights[name], _quality(weight))
    return "es" if weights["es"] > weights["en"] else "en"


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0


_TITLES: dict[int, tuple[str, str]] = {
    400: ("Bad request", "Petición incorrecta"),
    401: ("Not authenticated", "Sin autenticar"),
    403: ("Not allowed", "Sin permiso"),
    404: ("Not found", "No encontrado"),
    405: ("Method not allowed", "Método no admitido"),
    408: ("Request timed out", "Petición incompleta a tiempo"),
    409: ("Conflict", "Conflicto"),
    412: ("Precondition failed", "Condición no cumplida"),
    413: ("Body too large", "Cuerpo demasiado grande"),
    415: ("Unsupported media type", "Tipo de contenido no admitido"),
    416: ("Range not satisfiable", "Rango no disponible"),
    422: ("Invalid input", "Datos no válidos"),
    428: ("Precondition required", "Falta una condición"),
    429: ("Too many requests", "Demasiadas peticiones"),
    431: ("Headers too large", "Cabeceras demasiado grandes"),
    502: ("Bad gateway", "Respuesta no válida de un servicio"),
    503: ("Unavailable", "No disponible"),
    504: ("Timed out", "Tiempo agotado"),
}


def problem_document(error: DomainError, language: Language, instance: str) -> bytes:
    """Return the problem as JSON bytes. `instance` is the request's path, without its query."""
    title_en, title_es = _TITLES.get(error.status, ("Internal error", "Error interno"))
    document: dict[str, Any] = {
        "type": PROBLEM_BASE + error.code,
        "title": title_es if language == "es" else title_en,
        "status": error.status,
        "detail": error.detail(language),
        "instance": instance,
        "code": error.code,
        "request_id": current_request_id.get(),
        "hint": error.hint(language),
    }
    members = {**error.values, **document}
    try:
        return msgspec.json.encode(members, enc_hook=str)
    except UnicodeEncodeError:  # half a surrogate pair, which a request can smuggle into what a refusal quotes
        return json.dumps(members, default=str).encode()


def problems(*errors: type[DomainError]) -> dict[int | str, dict[str, Any]]:
    """Return the `responses=` of a route: each refusal it can answer with, grouped by status."""
    by_status: dict[int | str, list[type[DomainError]]] = {}
    every: tuple[type[DomainError], ...] = (*errors, InvalidInput)
    for error in every:
        by_status.setdefault(error.status, []).append(error)
    return {
        status: {
            "description": "; ".join(f"`{error.code}`" for error in group),
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, group in by_status.items()
    }


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem; a refusal's own values are further members.",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id", "hint"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": ["string", "null"]},
        "hint": {"type": "string"},
    },
    "additionalProperties": True,
}
