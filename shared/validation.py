"""Validation errors as a reader wants them: where, what is wrong, what is expected; in English and Spanish."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import PydanticCustomError

from shared.errors import TEXTS, Language


def value_error(kind: str, en: str, es: str) -> PydanticCustomError:
    """Return what a validator of ours raises, with its text in both languages; `kind` is the error's stable type."""
    return PydanticCustomError(kind, en, {"es": es})


def describe_errors(errors: Iterable[Mapping[str, Any]], language: Language) -> list[dict[str, str]]:
    """Return one entry per invalid value: `at` (place), `message`, `type`. The value itself is not repeated."""
    tell = _in_spanish if language == "es" else _in_english
    return [
        {
            "at": ".".join(str(part) for part in error["loc"]),
            "message": tell(str(error["type"]), str(error["msg"]), error.get("ctx") or {}),
            "type": str(error["type"]),
        }
        for error in errors
    ]


def _in_english(kind: str, text: str, context: Mapping[str, Any]) -> str:
    if kind == "json_invalid":
        return f"not valid JSON: {context.get('error', '')}"
    return text.removeprefix("Value error, ")


def _in_spanish(kind: str, _text: str, context: Mapping[str, Any]) -> str:
    values = {name: str(value) for name, value in context.items()}
    if "expected" in values:  # pydantic joins the allowed values in English
        values["expected"] = values["expected"].replace(" or ", " o ")
    if kind == "json_invalid":
        values["error"] = TEXTS["json"].get(values.get("error", ""), "error de sintaxis")
    try:
        return values.get("es") or str(TEXTS["values"][kind]).format_map(values)
    except KeyError:
        return str(TEXTS["values"]["value_error"])
