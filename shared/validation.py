"""Validation errors as a reader wants them: where, what is wrong, what is expected; in English and Spanish."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import PydanticCustomError

from shared.errors import Language

# pydantic's error types that people meet, in Spanish; its own English text serves English.
_SPANISH: dict[str, str] = {
    "missing": "falta este valor",
    "extra_forbidden": "este nombre no se admite aquí",
    "string_type": "debe ser un texto",
    "string_too_short": "debe tener al menos {min_length} caracteres",
    "string_too_long": "debe tener como mucho {max_length} caracteres",
    "string_pattern_mismatch": "debe cumplir el patrón {pattern}",
    "int_type": "debe ser un número entero",
    "int_parsing": "debe ser un número entero",
    "float_type": "debe ser un número",
    "bool_type": "debe ser verdadero o falso",
    "bool_parsing": "debe ser verdadero o falso",
    "decimal_parsing": "debe ser un número decimal en texto",
    "greater_than": "debe ser mayor que {gt}",
    "greater_than_equal": "debe ser mayor o igual que {ge}",
    "less_than": "debe ser menor que {lt}",
    "less_than_equal": "debe ser menor o igual que {le}",
    "date_type": "debe ser una fecha AAAA-MM-DD",
    "date_parsing": "debe ser una fecha AAAA-MM-DD",
    "date_from_datetime_parsing": "debe ser una fecha AAAA-MM-DD",
    "datetime_type": "debe ser una fecha y hora ISO 8601",
    "datetime_parsing": "debe ser una fecha y hora ISO 8601",
    "datetime_from_date_parsing": "debe ser una fecha y hora ISO 8601",
    "timezone_aware": "la hora debe llevar su desfase respecto a UTC",
    "uuid_parsing": "debe ser un UUID",
    "uuid_type": "debe ser un UUID",
    "enum": "debe ser uno de: {expected}",
    "literal_error": "debe ser uno de: {expected}",
    "list_type": "debe ser una lista",
    "too_short": "debe tener al menos {min_length} elementos",
    "too_long": "debe tener como mucho {max_length} elementos",
    "json_invalid": "no es JSON válido: {error}",
    "model_attributes_type": "debe ser un objeto JSON",
    "model_type": "debe ser un objeto JSON",
}


def value_error(kind: str, en: str, es: str) -> PydanticCustomError:
    """Return what a validator of ours raises, with its text in both languages; `kind` is the error's stable type."""
    _SPANISH[kind] = es
    return PydanticCustomError(kind, en)


def describe_errors(errors: Iterable[Mapping[str, Any]], language: Language) -> list[dict[str, str]]:
    """Return one entry per invalid value: `at` (place), `message`, `type`. The value itself is not repeated."""
    return [
        {
            "at": ".".join(str(part) for part in error["loc"]),
            "message": _message(error, language),
            "type": str(error["type"]),
        }
        for error in errors
    ]


def _message(error: Mapping[str, Any], language: Language) -> str:
    english = str(error["msg"]).removeprefix("Value error, ")
    template = _SPANISH.get(str(error["type"])) if language == "es" else None
    if template is None:
        return english
    try:
        # pydantic joins the allowed values in English
        context = {key: str(value).replace(" or ", " o ") for key, value in (error.get("ctx") or {}).items()}
        return template.format_map(context)
    except KeyError:
        return english
