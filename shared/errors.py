"""Refusals as RFC 9457 problems, in English and Spanish: what is wrong, where, and how to mend it."""

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import msgspec

from shared.tracing import current_request_id

PROBLEM_JSON = "application/problem+json"
PROBLEM_BASE = "https://trastienda.dev/problems/"

TEXTS: Mapping[str, Mapping[str, Any]] = tomllib.loads(Path(__file__).with_name("texts.toml").read_text("utf-8"))

Language = Literal["en", "es"]
Words = Mapping[str, Mapping[str, Sequence[str]]]
Marked = TypeVar("Marked", bound=Callable[..., Any])


class DomainError(Exception):
    """A refusal the caller can understand. Subclasses are named for it and stand beside what raises them.

    `en` and `es` are format templates; the keyword values given when it is raised fill them and become
    members of the problem document, so they must be JSON values and free of secrets. Where a member is a name of ours,
    `words` has what the text says for it in English and Spanish; the member keeps the name.
    """

    code: ClassVar[str] = "internal-error"
    status: ClassVar[int] = 500
    en: ClassVar[str] = "The request could not be handled; the failure is logged under the request id."
    es: ClassVar[str] = "No se pudo atender la petición; el fallo queda registrado con el id de la petición."
    hint_en: ClassVar[str] = ""
    hint_es: ClassVar[str] = ""
    words: ClassVar[Words] = {}
    headers: Mapping[str, str] = {}

    def __init__(self, **values: Any) -> None:
        self.values = values
        super().__init__(self.detail("en"))

    def detail(self, language: Language) -> str:
        return self._fill(self.es if language == "es" else self.en, language)

    def hint(self, language: Language) -> str:
        return self._fill(self.hint_es if language == "es" else self.hint_en, language)

    def _fill(self, template: str, language: Language) -> str:
        said = {
            member: texts[self.values[member]][language == "es"].format_map(self.values)
            for member, texts in self.words.items()
            if self.values[member] in texts
        }
        return template.format_map(self.values | said)


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


class NullCharacter(DomainError):
    code, status = "null-character", 422
    en = "The request holds a null character (U+0000), which no text may hold."
    es = "La petición contiene un carácter nulo (U+0000), que ningún texto puede contener."
    hint_en = "Leave it out, in the address (%00) and in the body."
    hint_es = "Quítelo, tanto de la dirección (%00) como del cuerpo."


class BodyTooLarge(DomainError):
    code, status = "body-too-large", 413
    en = "The body is larger than {limit} bytes."
    es = "El cuerpo supera los {limit} bytes."
    hint_en = "Send less in one request."
    hint_es = "Envíe menos en cada petición."


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
    hint_en = "Ask for less at once, or try again later."
    hint_es = "Pida menos de una vez o inténtelo más tarde."


class Unavailable(DomainError):
    code, status = "temporarily-unavailable", 503
    en = "A part this request needs ({part}) cannot be reached now; nothing was changed."
    es = "Una parte que esta petición necesita ({part}) no responde ahora; no se ha cambiado nada."
    hint_en = "Try again after the time in Retry-After."
    hint_es = "Inténtelo de nuevo pasado el tiempo de Retry-After."
    words: ClassVar[Words] = {"part": TEXTS["parts"]}
    headers: Mapping[str, str] = {"Retry-After": "2"}


class OutcomeUnknown(DomainError):
    code, status = "outcome-unknown", 503
    en = "The database did not confirm the change: it may have happened or not."
    es = "La base de datos no confirmó el cambio: puede haberse hecho o no."
    hint_en = "Look whether it happened, or repeat the request with the same Idempotency-Key."
    hint_es = "Compruebe si se hizo o repita la petición con la misma Idempotency-Key."
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


def problem_document(error: DomainError, language: Language, instance: str) -> bytes:
    """Return the problem as JSON bytes. `instance` is the request's path, without its query."""
    titles = TEXTS["titles"]
    document: dict[str, Any] = {
        "type": PROBLEM_BASE + error.code,
        "title": titles.get(str(error.status), titles["500"])[language == "es"],
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


def problems(
    *errors: type[DomainError], declared: Mapping[int | str, dict[str, Any]] | None = None
) -> dict[int | str, dict[str, Any]]:
    """Return the `responses=` of a route: its use case's refusals, beside what is `declared` already.

    What its dependencies refuse is added by itself (see `refuses`).
    """
    responses: dict[int | str, dict[str, Any]] = {str(key): {**answer} for key, answer in (declared or {}).items()}
    every: tuple[type[DomainError], ...] = (*errors, InvalidInput)
    for error in every:
        content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        answer = responses.setdefault(str(error.status), {"description": "", "content": content})
        codes = answer["description"].split("; ") if answer["description"] else []
        answer["description"] = "; ".join(dict.fromkeys([*codes, f"`{error.code}`"]))
    return responses


def refuses(*errors: type[DomainError]) -> Callable[[Marked], Marked]:
    """Say what a dependency refuses: every route that depends on it declares that."""

    def mark(dependency: Marked) -> Marked:
        dependency.__dict__["refusals"] = errors
        return dependency

    return mark


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem; a refusal's own values are further members.",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id", "hint"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "status": {"type": "integer"},
        "request_id": {"type": ["string", "null"]},
        **{text: {"type": "string"} for text in ("title", "detail", "instance", "code", "hint")},
    },
    "additionalProperties": True,
}
