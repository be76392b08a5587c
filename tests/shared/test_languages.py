"""Whatever is refused is said in English and in Spanish; no library's words get into the Spanish."""

import ast
import inspect
import json
import json.decoder
import json.scanner
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from pydantic_core._pydantic_core import list_all_errors

import gateway.app
from deploy.registry import SERVICES, load_service
from services.billing.invoices.errors import IllegalTransition
from services.billing.invoices.models import InvoiceStatus
from services.hr.leave.errors import IllegalLeaveTransition
from services.hr.leave.models import LeaveStatus
from shared.auth import InvalidToken
from shared.errors import TEXTS, DomainError, Unavailable, problem_document
from shared.routing import _parse
from shared.validation import describe_errors, value_error
from tests.fixtures.services import Harness, problem

ROOT = Path(__file__).parents[2]
assert gateway.app  # imported, as the services are, for the refusals it brings
assert [load_service(name) for name in SERVICES]


def below(kind: type[Any]) -> Iterator[type[Any]]:
    for each in kind.__subclasses__():
        yield each
        yield from below(each)


REFUSALS = sorted(
    {each for each in below(DomainError) if not each.__module__.startswith("tests.") and "code" in vars(each)},
    key=lambda each: each.code,
)


def fields_of(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda each: each.code)
def test_a_refusal_says_the_same_in_both_languages(refusal: type[DomainError]) -> None:
    for english, spanish in ((refusal.en, refusal.es), (refusal.hint_en, refusal.hint_es)):
        assert fields_of(english) == fields_of(spanish)
        assert bool(english) == bool(spanish)
        assert not english or english != spanish
    assert refusal.en
    assert str(refusal.status) in TEXTS["titles"]
    for member, texts in refusal.words.items():
        assert member in fields_of(refusal.en) & fields_of(refusal.es)
        for english, spanish in texts.values():
            assert fields_of(english) == fields_of(spanish)
            assert english != spanish


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda each: each.code)
def test_a_refusal_says_how_to_mend_it(refusal: type[DomainError]) -> None:
    assert refusal.hint_en


def test_words_of_ours_are_translated_in_the_text_alone() -> None:
    document = json.loads(problem_document(Unavailable(part="database"), "es", "/x"))
    assert "(base de datos)" in document["detail"]
    assert document["part"] == "database"
    assert "(a thing)" in Unavailable(part="a thing").detail("es")
    told = IllegalTransition(number="paid", state="paid", step="payment", needed="approved").detail("es")
    assert told == "La factura paid está pagada; para marcarla como pagada debe estar aprobada."  # a number is a text


def test_every_state_has_words() -> None:
    assert set(InvoiceStatus) == IllegalTransition.words["state"].keys()
    assert set(LeaveStatus) <= IllegalLeaveTransition.words["state"].keys()


@pytest.mark.parametrize("kind", sorted(below(jwt.PyJWTError), key=str))
def test_every_error_of_the_token_library_has_words_of_ours(kind: type[jwt.PyJWTError]) -> None:
    error = kind("exp") if kind is jwt.MissingRequiredClaimError else kind("a library's words")
    refusal = InvalidToken.of(error)
    about_the_key_set = issubclass(kind, (jwt.PyJWKError, jwt.PyJWKSetError, jwt.exceptions.PyJWKClientError))
    assert (refusal.values["reason"] == "unacceptable") == about_the_key_set
    for language in ("en", "es"):
        assert "library" not in refusal.detail(language)
    assert refusal.detail("es") != refusal.detail("en")
    assert ("exp" in refusal.detail("es")) == (kind is jwt.MissingRequiredClaimError)


@pytest.mark.parametrize("known", list_all_errors(), ids=lambda known: known["type"])
def test_every_error_of_pydantic_has_a_spanish_text(known: dict[str, Any]) -> None:
    kind, context = known["type"], known["example_context"] or {}
    assert kind in TEXTS["values"]
    error = {"type": kind, "loc": ("body", "x"), "msg": known["message_template_python"], "ctx": context}
    (told,) = describe_errors([error], "es")
    assert told["message"] == TEXTS["values"][kind].format_map(context | {"error": "error de sintaxis"})
    assert not told["message"].startswith(("Input", "Unable"))


def raised_kinds() -> Iterator[str]:
    """Yield the types of validation errors that our code names itself."""
    for part in ("shared", "services"):
        for file in (ROOT / part).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    first = node.args[0] if node.args else None
                    if node.func.id == "PydanticCustomError" and isinstance(first, ast.Constant):
                        yield str(first.value)


def test_what_we_raise_ourselves_has_a_spanish_text() -> None:
    kinds = set(raised_kinds())
    assert "date_parsing" in kinds
    assert kinds <= TEXTS["values"].keys(), "use value_error(kind, en, es)"


def test_an_own_validators_words_are_kept_in_each_language() -> None:
    error = value_error("odd", "an {odd} one", "uno raro: {}")
    entry = {"type": error.type, "loc": ("x",), "msg": error.message(), "ctx": error.context}
    assert describe_errors([entry], "en")[0]["message"] == "an {odd} one"
    assert describe_errors([entry], "es")[0]["message"] == "uno raro: {}"


MALFORMED = [
    (b"", "Expecting value"),
    (b"{1}", "Expecting property name enclosed in double quotes"),
    (b'{"a" 1}', "Expecting ':' delimiter"),
    (b"[1 2]", "Expecting ',' delimiter"),
    (b'"a', "Unterminated string starting at"),
    (b'"a\nb"', "Invalid control character at"),
    (b'"\\x"', "Invalid \\escape"),
    (b'"\\u12"', "Invalid \\uXXXX escape"),
    (b"1 2", "Extra data"),
    ("\ufeff1".encode(), "Unexpected UTF-8 BOM (decode using utf-8-sig)"),
    (b"[" * 100_000, "it is nested too deeply"),
    (b"\xff", "a text is not valid Unicode"),
    (b"[NaN]", "NaN and Infinity are not JSON"),
    (b"9" * 5_000, "a number has too many digits"),
]


@pytest.mark.parametrize(("body", "reason"), MALFORMED, ids=[reason for _, reason in MALFORMED])
async def test_a_body_that_is_no_json_is_told_why(kit: Harness, tenant: str, body: bytes, reason: str) -> None:
    with pytest.raises(json.JSONDecodeError) as raised:
        _parse(body)
    assert raised.value.msg == reason
    if not body:
        return  # FastAPI takes it for a missing body
    told = {}
    async with kit.client(tenant, **{"Content-Type": "application/json"}) as client:
        for language in ("en", "es"):
            answer = await client.post("/kit/things", content=body, headers={"Accept-Language": language})
            (entry,) = problem(answer)["errors"]
            told[language] = (entry["type"], entry["message"])
    spanish = TEXTS["json"][reason]
    assert told == {
        "en": ("json_invalid", f"not valid JSON: {reason}"),
        "es": ("json_invalid", f"no es JSON válido: {spanish}"),
    }


def test_every_reason_of_the_json_parser_has_a_spanish_text() -> None:
    reasons = {
        node.args[0].value
        for module in (json.decoder, json.scanner, json)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "JSONDecodeError"
        and isinstance(node.args[0], ast.Constant)
    }
    assert len(reasons) >= 6
    assert reasons <= TEXTS["json"].keys()
