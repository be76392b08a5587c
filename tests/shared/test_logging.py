"""Logs: one JSON object a line, whatever is logged."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from shared.failures import first_line
from shared.logging import JsonFormatter, configure_logging, without_values
from shared.tracing import TraceContext, current_request_id, current_trace


def logged(message: str = "hello", *args: object, error: BaseException | None = None, **extra: Any) -> dict[str, Any]:
    record = logging.getLogger("x").makeRecord(
        "x", logging.WARNING, "f", 1, message, args, (type(error), error, None) if error else None, extra=extra
    )
    line = JsonFormatter().format(record)
    assert "\n" not in line
    document: dict[str, Any] = json.loads(line)
    return document


def test_a_line_is_an_object() -> None:
    document = logged("%s items", 3, part="relay", n=2)
    assert (
        document.items() >= {"level": "warning", "logger": "x", "message": "3 items", "part": "relay", "n": 2}.items()
    )
    assert document["at"].endswith("+00:00")


def test_extra_values_do_not_take_the_place_of_our_own() -> None:
    assert logged("hello", level="silly", at="never")["level"] == "warning"


@pytest.mark.parametrize(
    "odd",
    [
        object(),
        {1, 2},
        {("a", "b"): 1},
        b"\xff",
        "\ud800",
        float("nan"),
        10**30,
        {"deep": {"\udc00": 1}},
        Exception("x"),
        range(3),
    ],
)
def test_no_value_breaks_a_line(odd: object) -> None:
    assert logged(odd=odd)["message"] == "hello"


def test_a_value_that_contains_itself_does_not_either() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert logged(odd=endless)["level"] == "warning"


def test_a_line_names_its_request() -> None:
    trace, request = current_trace.set(TraceContext.new()), current_request_id.set("request-1")
    try:
        document = logged()
    finally:
        current_trace.reset(trace)
        current_request_id.reset(request)
    assert document["request_id"] == "request-1"
    assert len(document["trace_id"]) == 32


def test_an_exception_is_a_member_and_quotes_no_row() -> None:
    quoted = "duplicate key\nDETAIL:  Key (national_id)=(12345678Z) already exists.\nCONTEXT: COPY t, line 1: ana"
    document = logged(error=ValueError(quoted))
    assert "ValueError: duplicate key" in document["exception"]
    assert "12345678Z" not in document["exception"]
    assert "ana" not in document["exception"]


@contextmanager
def kept_loggers() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield root
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.getLogger("uvicorn.access").propagate = True


def test_configured_logs_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with kept_loggers() as root:
        configure_logging("INFO")
        root.debug("not shown")
        logging.getLogger("uvicorn.access").info("nor this")
        logging.getLogger("uvicorn.error").warning("but this")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [json.loads(line)["message"] for line in captured.err.splitlines()] == ["but this"]


@pytest.mark.parametrize("place", ["$7", "$7 in element #2 of executemany() sequence"])
def test_what_the_driver_quotes_of_a_parameter_is_cut(place: str) -> None:
    said = f"<class 'DataError'>: invalid input for query argument {place}: 'Ana Gil' ('utf-8' codec: Ana)\n[SQL: SELECT $7]"
    cut = f"<class 'DataError'>: invalid input for query argument {place}:\n[SQL: SELECT $7]"
    assert without_values(said) == cut
    assert "Ana" not in logged(error=ValueError(said))["exception"]
    assert "Ana" not in first_line(ValueError(said))
